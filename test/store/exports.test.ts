import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openDatabase } from '../../src-main/store/database.ts';
import type { Store } from '../../src-main/store/open-store.ts';
import { startedRun } from './content.ts';
import { errorOf, newStore, open, temporaryFolder } from './library.ts';

/** Writes an export of 7 bytes into the library, and notes it. */
function addExport(store: Store, run: string, folder: string) {
  mkdirSync(store.paths.exportFolder(folder));
  writeFileSync(join(store.paths.exportFolder(folder), 'faces.onnx'), 'weights');
  const place = { folder, name: 'faces.onnx' };
  return store.exports.add(run, { step: 10, format: 'onnx', place, bytes: 7, difference: 1e-6 });
}

test('exports are listed in their order, with where they are and whether they are still there', () => {
  vi.useFakeTimers({ now: 77 });
  try {
    const store = newStore();
    const { id } = startedRun(store);
    const path = join(temporaryFolder(), 'a.png');
    addExport(store, id, 'abcdefghij');
    store.exports.add(id, { step: 20, format: 'png', place: { path }, bytes: 3, difference: null });
    const inside = {
      id: 1,
      run: id,
      step: 10,
      format: 'onnx',
      name: 'faces.onnx',
      folder: 'abcdefghij',
      path: join(store.paths.exportFolder('abcdefghij'), 'faces.onnx'),
      bytes: 7,
      createdAt: 77,
      difference: 1e-6,
      present: true,
      outside: null,
    };
    const outside = {
      ...inside,
      id: 2,
      step: 20,
      format: 'png',
      name: 'a.png',
      folder: null,
      path,
      outside: path,
    };
    expect(store.exports.list()).toEqual([
      inside,
      { ...outside, bytes: 3, difference: null, present: false },
    ]);
    writeFileSync(path, 'png');
    expect(store.exports.get(2).present).toBe(true);
    expect(store.exports.list({ run: 'nobody' })).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});

test('deleting takes the files where they lie in the library, and only there', () => {
  const store = newStore();
  const { id } = startedRun(store);
  const path = join(temporaryFolder(), 'a.png');
  writeFileSync(path, 'png');
  const inside = addExport(store, id, 'abcdefghij');
  const other = addExport(store, id, 'bbbbbbbbbb');
  const outside = store.exports.add(id, {
    step: 1,
    format: 'png',
    place: { path },
    bytes: 3,
    difference: null,
  });
  store.exports.delete(inside.id);
  store.exports.delete(outside.id);
  expect(store.exports.list()).toEqual([other]);
  expect(readdirSync(store.paths.exports)).toEqual(['bbbbbbbbbb']);
  expect(existsSync(path)).toBe(true);
  expect(readdirSync(store.paths.trash)).toEqual([]);
  expect(errorOf(() => store.exports.get(inside.id)).code).toBe('export.missing');
  // A number is an address: it never means another export later.
  store.exports.delete(other.id);
  expect(addExport(store, id, 'cccccccccc').id).toBe(4);
});

test('what a killed process had begun to write is gone at the next opening, a stranger is left alone', () => {
  const store = newStore();
  const { id } = startedRun(store);
  addExport(store, id, 'abcdefghij');
  mkdirSync(store.paths.exportFolder('zzzzzzzzzz'));
  mkdirSync(join(store.paths.exports, 'mine'));
  store.close();
  expect(readdirSync(open(store.paths.dir).paths.exports)).toEqual(['abcdefghij', 'mine']);
});

test('exports go with their run', () => {
  const store = newStore();
  const { id } = startedRun(store);
  addExport(store, id, 'abcdefghij');
  store.runs.setState(id, 'done');
  store.runs.delete(id);
  expect(readdirSync(store.paths.exports)).toEqual([]);
});

test.each(['exports/abcdefghij/../../../etc', 'exports/../x', 'relative', 'exports/abcdefghij/'])(
  'a place that leads elsewhere is damage: %s',
  (path) => {
    const store = newStore();
    const { id } = startedRun(store);
    addExport(store, id, 'abcdefghij');
    const database = openDatabase(store.paths.database, 'write');
    database.command('UPDATE exports SET path = :path')({ path });
    database.close();
    expect(errorOf(() => store.exports.list()).code).toBe('library.damaged-row');
  },
);
