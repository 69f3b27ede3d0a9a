import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { browse } from '../../src-main/datasets/browse.ts';
import { DataRoots } from '../../src-main/datasets/data-roots.ts';
import { failure, temporaryFolder, writeFiles } from './fixtures.ts';

/** Two roots, one whose name begins like the other's, and a folder beside them. */
function threeFolders(): { root: string; second: string; outside: string } {
  const dir = realpathSync(temporaryFolder());
  const [root, second, outside] = [join(dir, 'data'), join(dir, 'more'), join(dir, 'data-private')];
  for (const folder of [root, second, outside]) mkdirSync(folder);
  writeFiles(outside, { 'secret.png': 'secret', 'deep/secret.zip': 'secret' });
  return { root, second, outside };
}

describe('a listing', () => {
  test('has folders first and what may hold images or be one, in natural order, with sizes', async () => {
    const { root } = threeFolders();
    writeFiles(root, {
      'set 10/a.png': '',
      'set 9/a.png': '',
      'b10.JPG': 'four',
      'b9.jpeg': 'x',
      'all.zip': 'seven..',
      'train-images-idx3-ubyte.gz': '',
      'train-labels-idx1-ubyte.gz': '',
      'notes.txt': '',
      '.hidden/a.png': '',
      '.hidden.png': '',
      'Thumbs.db': '',
    });
    const { path, parent, entries, more } = await browse(root, new DataRoots([root]));
    expect({ path, parent, more }).toEqual({ path: root, parent: null, more: 0 });
    expect(entries.map(({ name, kind, bytes }) => [name, kind, bytes])).toEqual([
      ['set 9', 'folder', 0],
      ['set 10', 'folder', 0],
      ['all.zip', 'file', 7],
      ['b9.jpeg', 'file', 1],
      ['b10.JPG', 'file', 4],
      ['train-images-idx3-ubyte.gz', 'file', 0],
    ]);
    expect(entries[0]!.path).toBe(join(root, 'set 9'));
  });

  test('of the roots, where no path is given: those that are there', async () => {
    const { root, second } = threeFolders();
    const twin = join(second, 'data');
    mkdirSync(twin);
    const roots = new DataRoots([second, root, join(root, 'unplugged'), root, twin]);
    expect(await browse(null, roots)).toEqual({
      path: null,
      parent: null,
      entries: [
        { name: root, path: root, kind: 'folder', bytes: 0 },
        { name: twin, path: twin, kind: 'folder', bytes: 0 },
        { name: 'more', path: second, kind: 'folder', bytes: 0 },
      ],
      more: 0,
    });
  });

  test('names the folder above as long as that is inside', async () => {
    const { root } = threeFolders();
    mkdirSync(join(root, 'a/b'), { recursive: true });
    const roots = new DataRoots([root]);
    expect((await browse(join(root, 'a/b'), roots)).parent).toBe(join(root, 'a'));
    expect((await browse(join(root, 'a'), roots)).parent).toBe(root);
    expect((await browse(root, roots)).parent).toBeNull();
  });

  test('does not grow beyond some thousands, and says how many more there are', async () => {
    const { root } = threeFolders();
    writeFiles(root, Object.fromEntries(Array.from({ length: 2003 }, (_, i) => [`${i}.png`, ''])));
    mkdirSync(join(root, 'folder'));
    const { entries, more } = await browse(root, new DataRoots([root]));
    expect(entries).toHaveLength(2001);
    expect(entries[0]!.name).toBe('folder');
    expect(more).toBe(3);
  });

  test('stops when it is cancelled', async () => {
    const { root } = threeFolders();
    mkdirSync(join(root, 'a'));
    expect((await failure(browse(root, new DataRoots([root]), AbortSignal.abort()))).code).toBe('cancelled');
  });
});

describe('the roots', () => {
  test('nothing outside is listed, and nobody learns what is there', async () => {
    const { root, outside } = threeFolders();
    const roots = new DataRoots([root]);
    for (const path of [
      dirname(root),
      '/',
      outside,
      join(outside, 'secret.png'),
      join(outside, 'not-there'),
      join(outside, 'not-there/deeper'),
      `${root}/../data-private`,
      `${root}/../data-private/not-there`,
      `${root}/a/../../data-private`,
      `${root}-private`,
      'relative/to/somewhere',
      '',
    ]) {
      expect([path, (await failure(browse(path, roots))).code]).toEqual([path, 'dataset.not-allowed']);
    }
  });

  test('links are followed as far as they stay inside', async () => {
    const { root, second, outside } = threeFolders();
    writeFiles(second, { 'pictures/a.png': 'picture' });
    symlinkSync(join(second, 'pictures'), join(root, 'to-second'));
    symlinkSync(join(second, 'pictures/a.png'), join(root, 'picture.png'));
    symlinkSync(outside, join(root, 'to-outside'));
    symlinkSync(join(outside, 'secret.png'), join(root, 'secret.png'));
    symlinkSync(join(outside, 'not-there'), join(root, 'nowhere'));
    const roots = new DataRoots([root, second]);
    const { entries } = await browse(root, roots);
    expect(entries.map(({ name, kind, bytes }) => [name, kind, bytes])).toEqual([
      ['to-second', 'folder', 0],
      ['picture.png', 'file', 7],
    ]);
    const inside = await browse(join(root, 'to-second'), roots);
    expect([inside.path, inside.parent]).toEqual([join(second, 'pictures'), second]);
    for (const path of ['to-outside', 'to-outside/deep', 'to-outside/not-there', 'secret.png']) {
      expect([path, (await failure(browse(join(root, path), roots))).code]).toEqual([
        path,
        'dataset.not-allowed',
      ]);
    }
  });

  test('a root may be reached by a link', async () => {
    const { root, second } = threeFolders();
    symlinkSync(root, join(second, 'link'));
    mkdirSync(join(root, 'a'));
    const roots = new DataRoots([join(second, 'link')]);
    expect((await browse(join(second, 'link/a'), roots)).path).toBe(join(root, 'a'));
    expect((await failure(browse(second, roots))).code).toBe('dataset.not-allowed');
  });

  test('inside, what is not there or no folder is said', async () => {
    const { root } = threeFolders();
    writeFiles(root, { 'a.png': '' });
    const roots = new DataRoots([root]);
    expect((await failure(browse(join(root, 'b'), roots))).code).toBe('dataset.missing');
    expect((await failure(browse(join(root, 'b/c'), roots))).code).toBe('dataset.missing');
    expect((await failure(browse(join(root, 'a.png'), roots))).code).toBe('dataset.not-a-folder');
    expect((await failure(browse(join(root, 'a\0b'), roots))).code).toBe('dataset.unreadable');
  });

  test('without roots everything may be looked at, from the home folder on', async () => {
    const { root } = threeFolders();
    const roots = new DataRoots(null);
    expect((await browse(null, roots)).entries.map(({ path }) => path)).toEqual([realpathSync(homedir())]);
    expect((await browse(root, roots)).parent).toBe(dirname(root));
    expect((await browse('/', roots)).parent).toBeNull();
  });

  test('no roots: nothing may be looked at', async () => {
    const { root } = threeFolders();
    const roots = new DataRoots([]);
    expect((await browse(null, roots)).entries).toEqual([]);
    expect((await failure(browse(root, roots))).code).toBe('dataset.not-allowed');
  });
});
