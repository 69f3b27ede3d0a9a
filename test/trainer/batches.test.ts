import { open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Batches } from '../../src-main/trainer/batches.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { described, errorOf, temporaryFolder } from './folders.ts';

const image = { height: 1, width: 2, channels: 1 };

async function openBatches(dataset: PreparedDataset, seed = 1): Promise<Batches> {
  const batches = await Batches.open(dataset, seed);
  onTestFinished(() => batches.close());
  return batches;
}

/** Images whose two pixels are their number and its opposite. */
async function numbered(count: number): Promise<PreparedDataset> {
  const dir = await temporaryFolder();
  await writeFile(
    join(dir, 'images.u8'),
    Uint8Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? i / 2 : 255 - (i - 1) / 2)),
  );
  return described(dir, image, count);
}

/** The numbers of the images in a batch. */
function seen(values: Float32Array): number[] {
  const bytes = Array.from(values, (value) => Math.round((value + 1) * 127.5));
  const first = bytes.filter((_, i) => i % 2 === 0);
  expect(bytes.filter((_, i) => i % 2 === 1)).toEqual(first.map((byte) => 255 - byte));
  return first;
}

describe('order', () => {
  test('every image once an epoch, in another order each time', async () => {
    const batches = await openBatches(await numbered(10));
    const epochs = [];
    for (let epoch = 0; epoch < 4; epoch += 1) epochs.push(seen(await batches.at(epoch * 10, 10)));
    for (const epoch of epochs)
      expect(epoch.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(epochs.map((epoch) => epoch.join())).size).toBe(4);
  });

  test('batches that do not divide the epoch run on into the next', async () => {
    const dataset = await numbered(10);
    const [batches, whole] = [await openBatches(dataset), await openBatches(dataset)];
    const found: number[] = [];
    for (let at = 0; at < 30; at += 3) found.push(...seen(await batches.at(at, 3)));
    expect(found).toEqual([
      ...seen(await whole.at(0, 10)),
      ...seen(await whole.at(10, 10)),
      ...seen(await whole.at(20, 10)),
    ]);
  });

  test('a batch larger than the dataset sees images again', async () => {
    const batches = await openBatches(await numbered(3));
    expect(seen(await batches.at(0, 9)).toSorted((a, b) => a - b)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  });

  test('going on at a position is the same as having come there', async () => {
    const dataset = await numbered(7);
    const [one, other] = [await openBatches(dataset), await openBatches(dataset)];
    for (let at = 0; at < 100; at += 5) await one.at(at, 5);
    expect(await other.at(100, 5)).toEqual(await one.at(100, 5));
    expect(await one.at(0, 5)).toEqual(await (await openBatches(dataset)).at(0, 5));
  });

  test('depends on the seed', async () => {
    const dataset = await numbered(50);
    const order = async (seed: number) => seen(await (await openBatches(dataset, seed)).at(0, 50));
    expect(await order(1)).toEqual(await order(1));
    expect(await order(1)).not.toEqual(await order(2));
  });
});

test('flips turn half of the images around, by seed and place, and no other pixel moves', async () => {
  const dir = await temporaryFolder();
  const wide = { height: 2, width: 3, channels: 2 };
  const count = 200;
  await writeFile(
    join(dir, 'images.u8'),
    Uint8Array.from({ length: count * 12 }, (_, i) => i % 251),
  );
  const dataset = described(dir, wide, count);
  const plain = await openBatches(dataset);
  const flipping = await Batches.open(dataset, 1, true);
  onTestFinished(() => flipping.close());
  const [straight, turned] = [await plain.at(50, count), await flipping.at(50, count)];
  let flipped = 0;
  for (let i = 0; i < count; i += 1) {
    const own = Array.from(straight.subarray(i * 12, (i + 1) * 12));
    const seen = Array.from(turned.subarray(i * 12, (i + 1) * 12));
    const mirrored = [4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7].map((from) => own[from]);
    expect([own, mirrored]).toContainEqual(seen);
    if (seen[0] !== own[0]) flipped += 1;
  }
  expect(flipped).toBeGreaterThan(70);
  expect(flipped).toBeLessThan(130);
  expect(await flipping.at(50, count)).toEqual(turned);
});

test('bytes become -1 to 1 as (x / 255 - 0.5) / 0.5', async () => {
  const dir = await temporaryFolder();
  await writeFile(
    join(dir, 'images.u8'),
    Uint8Array.from({ length: 256 }, (_, i) => i),
  );
  const batches = await openBatches(described(dir, { height: 16, width: 16, channels: 1 }, 1));
  const values = await batches.at(0, 1);
  expect([values[0], values[255]]).toEqual([-1, 1]);
  values.forEach((value, i) => expect(value).toBeCloseTo((i / 255 - 0.5) / 0.5, 6));
});

describe('a dataset too large for memory', () => {
  // 1.1 GB with holes: hardly any of it is on the disk.
  const large = { height: 512, width: 512, channels: 4 };
  const imageBytes = 512 * 512 * 4;
  const count = 1100;

  async function sparse(): Promise<PreparedDataset> {
    const dir = await temporaryFolder();
    const file = await open(join(dir, 'images.u8'), 'w');
    await file.truncate(count * imageBytes);
    for (let i = 0; i < count; i += 1) {
      // The number of the image in its first two bytes, and in its last.
      await file.write(Uint8Array.of(i & 255, i >> 8), 0, 2, i * imageBytes);
      await file.write(Uint8Array.of(i & 255), 0, 1, (i + 1) * imageBytes - 1);
    }
    await file.close();
    return described(dir, large, count);
  }

  test('is read image by image, in the same order', async () => {
    const dataset = await sparse();
    const before = process.memoryUsage().arrayBuffers;
    const batches = await openBatches(dataset, 3);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 28);
    const small = await numbered(0);
    await truncate(join(small.dir, 'images.u8'), 2 * count);
    const found: number[] = [];
    for (let at = 0; at < 60; at += 4) {
      const values = await batches.at(at, 4);
      for (let i = 0; i < 4; i += 1) {
        const byte = (j: number) => Math.round((values[i * imageBytes + j]! + 1) * 127.5);
        found.push(byte(0) + 256 * byte(1));
        expect(byte(imageBytes - 1)).toBe(byte(0));
      }
    }
    expect(new Set(found).size).toBe(60);
    expect(Math.max(...found)).toBeGreaterThan(600);
    // Beyond the first two gigabytes of positions, and back.
    expect(await batches.at(0, 1)).toEqual(await (await openBatches(dataset, 3)).at(0, 1));
  });

  test('that is cut off while it is read says so', async () => {
    const dataset = await sparse();
    const batches = await openBatches(dataset, 3);
    await truncate(join(dataset.dir, 'images.u8'), 10);
    expect(await errorOf(batches.at(0, 4))).toMatchObject({ code: 'dataset.cache-damaged' });
  });
});

describe('a cache that is not what it should be', () => {
  test('missing', async () => {
    const dataset = await numbered(4);
    await rm(join(dataset.dir, 'images.u8'));
    const error = await errorOf(Batches.open(dataset, 1));
    expect(error.code).toBe('dataset.cache-missing');
    expect(error.message).toContain('/pictures');
  });

  test.for([0, 7, 9])('of %i bytes instead of 8', async (size) => {
    const dataset = await numbered(4);
    await truncate(join(dataset.dir, 'images.u8'), size);
    expect(await errorOf(Batches.open(dataset, 1))).toMatchObject({ code: 'dataset.cache-damaged' });
  });
});
