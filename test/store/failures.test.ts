import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src-main/store/database.ts';
import { openStore, type Store } from '../../src-main/store/open-store.ts';
import { createSteps } from '../../src-main/store/steps.ts';
import { addCheckpoint, addDataset, addSample, newRun, startedRun, steps } from './content.ts';
import { errorOf, firstWord, newStore, open, startChild, temporaryFolder } from './library.ts';

const openError = (dir: string, access: 'write' | 'read') => errorOf(() => openStore(dir, { access }));

/** Changes what may be done with a path, for the length of the test. */
function forbid(path: string, mode: number): void {
  chmodSync(path, mode);
  onTestFinished(() => {
    chmodSync(path, 0o755);
  });
}

test('reading where no library is makes none', () => {
  const dir = join(temporaryFolder(), 'nothing');
  expect(openError(dir, 'read')).toMatchObject({ code: 'library.missing', details: { library: dir } });
  expect(existsSync(dir)).toBe(false);
  mkdirSync(dir);
  expect(openError(dir, 'read').code).toBe('library.missing');
  expect(readdirSync(dir)).toEqual([]);
});

test('a path that is a file, or inside of one', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, 'mine');
  for (const access of ['write', 'read'] as const)
    expect(openError(file, access).code).toBe('library.not-a-folder');
  expect(openError(join(file, 'deeper'), 'write').code).toBe('library.not-a-folder');
  expect(openError(join(file, 'deeper'), 'read').code).toBe('library.missing');
  expect(readFileSync(file, 'utf8')).toBe('mine');
});

test.skipIf(process.platform === 'win32')('a place that may not be written to', async () => {
  const dir = temporaryFolder();
  forbid(dir, 0o555);
  expect(await firstWord(startChild('try-write', dir))).toMatchObject({ code: 'library.not-writable' });
  expect(await firstWord(startChild('try-write', join(dir, 'new')))).toMatchObject({
    code: 'library.not-writable',
  });
  expect(readdirSync(dir)).toEqual([]);
});

test.skipIf(process.platform === 'win32')('a library that may not be written to', async () => {
  const { paths, close } = newStore();
  close();
  forbid(paths.database, 0o444);
  forbid(paths.dir, 0o555);
  chmodSync(join(paths.dir, '..'), 0o755);
  const before = readFileSync(paths.database, 'base64');
  for (const what of ['try-write', 'try-read']) {
    expect(await firstWord(startChild(what, paths.dir)), what).toMatchObject({
      code: 'library.not-writable',
    });
  }
  expect(readFileSync(paths.database, 'base64')).toBe(before);
});

test.skipIf(process.platform === 'win32')('a library in a folder that may not be entered', async () => {
  const { paths, close } = newStore();
  close();
  forbid(paths.dir, 0o600);
  chmodSync(join(paths.dir, '..'), 0o755);
  for (const what of ['try-write', 'try-read']) {
    expect(await firstWord(startChild(what, paths.dir)), what).toMatchObject({
      code: 'library.not-writable',
    });
  }
});

test('a database that is none, or broken inside', () => {
  const { paths, close } = newStore();
  close();
  const whole = readFileSync(paths.database);
  const broken = [
    Buffer.from('This is no database at all, it is a letter to my aunt. '.repeat(100)),
    whole.subarray(0, 5000),
    Buffer.concat([whole.subarray(0, 4096), Buffer.alloc(whole.length - 4096, 0xff)]),
  ];
  for (const bytes of broken) {
    writeFileSync(paths.database, bytes);
    for (const access of ['write', 'read'] as const) {
      const error = openError(paths.dir, access);
      expect(error.code).toBe('library.damaged');
      expect(error.message).toContain(paths.database);
    }
    expect(readFileSync(paths.database).equals(bytes)).toBe(true);
  }
  // The lock was let go each time.
  writeFileSync(paths.database, whole);
  open(paths.dir);
});

test('a lock that is another file is not deleted, but said so', () => {
  const dir = temporaryFolder();
  const lock = join(dir, 'lock');
  writeFileSync(lock, 'This is where I keep the numbers of my bicycle locks. '.repeat(20));
  const error = openError(dir, 'write');
  expect(error.code).toBe('library.damaged');
  expect(error.message).toContain(`${lock} is not what Ganvas made`);
  expect(readFileSync(lock, 'utf8')).toContain('bicycle');
});

test("another program's database", () => {
  const dir = temporaryFolder();
  const file = join(dir, 'ganvas.sqlite');
  const database = openDatabase(file, 'write');
  database.script('CREATE TABLE bookmarks (url TEXT)');
  database.close();
  for (const access of ['write', 'read'] as const)
    expect(openError(dir, access).code).toBe('library.foreign');
  expect(readdirSync(dir)).not.toContain('lock');
});

