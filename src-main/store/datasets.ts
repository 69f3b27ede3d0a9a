/** Prepared datasets: the rows that say which there are in the library's cache. */
import * as v from 'valibot';
import { type ImageSettings, PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import { type Database, json, toJson } from './database.ts';
import { Id } from './ids.ts';
import { diskUse, foldersIn, isPlainName, type LibraryFolder } from './library-folder.ts';
import type { Trash } from './trash.ts';

const Row = v.object({
  key: v.string(),
  prepared: json(PreparedDataset),
  lastUsedAt: v.number(),
});

export interface StoredDataset {
  /** With the `dir` that the cache entry has now, also when the library has been moved. */
  prepared: PreparedDataset;
  /** Milliseconds since 1970. */
  lastUsedAt: number;
}

/** A run that was trained on a dataset, by id and by what people call it. */
export interface DatasetUser {
  id: string;
  number: number;
  name: string;
}

export interface Datasets {
  /** Notes a prepared dataset, and that it is used now. */
  put(prepared: PreparedDataset): void;
  /** Notes that a dataset is used now. */
  touch(key: string): void;
  /** The dataset in the cache entry `key`, or null. */
  find(key: string): StoredDataset | null;
  /** The dataset that was last prepared from a source with the given settings, or null. */
  newest(source: string, settings: ImageSettings): StoredDataset | null;
  /** Whether a dataset or a run was made from this source. */
  knows(source: string): boolean;
  /** The last used first; with `source`, only those made from it. */
  list(filter?: { source?: string }): StoredDataset[];
  /** Every source that gave it, also before, in alphabetical order. */
  sources(key: string): string[];
  /** The keys of folders in the cache that no row knows: left by a process that died, or come back with a copy of the library. */
  strays(): string[];
  /** The runs that were made with it, in order: to resume one takes it, or the images again. */
  users(key: string): DatasetUser[];
  /** Bytes of the cache entry on the disk. */
  diskUse(key: string): number;
  /** Deletes the cache entry; runs keep what they know of it. @throws AppError `dataset.in-use` by a queued or running run */
  delete(key: string): void;
}

export function createDatasets(database: Database, folder: LibraryFolder, trash: Trash): Datasets {
  const table = { name: 'datasets', key: ['key'], row: Row };
  const byKey = database.query(table, 'SELECT * FROM datasets WHERE key = :key');
  const all = database.query(
    table,
    'SELECT * FROM datasets WHERE :source IS NULL OR source = :source ORDER BY lastUsedAt DESC, rowid DESC',
  );
  const insert = database.command(
    'INSERT OR REPLACE INTO datasets (key, prepared, source, lastUsedAt) VALUES (:key, :prepared, :source, :now)',
  );
  const insertSource = database.command(
    'INSERT OR IGNORE INTO datasetSources (key, source) VALUES (:key, :source)',
  );
  const sourcesOf = database.query(
    { name: 'datasetSources', key: ['key', 'source'], row: v.object({ source: v.string() }) },
    'SELECT key, source FROM datasetSources WHERE key = :key ' +
      'UNION SELECT datasetKey AS key, datasetSource AS source FROM runs WHERE datasetKey = :key ORDER BY source',
  );
  const keys = database.query(
    { name: 'datasets', key: ['key'], row: v.object({ key: v.string() }) },
    'SELECT key FROM datasets',
  );
  const use = database.command('UPDATE datasets SET lastUsedAt = :now WHERE key = :key');
  // Each time that it is prepared a dataset gets a new row.
  const ofSource = database.query(table, 'SELECT * FROM datasets WHERE source = :source ORDER BY rowid DESC');
  const known = database.query(
    { name: 'datasets', key: ['known'], row: v.object({ known: v.number() }) },
    'SELECT EXISTS (SELECT 1 FROM datasets WHERE source = :source) ' +
      'OR EXISTS (SELECT 1 FROM runs WHERE datasetSource = :source) AS known',
  );
  const user = database.query(
    { name: 'runs', key: ['id'], row: v.object({ number: v.number() }) },
    "SELECT id, number FROM runs WHERE datasetKey = :key AND state IN ('queued', 'running') LIMIT 1",
  );
  const users = database.query(
    { name: 'runs', key: ['id'], row: v.object({ id: Id, number: v.number(), name: v.string() }) },
    'SELECT id, number, name FROM runs WHERE datasetKey = :key ORDER BY number',
  );
  const toCached = ({ key, prepared, lastUsedAt }: v.InferOutput<typeof Row>): StoredDataset => ({
    prepared: { ...prepared, dir: folder.cacheFolder(key) },
    lastUsedAt,
  });

  return {
    put(prepared) {
      const { key, source } = prepared;
      database.transaction(() => {
        insert({ key, prepared: toJson(PreparedDataset, prepared), source, now: Date.now() });
        insertSource({ key, source });
      });
    },
    find(key) {
      const row = byKey.one({ key });
      return row === null ? null : toCached(row);
    },
    touch(key) {
      use({ key, now: Date.now() });
    },
    newest(source, settings) {
      const row = ofSource.all({ source }).find(({ prepared }) => sameSettings(prepared.settings, settings));
      return row === undefined ? null : toCached(row);
    },
    knows: (source) => known.one({ source })?.known === 1,
    list: ({ source } = {}) => all.all({ source: source ?? null }).map(toCached),
    sources: (key) => sourcesOf.all({ key }).map(({ source }) => source),
    strays() {
      const known = new Set(keys.all().map(({ key }) => key));
      return foldersIn(folder.cache).filter((name) => isPlainName(name) && !known.has(name));
    },
    users: (key) => users.all({ key }),
    diskUse: (key) => diskUse(folder.cacheFolder(key)),
    delete(key) {
      const run = user.one({ key });
      if (run !== null) {
        throw new AppError(
          'dataset.in-use',
          `The prepared images are in use by run ${run.number}. Stop it before you delete them.`,
          { key, run: run.number },
        );
      }
      trash.discard([{ kind: 'cache', key }]);
    },
  };
}

function sameSettings(a: ImageSettings, b: ImageSettings): boolean {
  return a.height === b.height && a.width === b.width && a.channels === b.channels && a.fit === b.fit;
}
