import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import * as v from 'valibot';
import { type Database, openDatabase } from '../../src-main/store/database.ts';
import {
  checkVersion,
  type Migration,
  migrate,
  migrations,
  newestVersion,
} from '../../src-main/store/migrations.ts';
import { openStore } from '../../src-main/store/open-store.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { design, history, imageSettings, newRun, startedRun, steps } from './content.ts';
import { errorOf, newStore, open, temporaryFolder } from './library.ts';

const Name = { name: 'sqlite_schema', key: [], row: v.object({ name: v.string() }) };

function tables(database: Database): string[] {
  const sql =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
  return database
    .query(Name, sql)
    .all()
    .map(({ name }) => name);
}

function columns(database: Database, table: string): string[] {
  return database
    .query(Name, 'SELECT name FROM pragma_table_info(:table)')
    .all({ table })
    .map(({ name }) => name);
}

function emptyDatabase(): Database {
  return openDatabase(join(temporaryFolder(), 'ganvas.sqlite'), 'write');
}

test('migration 1 makes the first schema', () => {
  const database = emptyDatabase();
  expect(checkVersion(database)).toBeNull();
  migrate(database, migrations.slice(0, 1));
  expect(checkVersion(database)).toBe(1);
  expect(tables(database)).toEqual([
    'checkpoints',
    'datasets',
    'experiments',
    'exports',
    'metrics',
    'runStates',
    'runs',
    'samples',
    'steps',
  ]);
  expect(columns(database, 'steps')).toEqual([
    'run',
    'step',
    'lossD',
    'lossG',
    'dReal',
    'dFake',
    'imagesPerSecond',
  ]);
  database.close();
});

test('migration 3 mends names of designs that are refused now, and knows the sources of datasets', () => {
  const database = emptyDatabase();
  migrate(database, migrations.slice(0, 2));
  const hyperparameters = JSON.stringify(defaultHyperparameters());
  const named = (name: string) => JSON.stringify({ ...design, name });
  const bad = 'bad\u001b[2J\nname';
  const entries = ['', bad, 'good'].map((name) => ({ ...history.entries[0], name }));
  database.command(
    'INSERT INTO experiments (id, name, tags, createdAt, updatedAt, design, history, hyperparameters) ' +
      "VALUES ('eeeeeeeeee', 'faces', '[]', 1, 2, :design, :history, :hyperparameters)",
  )({ design: named(bad), history: JSON.stringify({ ...history, at: 1, entries }), hyperparameters });
  database.command(
    'INSERT INTO runs (id, name, experiment, design, hyperparameters, limits, datasetKey, datasetFingerprint, datasetSource, ' +
      'datasetCount, datasetClasses, imageSettings, seed, engineWanted, state, step, imagesSeen, trainingSeconds, createdAt) ' +
      "VALUES ('aaaaaaaaaa', 'run', 'eeeeeeeeee', :design, :hyperparameters, :limits, 'k', 'f', '/older', 9, '[]', :images, 1, " +
      "'auto', 'done', 1, 1, 1, 3)",
  )({
    design: named(''),
    hyperparameters,
    limits: JSON.stringify({ steps: 1, kimg: null, minutes: null }),
    images: JSON.stringify(imageSettings),
  });
  database.command(
    "INSERT INTO datasets (key, prepared, source, lastUsedAt) VALUES ('k', '{}', '/pictures', 1)",
  )();
  database.close();

  const store = open(dirname(database.file));
  const opened = store.experiments.open('eeeeeeeeee');
  expect(opened.design).toEqual({ ...design, name: 'bad [2J name' });
  expect(opened.history.entries.map(({ name }) => name)).toEqual(['design', 'bad [2J name', 'good']);
  expect(store.runs.get('aaaaaaaaaa').design).toEqual({ ...design, name: 'design' });
  expect(store.datasets.sources('k')).toEqual(['/older', '/pictures']);
});

