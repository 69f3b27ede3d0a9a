import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { delays, enlargement, encodeAnimation } from '../../src-main/trainer/animation.ts';
import type { Shape } from '../../src-shared/gan/block.ts';

const shape = (height: number, width: number, channels: number): Shape => ({ height, width, channels });

/** Frames of soft colours that move; where there is alpha, all is opaque. */
function frames(count: number, { height, width, channels }: Shape): Uint8Array {
  return Uint8Array.from({ length: count * height * width * channels }, (_, i) => {
    const [channel, pixel] = [i % channels, Math.floor(i / channels)];
    if (channels % 2 === 0 && channel === channels - 1) return 255;
    const [x, y, n] = [
      pixel % width,
      Math.floor(pixel / width) % height,
      Math.floor(pixel / (width * height)),
    ];
    return 127 + 100 * Math.sin(x / 5 + n + channel) * Math.cos(y / 4 - n);
  });
}

describe('enlargement', () => {
  test.each([
    [shape(28, 28, 1), 10],
    [shape(32, 32, 3), 8],
    [shape(64, 48, 3), 4],
    [shape(100, 30, 3), 3],
    [shape(256, 256, 3), 1],
    [shape(1024, 8, 3), 1],
  ])('%o by %d', (image, times) => {
    expect(enlargement(image)).toBe(times);
  });
});

describe('delays', () => {
  test.each([
    ['gif', 25, [40, 40, 40, 40, 40, 40]],
    ['gif', 30, [30, 40, 30, 30, 40, 30]],
    ['gif', 60, [20, 20, 20, 20, 20, 20]],
    ['webp', 30, [33, 34, 33, 33, 34, 33]],
    ['webp', 1, [1000, 1000, 1000, 1000, 1000, 1000]],
  ] as const)('%s at %d frames a second', (format, framesPerSecond, expected) => {
    expect(delays(6, framesPerSecond, format)).toEqual(expected);
  });

  test('add up to the time of the whole', () => {
    for (const framesPerSecond of [7, 11, 24, 30, 49]) {
      const sum = (format: 'gif' | 'webp') =>
        delays(500, framesPerSecond, format).reduce((all, delay) => all + delay, 0);
      expect(Math.abs(sum('gif') - 500_000 / framesPerSecond)).toBeLessThanOrEqual(5);
      expect(Math.abs(sum('webp') - 500_000 / framesPerSecond)).toBeLessThanOrEqual(0.5);
    }
  });
});

describe('what was written, decoded again', () => {
  test.each([
    ['gif', shape(16, 12, 3), 12],
    ['gif', shape(8, 8, 1), 12],
    ['webp', shape(16, 12, 3), 0],
    ['webp', shape(8, 8, 1), 0],
    ['webp', shape(8, 8, 2), 0],
    ['webp', shape(8, 8, 4), 0],
    ['gif', shape(8, 8, 4), 12],
    ['webp', shape(300, 260, 3), 0],
  ] as const)('%s of %o: every frame, its time, its size, its pixels', async (format, image, tolerance) => {
    const count = 7;
    const given = frames(count, image);
    const file = await encodeAnimation(given, count, image, 20, format);
    const times = enlargement(image);
    const [height, width] = [image.height * times, image.width * times];
    expect(await sharp(file, { animated: true }).metadata()).toMatchObject({
      format,
      pages: count,
      pageHeight: height,
      width,
      delay: Array<number>(count).fill(50),
      loop: 0,
    });
    const { data, info } = await sharp(file, { animated: true })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info.height).toBe(count * height);
    let worst = 0;
    for (let y = 0; y < info.height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const from = (Math.floor(y / times) * image.width + Math.floor(x / times)) * image.channels;
        for (let c = 0; c < 3; c += 1) {
          const expected = given[from + (image.channels < 3 ? 0 : c)]!;
          worst = Math.max(worst, Math.abs(data[(y * width + x) * info.channels + c]! - expected));
        }
      }
    }
    expect(worst).toBeLessThanOrEqual(tolerance);
  });
});
