import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readImages } from '../../src-main/datasets/read-images.ts';
import { failure, imageOf, namesIn, prepare, settingsOf, temporaryFolder, writeFiles } from './fixtures.ts';

function idxImages(count: number, size = 4, start = 0): Buffer {
  const file = Buffer.alloc(16 + count * size * size);
  file.writeUInt32BE(0x803, 0);
  [count, size, size].forEach((value, i) => file.writeUInt32BE(value, 4 + 4 * i));
  for (let i = 0; i < count; i++) file.fill(start + i, 16 + i * size * size, 16 + (i + 1) * size * size);
  return file;
}

function idxLabels(labels: readonly number[]): Buffer {
  const file = Buffer.alloc(8 + labels.length);
  file.writeUInt32BE(0x801, 0);
  file.writeUInt32BE(labels.length, 4);
  file.set(labels, 8);
  return file;
}

describe('IDX files', () => {
  test.each([
    ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', false, false],
    ['train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz', true, true],
    ['train-images.idx3-ubyte', 'train-labels.idx1-ubyte.gz', false, true],
    ['images-without-gz-in-its-name.idx3-ubyte', 'labels-without-gz-in-its-name.idx1-ubyte', true, false],
  ])('%s with %s', async (images, labels, packImages, packLabels) => {
    const folder = temporaryFolder();
    const pack = (bytes: Buffer, packed: boolean): Buffer => (packed ? gzipSync(bytes) : bytes);
    writeFiles(folder, {
      [images]: pack(idxImages(5), packImages),
      [labels]: pack(idxLabels([7, 3, 7, 0, 7]), packLabels),
    });
    for (const source of [folder, join(folder, images)]) {
      const dataset = await prepare(source, settingsOf(4, 1));
      expect(dataset).toMatchObject({
        count: 5,
        classes: ['0', '3', '7'],
        classCounts: [1, 1, 3],
        sizes: [[4, 4, 5]],
      });
      expect([...(await imageOf(dataset, 3))]).toEqual(Array(16).fill(3));
      expect(namesIn(dataset.dir).sort()).toEqual(['dataset.json', 'images.u8', 'labels.u16']);
    }
  });

  test('a folder with training and test images gives both; a packed twin is passed over', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      't10k-images-idx3-ubyte': idxImages(300, 4, 100),
      't10k-images-idx3-ubyte.gz': gzipSync(idxImages(300, 4, 100)),
      'train-images-idx3-ubyte.gz': gzipSync(idxImages(400)),
    });
    const dataset = await prepare(folder, settingsOf(4, 1));
    expect(dataset).toMatchObject({ count: 700, classes: [] });
    const pixels = await readImages(dataset, [0, 299, 300, 699]);
    expect([0, 16, 32, 48].map((at) => pixels[at])).toEqual([100, 399 & 255, 0, 399 & 255]);
  });

  test('fitted and coloured: 4 padded to 8', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'images-idx3-ubyte': idxImages(1, 4, 200) });
    const dataset = await prepare(folder, settingsOf(8, 3, 'pad'));
    expect([...new Set(await imageOf(dataset))]).toEqual([200]);
  });

  test('the same content elsewhere is the same entry; other labels are another', async () => {
    const cacheDir = temporaryFolder();
    const keys: string[] = [];
    for (const labels of [
      [1, 2],
      [1, 2],
      [2, 1],
    ]) {
      const folder = temporaryFolder();
      writeFiles(folder, { 'images-idx3-ubyte': idxImages(2), 'labels-idx1-ubyte': idxLabels(labels) });
      keys.push((await prepare(folder, settingsOf(4, 1), { cacheDir })).key);
    }
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  const whole = idxImages(3);
  const packed = gzipSync(whole);
  const tooFew = Buffer.from(whole);
  tooFew.writeUInt32BE(2, 4);
  const huge = Buffer.from(whole);
  huge.writeUInt32BE(2 ** 32 - 1, 4);
  const sizeless = Buffer.from(whole);
  sizeless.writeUInt32BE(0, 8);
  test.each<[string, Buffer, string]>([
    ['cut', whole.subarray(0, 40), 'dataset.idx-broken'],
    ['with a cut header', whole.subarray(0, 10), 'dataset.idx-broken'],
    ['packed and cut', packed.subarray(0, packed.length - 12), 'dataset.idx-broken'],
    [
      'packed, with a wrong byte',
      Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)]),
      'dataset.idx-broken',
    ],
    ['packed, with fewer images than it announces', gzipSync(whole.subarray(0, 40)), 'dataset.idx-broken'],
    ['packed, with more than it announces', gzipSync(tooFew), 'dataset.idx-broken'],
    ['that announces four thousand million images', huge, 'dataset.too-many-files'],
    ['whose images have no pixels', sizeless, 'dataset.idx-broken'],
  ])('a file %s is refused, nothing is left', async (_, content, code) => {
    const folder = temporaryFolder();
    const cacheDir = temporaryFolder();
    writeFiles(folder, { 'images-idx3-ubyte': content });
    expect((await failure(prepare(folder, settingsOf(4, 1), { cacheDir }))).code).toBe(code);
    expect(namesIn(cacheDir)).toEqual([]);
  });

  test('labels that do not match are refused', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'images-idx3-ubyte': whole, 'labels-idx1-ubyte': idxLabels([1, 2]) });
    const error = await failure(prepare(folder));
    expect(error.code).toBe('dataset.idx-labels');
    expect(error.message).toContain('without classes');
  });

  test('files of two sizes are refused', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'a-idx3-ubyte': idxImages(1, 4), 'b-idx3-ubyte': idxImages(1, 5) });
    expect((await failure(prepare(folder))).code).toBe('dataset.idx-broken');
  });
});