test('migration 2 brings along experiments, the time of every step and their bins, and exports', () => {
  const database = emptyDatabase();
  migrate(database, migrations.slice(0, 1));
  const hyperparameters = { ...defaultHyperparameters(), batch: 4 };
  const content = { design: JSON.stringify(design), hyperparameters: JSON.stringify(hyperparameters) };
  database.command(
    'INSERT INTO experiments (id, name, tags, createdAt, updatedAt, design, hyperparameters) ' +
      "VALUES ('eeeeeeeeee', 'faces', '[]', 1, 2, :design, :hyperparameters)",
  )(content);
  const insertRun = database.command(
    'INSERT INTO runs (id, name, experiment, design, hyperparameters, limits, datasetKey, datasetFingerprint, datasetSource, ' +
      'datasetCount, datasetClasses, imageSettings, seed, engineWanted, state, step, imagesSeen, trainingSeconds, createdAt) ' +
      "VALUES (:id, 'run', 'eeeeeeeeee', :design, :hyperparameters, :limits, 'k', 'f', '/pictures', 9, '[]', :images, 1, 'auto', " +
      "'done', 5000, 20000, 10000, 3)",
  );
  const limits = JSON.stringify({ steps: 5000, kimg: null, minutes: null });
  const images = JSON.stringify(imageSettings);
  for (const id of ['aaaaaaaaaa', 'bbbbbbbbbb']) insertRun({ id, ...content, limits, images });
  const insertStep = database.command(
    'INSERT INTO steps (run, step, lossD, lossG, dReal, dFake, imagesPerSecond) ' +
      'VALUES (:run, :step, :lossD, :lossG, :dReal, :dFake, :imagesPerSecond)',
  );
  // Whole numbers, whose sums are exact in any order.
  const many = steps(1, 5000).map((stats) => ({ ...stats, lossG: stats.step % 97 }));
  database.transaction(() => {
    for (const step of many) insertStep({ run: 'aaaaaaaaaa', ...step });
    for (const step of steps(1, 2)) insertStep({ run: 'bbbbbbbbbb', ...step, imagesPerSecond: 0 });
  });
  database.command(
    "INSERT INTO exports (run, step, format, path, createdAt) VALUES ('aaaaaaaaaa', 3, 'onnx', '/out/a.onnx', 4)",
  )();
  database.close();

  const store = open(dirname(database.file));
  expect(store.experiments.open('eeeeeeeeee')).toEqual({
    id: 'eeeeeeeeee',
    name: 'faces',
    tags: [],
    createdAt: 1,
    updatedAt: 2,
    revision: 0,
    design,
    history,
    hyperparameters,
    measuring: defaultMeasuring(),
    limits: { steps: null, kimg: null, minutes: null },
    engine: 'auto',
    imageSettings: null,
    source: null,
    deletedAt: null,
  });
  expect(store.runs.get('aaaaaaaaaa')).toMatchObject({ forkedFrom: null, deletedAt: null, step: 5000 });
  const series = (bins: number) =>
    store.steps.series('aaaaaaaaaa', { columns: ['lossG'], from: null, to: null, bins });
  expect(series(5000).seconds).toEqual(steps(1, 5000).map(({ step }) => step * 2));
  // The same bins as those of a run that was trained with this version.
  const { id } = newRun(store);
  store.steps.append(id, many);
  for (const bins of [1, 7, 100, 400]) {
    const trained = store.steps.series(id, { columns: ['lossG'], from: null, to: null, bins });
    expect(series(bins)).toEqual(trained);
    expect(trained.step.at(-1)).toBe(5000);
  }
  expect(store.steps.series('bbbbbbbbbb', { columns: [], from: null, to: null, bins: 9 }).seconds).toEqual([
    0, 0,
  ]);
  expect(store.exports.list()).toMatchObject([
    { id: 1, run: 'aaaaaaaaaa', step: 3, path: '/out/a.onnx', bytes: 0, present: false, difference: null },
  ]);
});

test('migrating twice changes nothing', () => {
  const database = emptyDatabase();
  migrate(database);
  const version = database.pragma('schema_version');
  migrate(database);
  expect(database.pragma('schema_version')).toBe(version);
  database.close();
});

const later: Migration = {
  version: newestVersion() + 1,
  update(database) {
    database.script("ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'");
  },
};

