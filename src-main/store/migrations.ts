/**
 * The library's schema, as the list of all the changes that led to it. Append only: what has once been released is never edited.
 * A change to the schema of a JSON column (src-shared) needs an entry here too, which brings the old rows along.
 *
 * Conventions: ids are texts, times are milliseconds since 1970 (UTC), JSON columns are read with the schema of the same name.
 */
import * as v from 'valibot';
import { AppError } from '../../src-shared/errors.ts';
import type { Database } from './database.ts';

export interface Migration {
  version: number;
  update: (database: Database) => void;
}

/** "Gnvs": how SQLite files say whose they are. */
const application = 0x47_6e_76_73;

export const migrations: readonly Migration[] = [
  {
    version: 1,
    update(database) {
      database.script(`
        CREATE TABLE experiments (
          id TEXT NOT NULL PRIMARY KEY,
          name TEXT NOT NULL,
          tags TEXT NOT NULL,
          createdAt INTEGER NOT NULL,
          updatedAt INTEGER NOT NULL,
          design TEXT NOT NULL,
          hyperparameters TEXT NOT NULL,
          imageSettings TEXT,
          source TEXT
        ) STRICT;

        CREATE TABLE runs (
          number INTEGER PRIMARY KEY AUTOINCREMENT,
          id TEXT NOT NULL UNIQUE,
          name TEXT NOT NULL,
          experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
          design TEXT NOT NULL,
          hyperparameters TEXT NOT NULL,
          limits TEXT NOT NULL,
          datasetKey TEXT NOT NULL,
          datasetFingerprint TEXT NOT NULL,
          datasetSource TEXT NOT NULL,
          datasetCount INTEGER NOT NULL,
          datasetClasses TEXT NOT NULL,
          imageSettings TEXT NOT NULL,
          seed INTEGER NOT NULL,
          engineWanted TEXT NOT NULL,
          engine TEXT,
          device TEXT,
          state TEXT NOT NULL,
          step INTEGER NOT NULL,
          imagesSeen INTEGER NOT NULL,
          trainingSeconds REAL NOT NULL,
          createdAt INTEGER NOT NULL,
          startedAt INTEGER,
          endedAt INTEGER,
          reasonCode TEXT,
          reasonMessage TEXT
        ) STRICT;
        CREATE INDEX runsOfExperiment ON runs (experiment);
        CREATE INDEX runsInState ON runs (state);
        CREATE INDEX runsOnDataset ON runs (datasetKey);

        CREATE TABLE runStates (
          number INTEGER PRIMARY KEY,
          run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
          state TEXT NOT NULL,
          at INTEGER NOT NULL,
          reasonCode TEXT,
          reasonMessage TEXT
        ) STRICT;
        CREATE INDEX statesOfRun ON runStates (run);

        CREATE TABLE steps (
          run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
          step INTEGER NOT NULL,
          lossD REAL NOT NULL,
          lossG REAL NOT NULL,
          dReal REAL NOT NULL,
          dFake REAL NOT NULL,
          imagesPerSecond REAL NOT NULL,
          PRIMARY KEY (run, step)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE metrics (
          run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
          step INTEGER NOT NULL,
          name TEXT NOT NULL,
          protocol TEXT NOT NULL,
          value REAL NOT NULL,
          PRIMARY KEY (run, step, name, protocol)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE samples (
          run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
          step INTEGER NOT NULL,
          file TEXT NOT NULL,
          count INTEGER NOT NULL,
          columns INTEGER NOT NULL,
          PRIMARY KEY (run, step)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE checkpoints (
          run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
          step INTEGER NOT NULL,
          folder TEXT NOT NULL,
          bytes INTEGER NOT NULL,
          PRIMARY KEY (run, step)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE datasets (
          key TEXT NOT NULL PRIMARY KEY,
          prepared TEXT NOT NULL,
          source TEXT NOT NULL,
          lastUsedAt INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE exports (
          number INTEGER PRIMARY KEY,
          run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
          step INTEGER NOT NULL,
          format TEXT NOT NULL,
          path TEXT NOT NULL,
          createdAt INTEGER NOT NULL,
          difference REAL
        ) STRICT;
        CREATE INDEX exportsOfRun ON exports (run);
      `);
    },
  },
  {
    version: 2,
    update(database) {
      database.script(`
        ALTER TABLE experiments ADD COLUMN history TEXT NOT NULL DEFAULT '';
        ALTER TABLE experiments ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE experiments ADD COLUMN limits TEXT NOT NULL DEFAULT '{"steps":null,"kimg":null,"minutes":null}';
        ALTER TABLE experiments ADD COLUMN engine TEXT NOT NULL DEFAULT 'auto';
        ALTER TABLE experiments ADD COLUMN deletedAt INTEGER;
        UPDATE experiments SET history = json_object(
          'version', 1,
          'at', 0,
          'blocks', json(design -> '$.discriminator.blocks'),
          'entries', json_array(json_object(
            'what', 'start',
            'name', design ->> '$.name',
            'latentDim', design ->> '$.latentDim',
            'image', json(design -> '$.discriminator.image'),
            'blocks', json((SELECT json_group_array(key) FROM json_each(design, '$.discriminator.blocks')))
          ))
        );

        ALTER TABLE runs ADD COLUMN deletedAt INTEGER;
        ALTER TABLE runs ADD COLUMN forkedFromRun TEXT;
        ALTER TABLE runs ADD COLUMN forkedFromStep INTEGER;
        ALTER TABLE runs ADD COLUMN forkedFromImages INTEGER;
        ALTER TABLE runs ADD COLUMN forkedFromSeconds REAL;

        ALTER TABLE steps ADD COLUMN seconds REAL NOT NULL DEFAULT 0;
        UPDATE steps SET seconds = timed.seconds FROM (
          SELECT each.run, each.step, (runs.hyperparameters ->> '$.batch') *
            sum(coalesce(1 / nullif(each.imagesPerSecond, 0), 0)) OVER (PARTITION BY each.run ORDER BY each.step) AS seconds
          FROM steps AS each JOIN runs ON runs.id = each.run
        ) AS timed WHERE timed.run = steps.run AND timed.step = steps.step;

        CREATE TABLE stepBins (
          run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
          width INTEGER NOT NULL,
          bin INTEGER NOT NULL,
          step INTEGER NOT NULL,
          count INTEGER NOT NULL,
          seconds REAL NOT NULL,
          lossDMin REAL NOT NULL,
          lossDMax REAL NOT NULL,
          lossDSum REAL NOT NULL,
          lossGMin REAL NOT NULL,
          lossGMax REAL NOT NULL,
          lossGSum REAL NOT NULL,
          dRealMin REAL NOT NULL,
          dRealMax REAL NOT NULL,
          dRealSum REAL NOT NULL,
          dFakeMin REAL NOT NULL,
          dFakeMax REAL NOT NULL,
          dFakeSum REAL NOT NULL,
          imagesPerSecondMin REAL NOT NULL,
          imagesPerSecondMax REAL NOT NULL,
          imagesPerSecondSum REAL NOT NULL,
          PRIMARY KEY (run, width, bin)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO stepBins
          SELECT run, width, (step - 1) / width, max(step), count(*), max(seconds),
            min(lossD), max(lossD), sum(lossD), min(lossG), max(lossG), sum(lossG),
            min(dReal), max(dReal), sum(dReal), min(dFake), max(dFake), sum(dFake),
            min(imagesPerSecond), max(imagesPerSecond), sum(imagesPerSecond)
          FROM steps, (SELECT 16 AS width UNION ALL SELECT 256 UNION ALL SELECT 4096)
          GROUP BY run, width, (step - 1) / width;

        -- Numbers of exports are addresses now, so none is given twice.
        CREATE TABLE numberedExports (
          number INTEGER PRIMARY KEY AUTOINCREMENT,
          run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
          step INTEGER NOT NULL,
          format TEXT NOT NULL,
          path TEXT NOT NULL,
          bytes INTEGER,
          createdAt INTEGER NOT NULL,
          difference REAL
        ) STRICT;
        INSERT INTO numberedExports SELECT number, run, step, format, path, NULL, createdAt, difference FROM exports;
        DROP TABLE exports;
        ALTER TABLE numberedExports RENAME TO exports;
        CREATE INDEX exportsOfRun ON exports (run);
      `);
    },
  },
  {
    version: 3,
    update(database) {
      database.script(`
        -- A dataset is known by its content: several folders may have given one and the same.
        CREATE TABLE datasetSources (
          key TEXT NOT NULL,
          source TEXT NOT NULL,
          PRIMARY KEY (key, source)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO datasetSources SELECT key, source FROM datasets;
      `);
      mendDesignNames(database);
    },
  },
  {
    version: 4,
    update(database) {
      const measuring = '{"every":500,"images":512,"best":"swd","patience":null,"checkpointMegabytes":5000}';
      database.script(`
        ALTER TABLE experiments ADD COLUMN measuring TEXT NOT NULL DEFAULT '${measuring}';
        ALTER TABLE runs ADD COLUMN measuring TEXT NOT NULL DEFAULT '${measuring}';
      `);
    },
  },
];

