/** The only file that knows better-sqlite3: statements with parameters, rows parsed by schemas, errors for people. */
import Sqlite from 'better-sqlite3';
import * as v from 'valibot';
import { AppError } from '../../src-shared/errors.ts';

/** What SQLite stores and takes as a parameter here. */
export type Value = string | number | null;
/** Named parameters: `:run` in the SQL is `run` here. */
export type Parameters = Readonly<Record<string, Value>>;

/** How the rows of a table are read: `key` are the columns that name a row in an error message. */
export interface Table<Row> {
  name: string;
  key: readonly string[];
  row: v.GenericSchema<unknown, Row>;
}

/** A prepared SELECT. Rows come parsed; both throw `library.damaged-row` with table, row and column. */
export interface Query<Row> {
  /** The first row, or null. */
  one(parameters?: Parameters): Row | null;
  all(parameters?: Parameters): Row[];
}

/** A prepared statement that writes; gives the number of rows changed (those of foreign keys' cascades not counted). */
export type Command = (parameters?: Parameters) => number;

/** Whether the library may be changed (one process at a time) or only looked at (any number, beside the writer). */
export type Access = 'write' | 'read';

/** A SQLite file. Every error of SQLite that a person can do something about comes as an AppError; see `describeError`. */
export interface Database {
  readonly file: string;
  readonly access: Access;
  query<Row>(table: Table<Row>, sql: string): Query<Row>;
  command(sql: string): Command;
  /** Runs several statements without parameters: schema changes. */
  script(sql: string): void;
  /** The value of a setting of the file: `user_version`, `application_id`. */
  pragma(name: string): unknown;
  /** All or nothing. `work` must not wait for anything; nested calls become savepoints. */
  transaction<Result>(work: () => Result): Result;
  /** Whether this is called by the `work` of a transaction. */
  inTransaction(): boolean;
  close(): void;
}

/** A column that holds JSON text of the given form. */
export function json<Output>(schema: v.GenericSchema<unknown, Output>) {
  return v.pipe(v.string(), v.parseJson(), schema);
}

/**
 * JSON text for a column read by {@link json}. Parsing it on the way in means that what the schema refuses fails here, in the hands
 * of who made it, and never becomes a damaged row.
 */
export function toJson<Output>(schema: v.GenericSchema<unknown, Output>, value: Output): string {
  return JSON.stringify(v.parse(schema, value));
}

/**
 * Opens a SQLite file; with access `write` it is created when it is not there, but nothing is written yet.
 * @throws AppError; see `describeError`
 */
export function openDatabase(file: string, access: Access, busyMilliseconds = 5000): Database {
  const guarded = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (error) {
      throw describeError(error, file, access);
    }
  };
  const sqlite = guarded(
    () =>
      new Sqlite(file, {
        readonly: access === 'read',
        fileMustExist: access === 'read',
        timeout: busyMilliseconds,
      }),
  );
  return {
    file,
    access,
    query(table, sql) {
      const statement = guarded(() => sqlite.prepare<[Parameters]>(sql));
      return {
        one(parameters = {}) {
          const row = guarded(() => statement.get(parameters));
          return row === undefined ? null : parseRow(table, row);
        },
        all(parameters = {}) {
          return guarded(() => statement.all(parameters)).map((row) => parseRow(table, row));
        },
      };
    },
    command(sql) {
      const statement = guarded(() => sqlite.prepare<[Parameters]>(sql));
      return (parameters = {}) => guarded(() => statement.run(parameters).changes);
    },
    script(sql) {
      guarded(() => sqlite.exec(sql));
    },
    pragma: (name) => guarded(() => sqlite.pragma(name, { simple: true })),
    // Immediate: a transaction that starts by reading could not wait for another writer later on, it would fail at once.
    transaction: (work) => guarded(() => sqlite.transaction(work).immediate()),
    inTransaction: () => sqlite.inTransaction,
    close() {
      guarded(() => sqlite.close());
    },
  };
}

function parseRow<Row>(table: Table<Row>, raw: unknown): Row {
  const result = v.safeParse(table.row, raw);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = v.getDotPath(issue) ?? '';
  const cells = v.parse(v.record(v.string(), v.unknown()), raw);
  const row = table.key.map((name) => `${name} ${String(cells[name])}`).join(', ');
  const column = v.getDotPath(issue)?.split('.')[0] ?? '';
  throw new AppError(
    'library.damaged-row',
    `The library is damaged: in the table ${table.name}, row ${row}, the column ${column} cannot be read (${place}: ${issue.message}). ` +
      'Delete what the row belongs to, or bring back a copy of the library from before.',
    { table: table.name, row, column, place },
  );
}

/** Whether an error says that there is no space left. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof AppError && error.code === 'disk.full';
}

/** What a person can do about an error of SQLite. Anything else (our own mistakes in SQL, AppErrors) is given back as it is. */
function describeError(error: unknown, file: string, access: Access): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error;
  const code = error.code;
  const is = (...kinds: string[]) => kinds.some((kind) => code === kind || code.startsWith(`${kind}_`));
  const about = (ours: string, message: string) =>
    new AppError(ours, message, { file, sqlite: code }, { cause: error });
  if (is('SQLITE_FULL')) {
    return about(
      'disk.full',
      `There is no space left on the disk for ${file}. Nothing of this was saved, what was there before is safe. ` +
        'Free some space, or delete runs that you no longer need, and try again.',
    );
  }
  if (
    is('SQLITE_READONLY_DIRECTORY', 'SQLITE_READONLY_CANTINIT', 'SQLITE_CANTOPEN', 'SQLITE_PERM') ||
    (is('SQLITE_READONLY') && access === 'write')
  ) {
    return about(
      'library.not-writable',
      `${file} cannot be opened: it or its folder may not be written to (SQLite needs that even to read). ` +
        'Change the permissions, choose another library folder, or copy the library to where you may write.',
    );
  }
  if (is('SQLITE_READONLY')) {
    return about('library.read-only', `${file} is open for reading only, so nothing in it can be changed.`);
  }
  if (is('SQLITE_BUSY', 'SQLITE_LOCKED')) {
    return about(
      'library.busy',
      `Another program has kept ${file} locked for too long. Close what else has it open (a backup, a database browser) and try again.`,
    );
  }
  if (is('SQLITE_CORRUPT', 'SQLITE_NOTADB')) {
    return about(
      'library.damaged',
      `${file} is damaged or no SQLite database. Bring it back from a copy, or move it away to start a new library; ` +
        'samples and checkpoints stay in the folder "runs" beside it.',
    );
  }
  if (is('SQLITE_IOERR')) {
    return about(
      'library.io',
      `${file} could not be read or written (${code}): the disk may be full, gone or failing. Check it, then try again.`,
    );
  }
  return error;
}