test('a migration to come finds the rows as they are and brings them along', () => {
  const store = newStore();
  const run = startedRun(store);
  store.close();
  const database = openDatabase(store.paths.database, 'write');
  migrate(database, [...migrations, later]);
  const row = v.object({ id: v.string(), colour: v.string() });
  expect(database.query({ name: 'runs', key: ['id'], row }, 'SELECT * FROM runs').all()).toEqual([
    { id: run.id, colour: 'red' },
  ]);
  expect(checkVersion(database, [...migrations, later])).toBe(later.version);
  database.close();
});

test('when one migration fails, none has happened', () => {
  const database = emptyDatabase();
  const broken: Migration = {
    version: later.version + 1,
    update(target) {
      target.script('CREATE TABLE half (a)');
      throw new Error('in the middle');
    },
  };
  expect(() => {
    migrate(database, [...migrations, later, broken]);
  }).toThrow('in the middle');
  expect(tables(database)).toEqual([]);
  expect(checkVersion(database)).toBeNull();
  migrate(database);
  expect(checkVersion(database)).toBe(newestVersion());
  database.close();
});

test('a list that is out of order is refused before anything happens', () => {
  const database = emptyDatabase();
  for (const list of [
    [later, ...migrations],
    [...migrations, ...migrations],
  ]) {
    expect(() => {
      migrate(database, list);
    }).toThrow('not monotonic');
  }
  expect(tables(database)).toEqual([]);
  database.close();
});

test('a library of a newer Ganvas is refused and not touched', () => {
  const store = newStore();
  startedRun(store);
  store.close();
  const database = openDatabase(store.paths.database, 'write');
  database.script(`PRAGMA user_version = ${newestVersion() + 1}`);
  database.close();
  const files = () =>
    readdirSync(store.paths.dir).map((name) => ({ name, bytes: bytesOf(join(store.paths.dir, name)) }));
  const before = files();
  const error = errorOf(() => openStore(store.paths.dir, { access: 'write' }));
  expect(error.code).toBe('library.newer');
  expect(error.message).toContain('Update Ganvas');
  expect(files()).toEqual(before);
  expect(errorOf(() => openStore(store.paths.dir, { access: 'read' })).code).toBe('library.newer');
  expect(bytesOf(store.paths.database)).toBe(before.find(({ name }) => name === 'ganvas.sqlite')?.bytes);
});

test('a library of a newer Ganvas that was killed keeps its log as well', () => {
  const store = newStore();
  startedRun(store);
  const database = openDatabase(store.paths.database, 'write');
  database.script(`PRAGMA user_version = ${newestVersion() + 1}`);
  const log = `${store.paths.database}-wal`;
  expect(existsSync(log)).toBe(true);
  const before = [bytesOf(store.paths.database), bytesOf(log)];
  expect(errorOf(() => openStore(store.paths.dir, { access: 'write' })).code).toBe('library.newer');
  expect([bytesOf(store.paths.database), bytesOf(log)]).toEqual(before);
  database.close();
});

test('a library of an older Ganvas is brought up to date by a writer, and only by a writer', () => {
  const dir = temporaryFolder();
  const file = join(dir, 'ganvas.sqlite');
  const database = openDatabase(file, 'write');
  migrate(database);
  for (const table of tables(database)) database.script(`DROP TABLE "${table}"`);
  database.script('CREATE TABLE ancient (a); PRAGMA user_version = 0');
  database.close();
  const before = bytesOf(file);
  expect(errorOf(() => openStore(dir, { access: 'read' })).code).toBe('library.older');
  expect(bytesOf(file)).toBe(before);
  const store = open(dir);
  startedRun(store);
  expect(open(dir, 'read').runs.list()).toHaveLength(1);
});

test('an empty file is a library to be', () => {
  const dir = temporaryFolder();
  openDatabase(join(dir, 'ganvas.sqlite'), 'write').close();
  expect(errorOf(() => openStore(dir, { access: 'read' })).code).toBe('library.missing');
  expect(open(dir).runs.list()).toEqual([]);
});

/** What is in a file; nothing for a folder. */
function bytesOf(path: string): string {
  return statSync(path).isFile() ? readFileSync(path, 'base64') : '';
}