/** Designs had any text of at most 200 characters as their name; from version 3 on an empty one, or one that steers a terminal, is refused. */
function mendDesignNames(database: Database): void {
  const mended = (name: string) =>
    name.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu, ' ').trim() || 'design';
  const row = v.object({ id: v.string(), name: v.string() });
  for (const name of ['experiments', 'runs']) {
    const rename = database.command(
      `UPDATE ${name} SET design = json_set(design, '$.name', :name) WHERE id = :id`,
    );
    const all = database
      .query({ name, key: ['id'], row }, `SELECT id, design ->> '$.name' AS name FROM ${name}`)
      .all();
    for (const { id, name } of all) if (mended(name) !== name) rename({ id, name: mended(name) });
  }
  const renameEntry = database.command(
    'UPDATE experiments SET history = json_set(history, :path, :name) WHERE id = :id',
  );
  const entries = database.query(
    { name: 'experiments', key: ['id'], row: v.object({ ...row.entries, at: v.number() }) },
    "SELECT experiments.id AS id, entry.key AS at, entry.value ->> '$.name' AS name FROM experiments, json_each(history, '$.entries') AS entry",
  );
  for (const { id, at, name } of entries.all())
    if (mended(name) !== name) renameEntry({ id, path: `$.entries[${at}].name`, name: mended(name) });
}

