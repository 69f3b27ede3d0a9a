import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { gridColumns, layOut, toBytes, writeGrid } from '../../src-main/trainer/sample-grid.ts';
import { errorOf, temporaryFolder } from './folders.ts';

test('about as wide as high', () => {
  expect([1, 2, 4, 5, 9, 10, 64, 1000].map(gridColumns)).toEqual([1, 2, 2, 3, 3, 4, 8, 32]);
});

test('-1 to 1 become 0 to 255, rounded and cut off', () => {
  expect([...toBytes(Float32Array.of(-1, 1, 0, -5, 5, -0.999, 1 / 255))]).toEqual([
    0, 255, 128, 0, 255, 0, 128,
  ]);
  for (let byte = 0; byte < 256; byte += 1) expect(toBytes(Float32Array.of(byte / 127.5 - 1))[0]).toBe(byte);
});

/** Image i, pixel p, channel c holds a byte of its own. */
function images(count: number, height: number, width: number, channels: number) {
  const bytes = Uint8Array.from({ length: count * height * width * channels }, (_, i) => (i * 7 + 1) % 256);
  return {
    bytes,
    values: Float32Array.from(bytes, (byte) => byte / 127.5 - 1),
    image: { height, width, channels },
  };
}

describe('row by row, without gaps, empty cells black', () => {
  test.for([
    [1, 2, 3, 1],
    [3, 2, 3, 1],
    [5, 3, 2, 3],
    [7, 1, 4, 2],
    [4, 2, 2, 4],
  ] as const)('%i images of %ix%ix%i', ([count, height, width, channels]) => {
    const { bytes, values, image } = images(count, height, width, channels);
    const grid = layOut(values, count, image);
    const columns = gridColumns(count);
    const rows = Math.ceil(count / columns);
    expect([grid.width, grid.height]).toEqual([columns * width, rows * height]);
    expect(grid.pixels.length).toBe(grid.width * grid.height * channels);
    for (let y = 0; y < grid.height; y += 1) {
      for (let x = 0; x < grid.width; x += 1) {
        const i = Math.floor(y / height) * columns + Math.floor(x / width);
        const pixel = ((i * height + (y % height)) * width + (x % width)) * channels;
        for (let c = 0; c < channels; c += 1) {
          const expected = i < count ? bytes[pixel + c] : 0;
          expect(grid.pixels[(y * grid.width + x) * channels + c]).toBe(expected);
        }
      }
    }
  });
});

describe('as PNG', () => {
  test.for([1, 2, 3, 4] as const)('with %i channels, pixel for pixel', async (channels) => {
    const folder = await temporaryFolder();
    const { values, image } = images(5, 4, 3, channels);
    const file = join(folder, 'grid.png');
    expect(await writeGrid(file, values, 5, image)).toBe(3);
    const expected = layOut(values, 5, image);
    expect(await sharp(file).metadata()).toMatchObject({
      width: expected.width,
      height: expected.height,
      channels,
    });
    const names = channels === 2 ? ([0, 'alpha'] as const) : ([0, 1, 2, 3] as const);
    for (let c = 0; c < channels; c += 1) {
      const channel = new Uint8Array(await sharp(file).extractChannel(names[c]!).raw().toBuffer());
      expect(channel).toEqual(expected.pixels.filter((_, i) => i % channels === c));
    }
    expect(await readdir(folder)).toEqual(['grid.png']);
  });

  test('an old file is replaced', async () => {
    const file = join(await temporaryFolder(), 'grid.png');
    const { values, image } = images(4, 2, 2, 1);
    await writeGrid(
      file,
      values.map(() => 0),
      4,
      image,
    );
    await writeGrid(file, values, 4, image);
    expect(new Uint8Array(await sharp(file).toColourspace('b-w').raw().toBuffer())).toEqual(
      layOut(values, 4, image).pixels,
    );
  });

  test('a folder that is not there is named', async () => {
    const { values, image } = images(1, 2, 2, 1);
    const folder = join(await temporaryFolder(), 'nowhere');
    const error = await errorOf(writeGrid(join(folder, 'grid.png'), values, 1, image));
    expect(error.code).toBe('disk.no-folder');
    expect(error.message).toContain(folder);
  });
});
