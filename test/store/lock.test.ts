import { expect, test } from 'vitest';
import { openStore } from '../../src-main/store/open-store.ts';
import { steps } from './content.ts';
import { errorOf, firstWord, kill, newStore, open, startChild, temporaryFolder } from './library.ts';

test('a second process may read but not write, and is told which process writes', async () => {
  const dir = temporaryFolder();
  const writer = startChild('hold', dir);
  expect(await firstWord(writer)).toBe('open');
  const error = errorOf(() => openStore(dir, { access: 'write' }));
  expect(error).toMatchObject({ code: 'library.in-use', details: { process: writer.pid } });
  expect(error.message).toContain(`process ${writer.pid}`);
  expect(open(dir, 'read').runs.list()).toEqual([]);
});

test('of processes that open a library at the same moment one gets it', async () => {
  const dir = temporaryFolder();
  const words = await Promise.all(Array.from({ length: 4 }, () => firstWord(startChild('hold', dir))));
  expect(words.filter((word) => word === 'open')).toHaveLength(1);
  expect(words.filter((word) => word !== 'open')).toEqual(
    Array.from({ length: 3 }, (): unknown => expect.objectContaining({ code: 'library.in-use' })),
  );
});

test('the lock of a process that was killed is gone with it; what it had written is not', async () => {
  const dir = temporaryFolder();
  const writer = startChild('train', dir);
  const id = await firstWord(writer);
  if (typeof id !== 'string') throw new Error(`the child says ${JSON.stringify(id)}`);
  await kill(writer);

  // A reader comes first: it must cope with the log that the dead process has left.
  expect(open(dir, 'read').runs.get(id)).toMatchObject({ state: 'running', step: 50 });
  const store = open(dir);
  expect(store.recovered).toEqual([id]);
  expect(store.runs.get(id)).toMatchObject({
    state: 'interrupted',
    step: 50,
    reason: { code: 'run.interrupted' },
  });
  expect(store.steps.list(id)).toEqual(steps(1, 50));
});

test('being refused in the same process does not weaken the lock', async () => {
  const { paths } = newStore();
  // On POSIX a process loses its locks on a file when it closes any handle on it.
  expect(errorOf(() => openStore(paths.dir, { access: 'write' }))).toMatchObject({
    code: 'library.in-use',
    details: { process: process.pid },
  });
  open(paths.dir, 'read').close();
  expect(await firstWord(startChild('hold', paths.dir))).toMatchObject({
    code: 'library.in-use',
    details: { process: process.pid },
  });
});

test('closing lets the library go', async () => {
  const store = newStore();
  store.close();
  expect(await firstWord(startChild('hold', store.paths.dir))).toBe('open');
});