/**
 * Whether the file is a library that this Ganvas can open; changes nothing in it.
 * @returns its version; null when nothing is in it
 * @throws AppError `library.newer`, `library.foreign`, `library.damaged`
 */
export function checkVersion(database: Database, list: readonly Migration[] = migrations): number | null {
  const tables = { name: 'sqlite_schema', key: [], row: v.object({ count: v.number() }) };
  if (database.query(tables, 'SELECT count(*) AS count FROM sqlite_schema').one()?.count === 0) return null;
  if (database.pragma('application_id') === application) return knownVersion(database, list);
  throw new AppError(
    'library.foreign',
    `${database.file} is a database of another program, not a Ganvas library. Choose another library folder.`,
    { file: database.file },
  );
}

/**
 * Brings the file's schema up to the newest version: all that is missing in one transaction, so that it is done or not at all.
 * @throws AppError `library.newer`; whatever a migration throws, with the file as it was
 */
export function migrate(database: Database, list: readonly Migration[] = migrations): void {
  let previous = 0;
  for (const { version } of list) {
    if (version <= previous)
      throw new Error(`Migration versions are not monotonic: ${previous} >= ${version}`);
    previous = version;
  }
  database.transaction(() => {
    const from = knownVersion(database, list);
    const pending = list.filter(({ version }) => version > from);
    for (const { update } of pending) update(database);
    if (pending.length === 0) return;
    database.script(`PRAGMA application_id = ${application}`);
    database.script(`PRAGMA user_version = ${previous}`);
  });
}

/** The version that a library has after all the migrations. */
export function newestVersion(list: readonly Migration[] = migrations): number {
  return list.at(-1)?.version ?? 0;
}

function knownVersion(database: Database, list: readonly Migration[]): number {
  const version = database.pragma('user_version');
  const newest = newestVersion(list);
  if (typeof version === 'number' && version <= newest) return version;
  throw new AppError(
    'library.newer',
    `${database.file} was written by a newer Ganvas (library version ${String(version)}, this one knows up to ${newest}). ` +
      'Nothing was changed. Update Ganvas to open it, or choose another library folder.',
    { file: database.file, version, newest },
  );
}
