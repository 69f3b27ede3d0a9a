/** Exports: what has been written where, and how well it was verified. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, win32 } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../../src-shared/errors.ts';
import type { Export } from '../../src-shared/library.ts';
import { ExportFormat } from '../../src-shared/trainer-protocol.ts';
import type { Database } from './database.ts';
import { Id } from './ids.ts';
import { diskUse, type LibraryFolder } from './library-folder.ts';
import { remove, type Trash } from './trash.ts';

/** Where an export is that lies in the library: only this form leads there, and not out of it. */
const inLibrary = /^exports\/([a-z][a-z0-9]{9})\/([A-Za-z0-9][A-Za-z0-9._-]*)$/;

const Row = v.object({
  number: v.number(),
  run: v.string(),
  step: v.number(),
  format: ExportFormat,
  /** In the library, or an absolute path outside. */
  path: v.pipe(
    v.string(),
    // Windows' rules take every system's absolute paths: the library may have been moved from another one.
    v.check((path) => inLibrary.test(path) || win32.isAbsolute(path), 'not the place of an export'),
  ),
  /** Null for one that was made before this was written down. */
  bytes: v.nullable(v.number()),
  createdAt: v.number(),
  difference: v.nullable(v.number()),
});

export interface StoredExport extends Export {
  /** Absolute. */
  path: string;
  /** Name of its folder in the library's exports; null for one that was written elsewhere. */
  folder: string | null;
}

export interface NewExport {
  step: number;
  format: ExportFormat;
  /** Where it was written: a file name in a folder of the library's exports, or an absolute path elsewhere. */
  place: { folder: string; name: string } | { path: string };
  bytes: number;
  difference: number | null;
}

export interface Exports {
  /** Notes an export that has been written and verified now. */
  add(run: string, entry: NewExport): StoredExport;
  /** @throws AppError `export.missing` */
  get(id: number): StoredExport;
  /** The oldest first; with `run`, only those of it. */
  list(filter?: { run?: string }): StoredExport[];
  /** Deletes an export: with its files where they lie in the library, else only what is known of it. @throws AppError `export.missing` */
  delete(id: number): void;
  /** Removes what a process that died had not finished writing. `openStore` does this; later on it would hit what is being written. */
  sweep(): void;
}

export function createExports(database: Database, folder: LibraryFolder, trash: Trash): Exports {
  const table = { name: 'exports', key: ['number'], row: Row };
  const all = database.query(table, 'SELECT * FROM exports WHERE :run IS NULL OR run = :run ORDER BY number');
  const one = database.query(table, 'SELECT * FROM exports WHERE number = :id');
  const insert = database.query(
    table,
    'INSERT INTO exports (run, step, format, path, bytes, createdAt, difference) ' +
      'VALUES (:run, :step, :format, :path, :bytes, :now, :difference) RETURNING *',
  );
  const forget = database.command('DELETE FROM exports WHERE number = :id');

  const toExport = ({ number, ...row }: v.InferOutput<typeof Row>): StoredExport => {
    const [, inside, name] = inLibrary.exec(row.path) ?? [];
    const path = inside === undefined ? row.path : join(folder.exportFolder(inside), name!);
    return {
      ...row,
      id: number,
      path,
      folder: inside ?? null,
      outside: inside === undefined ? path : null,
      name: basename(path),
      bytes: row.bytes ?? diskUse(path),
      present: existsSync(path),
    };
  };
  const get = (id: number): StoredExport => {
    const row = one.one({ id });
    if (row !== null) return toExport(row);
    throw new AppError('export.missing', 'This export has been deleted.', { export: id });
  };

  return {
    add(run, { step, format, place, bytes, difference }) {
      const path = 'path' in place ? place.path : `exports/${place.folder}/${place.name}`;
      return toExport(insert.one({ run, step, format, path, bytes, difference, now: Date.now() })!);
    },
    get,
    list: ({ run } = {}) => all.all({ run: run ?? null }).map(toExport),
    delete(id) {
      const found = get(id);
      if (found.folder === null) forget({ id });
      else trash.discard([{ kind: 'export', folder: found.folder }]);
    },
    sweep() {
      const known = new Set(all.all({ run: null }).map(({ path }) => inLibrary.exec(path)?.[1]));
      for (const name of readdirSync(folder.exports)) {
        if (v.is(Id, name) && !known.has(name)) remove(join(folder.exports, name));
      }
    },
  };
}
