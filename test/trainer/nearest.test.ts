import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boxAverage, nearest } from '../../src-main/trainer/nearest.ts';
import { Random } from '../../src-main/trainer/random.ts';
import type { Shape } from '../../src-shared/gan/block.ts';
import { size } from '../../src-shared/gan/shape.ts';
import { described, errorOf, temporaryFolder } from './folders.ts';

const shape = (height: number, width: number, channels: number): Shape => ({ height, width, channels });
const pixels = (seed: number, count: number) => {
  const random = new Random(seed, 'pixels');
  return Uint8Array.from({ length: count }, () => random.uint32());
};

async function datasetOf(image: Shape, images: Uint8Array) {
  const dir = await temporaryFolder();
  await writeFile(join(dir, 'images.u8'), images);
  return described(dir, image, images.length / size(image));
}

describe('averages over cells', () => {
  test('of a small image, worked out by hand', () => {
    // 3x3 with two channels; the second is ten times the first.
    const image = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((value) => [value, 10 * value]));
    const averages = boxAverage(shape(3, 3, 2), 2)(image);
    expect(Array.from(averages)).toEqual([3, 30, 4.5, 45, 7.5, 75, 9, 90]);
  });

  test('keep the mean where the cells fit', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        (seed, cell, times) => {
          const image = shape(cell * times, cell * 3, 1);
          const values = pixels(seed, size(image));
          const averages = boxAverage(image, cell)(values);
          expect(averages).toHaveLength(times * 3);
          const mean = (all: ArrayLike<number>) =>
            Array.from(all).reduce((sum, x) => sum + x, 0) / all.length;
          expect(mean(averages)).toBeCloseTo(mean(values), 3);
        },
      ),
    );
  });
});

/** Every distance, computed plainly: means over cells of `cell` pixels, then the mean of squares. */
function plainDistances(image: Shape, wanted: Uint8Array, images: Uint8Array, cell: number): number[] {
  const { height, width, channels } = image;
  const scaled = (all: Uint8Array, at: number) => all[at]! / 127.5 - 1;
  return Array.from({ length: images.length / size(image) }, (_, n) => {
    const squares: number[] = [];
    for (let top = 0; top < height; top += cell) {
      for (let left = 0; left < width; left += cell) {
        for (let c = 0; c < channels; c += 1) {
          const apart: number[] = [];
          for (let y = top; y < Math.min(top + cell, height); y += 1)
            for (let x = left; x < Math.min(left + cell, width); x += 1) {
              const at = (y * width + x) * channels + c;
              apart.push(scaled(wanted, at) - scaled(images, n * size(image) + at));
            }
          squares.push((apart.reduce((sum, value) => sum + value, 0) / apart.length) ** 2);
        }
      }
    }
    return squares.reduce((sum, value) => sum + value, 0) / squares.length;
  });
}

test.each<[string, Shape, cell: number]>([
  ['28x28x1', shape(28, 28, 1), 1],
  ['32x20x3', shape(32, 20, 3), 1],
  ['33x10x2', shape(33, 10, 2), 2],
  ['64x64x3', shape(64, 64, 3), 2],
  ['20x100x4', shape(20, 100, 4), 4],
])('%s: as a plain look at every image finds them', async (_, image, cell) => {
  const images = pixels(3, 40 * size(image));
  const wanted = pixels(4, size(image));
  const dataset = await datasetOf(image, images);
  const expected = plainDistances(image, wanted, images, cell)
    .map((distance, index) => ({ index, distance }))
    .sort((a, b) => a.distance - b.distance);
  const found = await nearest(wanted, image, dataset, 7, () => undefined);
  expect(found.map(({ index }) => index)).toEqual(expected.slice(0, 7).map(({ index }) => index));
  found.forEach(({ distance }, i) => expect(distance).toBeCloseTo(expected[i]!.distance, 5));
  expect(await nearest(wanted, image, dataset, 64, () => undefined)).toHaveLength(40);
});

test('an image of the dataset is its own nearest; of equal ones the first; black and white are 4 apart', async () => {
  const image = shape(4, 4, 1);
  const black = new Uint8Array(16);
  const white = new Uint8Array(16).fill(255);
  const dataset = await datasetOf(image, Buffer.concat([white, black, pixels(1, 16), black, white]));
  const find = (count: number) => nearest(black, image, dataset, count, () => undefined);
  expect((await find(2)).map(({ index, distance }) => [index, distance])).toEqual([
    [1, 0],
    [3, 0],
  ]);
  expect((await find(5)).map(({ index }) => index)).toEqual([1, 3, 2, 0, 4]);
  expect((await find(5)).at(-1)!.distance).toBeCloseTo(4, 10);
});

describe('many images, read bit by bit', () => {
  // 4 KB each: more than two reads.
  const image = shape(32, 32, 4);
  const count = 2500;

  test('are all looked at, in their places; progress counts them', async () => {
    const images = pixels(5, count * size(image));
    const dataset = await datasetOf(image, images);
    for (const index of [0, 1023, 1024, 2047, 2048, 2499]) {
      const told: number[] = [];
      const wanted = images.slice(index * size(image), (index + 1) * size(image));
      const [first] = await nearest(wanted, image, dataset, 3, (done) => told.push(done));
      expect(first).toEqual({ index, distance: 0 });
      expect(told).toEqual([0, 1024, 2048, 2500]);
    }
  });

  test('can be ended between reads, and the file is let go', async () => {
    const dataset = await datasetOf(image, new Uint8Array(count * size(image)));
    const stop = new Error('enough');
    const told: number[] = [];
    const search = nearest(new Uint8Array(size(image)), image, dataset, 3, (done) => {
      told.push(done);
      if (done > 0) throw stop;
    });
    await expect(search).rejects.toBe(stop);
    expect(told).toEqual([0, 1024]);
  });
});

test('images of another size, images that are gone or cut off: refused in words', async () => {
  const image = shape(4, 4, 1);
  const dataset = await datasetOf(image, pixels(1, 64));
  const find = (as = image) => nearest(pixels(1, size(as)), as, dataset, 1, () => undefined);
  const other = await errorOf(find(shape(4, 4, 3)));
  expect(other.code).toBe('explore.other-size');
  expect(other.message).toMatch(/4x4x3.*4x4x1/);
  const file = join(dataset.dir, 'images.u8');
  await truncate(file, 60);
  expect((await errorOf(find())).code).toBe('dataset.cache-damaged');
  await rm(file);
  expect((await errorOf(find())).code).toBe('dataset.cache-missing');
});
