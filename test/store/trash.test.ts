import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src-main/store/database.ts';
import { createSteps } from '../../src-main/store/steps.ts';
import { createTrash } from '../../src-main/store/trash.ts';
import { addCheckpoint, addDataset, addSample, startedRun, steps } from './content.ts';
import { errorOf, firstWord, newStore, open, startChild } from './library.ts';

/** The same database, but before `DELETE FROM runs` something happens. */
function interfering(database: Database, happens: () => void): Database {
  return {
    ...database,
    command(sql) {
      const command = database.command(sql);
      if (!sql.startsWith('DELETE FROM runs')) return command;
      return (parameters) => {
        happens();
        return command(parameters);
      };
    },
  };
}

test('a deletion that the process does not survive is finished at the next opening', async () => {
  const store = newStore();
  const gone = startedRun(store);
  const stays = startedRun(store);
  for (const { id } of [gone, stays]) {
    store.runs.setState(id, 'done');
    addSample(store, id, 1);
  }
  expect(await firstWord(startChild('die-deleting', store.paths.dir, gone.id))).toBeNull();
  expect(readdirSync(store.paths.trash)).toEqual([`run.${gone.id}`]);
  store.close();

  const again = open(store.paths.dir);
  expect(again.runs.list().map(({ id }) => id)).toEqual([stays.id]);
  expect(again.samples.list(gone.id)).toEqual([]);
  expect(readdirSync(store.paths.trash)).toEqual([]);
  expect(readdirSync(store.paths.runs)).toEqual([stays.id]);
  expect(existsSync(again.paths.sampleFile(stays.id, 1))).toBe(true);
});

test('so is one of a checkpoint or of a prepared dataset; a stranger in the trash is left alone', () => {
  const store = newStore();
  const { id } = startedRun(store);
  for (const step of [10, 20]) addCheckpoint(store, id, step);
  addDataset(store, 'aaa');
  renameSync(store.paths.checkpointFolder(id, 20), join(store.paths.trash, `checkpoint.${id}.00000020`));
  renameSync(store.paths.cacheFolder('aaa'), join(store.paths.trash, 'cache.aaa'));
  mkdirSync(join(store.paths.trash, 'stranger'));
  store.close();

  const again = open(store.paths.dir);
  expect(again.checkpoints.newest(id)?.step).toBe(10);
  expect(again.datasets.list()).toEqual([]);
  expect(readdirSync(store.paths.trash)).toEqual(['stranger']);
});

test('what was made anew since is not taken for what could not be removed', () => {
  const store = newStore();
  const { id } = startedRun(store);
  mkdirSync(join(store.paths.trash, `checkpoint.${id}.00000010`));
  mkdirSync(join(store.paths.trash, 'cache.aaa'));
  addCheckpoint(store, id, 10);
  addDataset(store, 'aaa');
  store.close();
  const again = open(store.paths.dir);
  expect(again.checkpoints.newest(id)?.step).toBe(10);
  expect(again.datasets.find('aaa')?.prepared.key).toBe('aaa');
  expect(readdirSync(store.paths.trash)).toEqual([]);
});

test('no names in the trash lead anywhere else or keep the library from opening', () => {
  const store = newStore();
  store.close();
  const strangers = [
    'cache...',
    'run.',
    'run.-x',
    'checkpoint.abc',
    'checkpoint.abc.1',
    'runs.abc',
    '.DS_Store',
  ];
  for (const name of strangers) writeFileSync(join(store.paths.trash, name), '');
  open(store.paths.dir);
  expect(readdirSync(store.paths.trash).sort()).toEqual(strangers.sort());
});

test('files are not deleted where a transaction could bring the rows back', () => {
  const store = newStore();
  const { id } = startedRun(store);
  for (const step of [1, 2]) addCheckpoint(store, id, step);
  expect(() => store.transaction(() => store.checkpoints.prune(id, 1))).toThrow('inside of a transaction');
  expect(existsSync(store.paths.checkpointFolder(id, 1))).toBe(true);
  expect(store.checkpoints.list(id)).toHaveLength(2);
});

test('when the rows cannot be deleted, the files are back in their place', () => {
  const store = newStore();
  const { id } = startedRun(store);
  addSample(store, id, 1);
  const database = openDatabase(store.paths.database, 'write');
  const trash = createTrash(
    interfering(database, () => {
      throw new Error('no');
    }),
    store.paths,
  );
  expect(() => {
    trash.discard([{ kind: 'run', run: id }]);
  }).toThrow('no');
  expect(existsSync(store.paths.sampleFile(id, 1))).toBe(true);
  expect(store.runs.get(id).id).toBe(id);
  expect(readdirSync(store.paths.trash)).toEqual([]);
  database.close();
});

test('on a full disk the files make room for the deletion of the rows', () => {
  const store = newStore();
  const { id } = startedRun(store);
  addSample(store, id, 1);
  const database = openDatabase(store.paths.database, 'write');
  const limited = createSteps(database);
  const trashed = join(store.paths.trash, `run.${id}`);
  let attempts = 0;
  const fullWhileFilesAreThere = interfering(database, () => {
    attempts += 1;
    database.pragma(`max_page_count = ${readdirSync(trashed).length > 0 ? 1 : 100000}`);
    limited.append(id, steps(1, 2000));
  });
  createTrash(fullWhileFilesAreThere, store.paths).discard([{ kind: 'run', run: id }]);
  expect(attempts).toBe(2);
  expect(store.runs.list()).toEqual([]);
  expect(readdirSync(store.paths.trash)).toEqual([]);
  database.close();
});

test('when even that is not enough, the next opening finishes it', () => {
  const store = newStore();
  const { id } = startedRun(store);
  addSample(store, id, 1);
  const database = openDatabase(store.paths.database, 'write');
  database.pragma('max_page_count = 1');
  const limited = createSteps(database);
  const full = interfering(database, () => {
    limited.append(id, steps(1, 2000));
  });
  const error = errorOf(() => {
    createTrash(full, store.paths).discard([{ kind: 'run', run: id }]);
  });
  expect(error.code).toBe('disk.full');
  database.close();
  store.close();
  expect(open(store.paths.dir).runs.list()).toEqual([]);
});

test('what an earlier deletion could not remove does not stand in the way', () => {
  const store = newStore();
  const { id } = startedRun(store);
  const left = join(store.paths.trash, `checkpoint.${id}.00000010`);
  mkdirSync(left);
  writeFileSync(join(left, 'held-open'), '');
  for (const step of [10, 20]) addCheckpoint(store, id, step);
  store.checkpoints.prune(id, 1);
  expect(readdirSync(store.paths.trash)).toEqual([]);
  expect(readdirSync(store.paths.checkpointsFolder(id))).toEqual(['00000020']);
});

test('a run without files can be deleted', () => {
  const store = newStore();
  const { id } = startedRun(store);
  store.runs.setState(id, 'failed', { code: 'x', message: 'X.' });
  store.runs.delete(id);
  expect(store.runs.list()).toEqual([]);
});
