import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { addDataset, startedRun } from './content.ts';
import { errorOf, newStore, open } from './library.ts';

test('a prepared dataset is found by its key and listed by last use', () => {
  vi.useFakeTimers({ now: 1 });
  try {
    const store = newStore();
    const first = addDataset(store, 'aaa');
    const second = addDataset(store, 'bbb', '/others');
    expect(store.datasets.find('aaa')).toEqual({ prepared: first, lastUsedAt: 1 });
    expect(store.datasets.find('ccc')).toBeNull();
    vi.setSystemTime(2);
    store.datasets.put(first);
    expect(store.datasets.list()).toEqual([
      { prepared: first, lastUsedAt: 2 },
      { prepared: second, lastUsedAt: 1 },
    ]);
    expect(store.datasets.list({ source: '/others' })).toEqual([{ prepared: second, lastUsedAt: 1 }]);
    expect(store.datasets.diskUse('aaa')).toBe(100);
  } finally {
    vi.useRealTimers();
  }
});

test('a library that was moved finds its datasets where they are now', () => {
  const store = newStore();
  addDataset(store, 'aaa');
  store.close();
  const moved = join(store.paths.dir, '..', 'moved');
  renameSync(store.paths.dir, moved);
  const dir = open(moved).datasets.find('aaa')?.prepared.dir ?? '';
  expect(dir).toBe(join(moved, 'cache', 'aaa'));
  expect(existsSync(join(dir, 'images.u8'))).toBe(true);
});

test('deleting a prepared dataset removes its folder, unless a run needs it', () => {
  const store = newStore();
  const run = startedRun(store);
  addDataset(store, run.dataset.key);
  const remove = () => {
    store.datasets.delete(run.dataset.key);
  };
  expect(errorOf(remove)).toMatchObject({ code: 'dataset.in-use', details: { run: run.number } });
  store.runs.setState(run.id, 'done');
  remove();
  expect(store.datasets.list()).toEqual([]);
  expect(existsSync(store.paths.cacheFolder(run.dataset.key))).toBe(false);
  expect(store.runs.get(run.id).dataset.count).toBe(50);
});

test('the runs that were made with a prepared dataset are known by it', () => {
  const store = newStore();
  addDataset(store, 'bbb');
  const [first, second] = [startedRun(store, { name: 'a' }), startedRun(store, { name: 'b' })];
  const { key } = first.dataset;
  expect(store.datasets.users(key)).toEqual([
    { id: first.id, number: 1, name: 'a' },
    { id: second.id, number: 2, name: 'b' },
  ]);
  expect(store.datasets.users('bbb')).toEqual([]);
});

test('no name leads out of the library', () => {
  const { paths, datasets } = newStore();
  for (const name of ['..', '.', '', '../x', 'a/b', 'a\\b', 'a\0', '/etc', 'C:x', '-rf', 'a.b']) {
    expect(errorOf(() => paths.cacheFolder(name)).code, name).toBe('library.bad-name');
    expect(errorOf(() => paths.runFolder(name)).code, name).toBe('library.bad-name');
    expect(
      errorOf(() => {
        datasets.delete(name);
      }).code,
    ).toBe('library.bad-name');
  }
});