test('a full disk: nothing is half written, and it goes on when there is space again', () => {
  const store = newStore();
  const { id } = startedRun(store);
  store.steps.append(id, steps(1, 10));
  const before = store.runs.get(id);
  const database = openDatabase(store.paths.database, 'write');
  database.pragma('max_page_count = 1'); // no more than it has by now
  const limited = createSteps(database);
  const error = errorOf(() => {
    limited.append(id, steps(11, 5000));
  });
  expect(error.code).toBe('disk.full');
  expect(error.message).toContain('Free some space');
  expect(store.steps.list(id)).toEqual(steps(1, 10));
  expect(store.runs.get(id)).toEqual(before);
  database.pragma('max_page_count = 100000');
  limited.append(id, steps(11, 5000));
  expect(store.steps.last(id)?.step).toBe(5000);
  database.close();
});

test('a library that another program keeps locked', () => {
  const store = newStore();
  const { id } = startedRun(store);
  const database = openDatabase(store.paths.database, 'write', 0);
  const impatient = createSteps(database);
  store.transaction(() => {
    store.runs.rename(id, 'x');
    expect(
      errorOf(() => {
        impatient.append(id, steps(1, 1));
      }).code,
    ).toBe('library.busy');
  });
  impatient.append(id, steps(1, 1));
  database.close();
});

test('with access to read nothing can be changed', () => {
  const store = newStore();
  const { id, experiment } = startedRun(store);
  store.runs.setState(id, 'done');
  addDataset(store, 'aaa');
  addSample(store, id, 1);
  addCheckpoint(store, id, 1);
  addCheckpoint(store, id, 2);
  const reader = open(store.paths.dir, 'read');
  const works: ((library: Store) => unknown)[] = [
    (library) => newRun(library),
    (library) => newRun(library, { experiment }),
    (library) => library.experiments.save(experiment, 0, { source: 'x' }),
    (library) => {
      library.experiments.rename(experiment, 'x');
    },
    (library) => {
      library.experiments.tag(experiment, ['x']);
    },
    (library) => library.experiments.setDeleted(experiment, 1),
    (library) => {
      library.runs.setDeleted(id, 1);
    },
    (library) => {
      library.runs.setState(id, 'queued');
    },
    (library) => {
      library.runs.rename(id, 'x');
    },
    (library) => {
      library.runs.rewind(id, 0);
    },
    (library) => {
      library.runs.delete(id);
    },
    (library) => {
      library.steps.append(id, steps(1, 1));
    },
    (library) => library.checkpoints.prune(id, 1),
    (library) => {
      library.datasets.delete('aaa');
    },
    (library) => {
      library.exports.add(id, { step: 1, format: 'png', place: { path: '/x' }, bytes: 1, difference: null });
    },
  ];
  const before = store.runs.get(id);
  for (const work of works)
    expect(errorOf(() => work(reader)).code, work.toString()).toBe('library.read-only');
  expect(store.runs.get(id)).toEqual(before);
  expect(existsSync(store.paths.sampleFile(id, 1))).toBe(true);
  expect(existsSync(store.paths.checkpointFolder(id, 2))).toBe(true);
  expect(store.datasets.diskUse('aaa')).toBe(100);
});

test('a damaged row is named, with its column, and can be deleted', () => {
  const store = newStore();
  const { id } = startedRun(store);
  const experiment = store.runs.get(id).experiment;
  addSample(store, id, 7);
  addCheckpoint(store, id, 7);
  addDataset(store, 'aaa');
  store.runs.setState(id, 'done');
  const damage = (sql: string) => {
    const database = openDatabase(store.paths.database, 'write');
    database.script(sql);
    database.close();
  };
  const expectDamage = (work: () => unknown, table: string, row: string, column: string) => {
    const error = errorOf(work);
    expect(error).toMatchObject({ code: 'library.damaged-row', details: { table, row, column } });
    for (const word of [table, row, column]) expect(error.message).toContain(word);
    return error;
  };

  damage('UPDATE runs SET design = substr(design, 1, 20)');
  expectDamage(() => store.runs.get(id), 'runs', `id ${id}`, 'design');
  expectDamage(() => store.runs.list(), 'runs', `id ${id}`, 'design');
  damage("UPDATE experiments SET hyperparameters = json_set(hyperparameters, '$.generator.beta1', 'half')");
  const error = expectDamage(
    () => store.experiments.get(experiment),
    'experiments',
    `id ${experiment}`,
    'hyperparameters',
  );
  expect(error.details['place']).toBe('hyperparameters.generator.beta1');
  damage("UPDATE datasets SET prepared = '[]'");
  expectDamage(() => store.datasets.list(), 'datasets', 'key aaa', 'prepared');
  damage("UPDATE samples SET file = '../../../../etc/passwd'");
  expectDamage(() => store.samples.get(id, 7), 'samples', `run ${id}, step 7`, 'file');
  damage("UPDATE checkpoints SET folder = '..'");
  expectDamage(() => store.checkpoints.newest(id), 'checkpoints', `run ${id}, step 7`, 'folder');

  store.runs.delete(id);
  store.experiments.setDeleted(experiment, 1);
  store.purge(1);
  store.datasets.delete('aaa');
  expect(store.runs.list()).toEqual([]);
  expect(store.datasets.list()).toEqual([]);
});
