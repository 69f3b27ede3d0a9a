/**
 * One writer for a library. The lock is a SQLite transaction that never ends, on a second tiny file: the operating system drops it
 * with the process, however that dies, so there is nothing stale to clear.
 */
import { AppError } from '../../src-shared/errors.ts';
import { type Database, openDatabase } from './database.ts';

/** Long enough for another process to write down its id while it takes the lock; a lock that is held is held for hours. */
const patienceMilliseconds = 1000;

/** The locks that this process has. Kept, since garbage collection closes what nothing refers to. */
const held = new Set<Database>();

/**
 * Takes the library's lock and gives the function that lets it go.
 * @throws AppError `library.in-use` with `details.process`, the id of the process that has it (null when that is unknown);
 * `library.damaged` when the lock is another file
 */
export function takeLock(file: string, libraryDir: string): () => void {
  const database = openDatabase(file, 'write', patienceMilliseconds);
  try {
    // Only the id is worth writing, and it means nothing after a power cut.
    database.script('PRAGMA synchronous = OFF');
    // Immediate transactions exclude each other, but not readers: the others can read whose it is. That must be written
    // before, since what a transaction without an end has written is never seen.
    database.script('BEGIN IMMEDIATE');
    database.script(`PRAGMA user_version = ${process.pid}`);
    database.script('COMMIT');
    database.script('BEGIN IMMEDIATE');
  } catch (error) {
    try {
      throw refusal(error, database, libraryDir);
    } finally {
      database.close();
    }
  }
  held.add(database);
  return () => {
    held.delete(database);
    database.close();
  };
}

function refusal(error: unknown, database: Database, libraryDir: string): unknown {
  if (!(error instanceof AppError)) return error;
  const { file } = database;
  if (error.code === 'library.damaged') {
    return new AppError(
      'library.damaged',
      `${file} is not what Ganvas made. Delete that file (there is nothing of yours in it) while no Ganvas is running.`,
      { file },
    );
  }
  if (error.code !== 'library.busy') return error;
  const id = database.pragma('user_version');
  const known = typeof id === 'number' && id > 0;
  return new AppError(
    'library.in-use',
    `The library ${libraryDir} is in use by another Ganvas${known ? ` (process ${id})` : ''}. ` +
      'Wait until it has finished or close it, or choose another library folder.',
    { library: libraryDir, process: known ? id : null },
  );
}
