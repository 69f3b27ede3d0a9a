import { describe, expect, test } from 'vitest';
import sharp, { type Sharp } from 'sharp';
import { decodeReducedJpeg } from '../../src-main/datasets/jpeg-reduced.ts';
import { difference, picture } from './fixtures.ts';

/** Detail at every scale, so that all kinds of coefficients occur; not a multiple of a block. */
async function detailed(width: number, height: number): Promise<Sharp> {
  const pixels = await picture(width, height).raw().toBuffer();
  let state = 7;
  for (let i = 0; i < pixels.length; i++) {
    state = (state * 48_271) % 2_147_483_647;
    pixels[i] = Math.max(0, Math.min(255, pixels[i]! + (state % 61) - 30));
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

describe('JPEG at an eighth of its size', () => {
  test.each([
    ['4:2:0', 75],
    ['4:2:0', 98],
    ['4:4:4', 85],
  ])('equals the mean of each block (%s, quality %i)', async (chromaSubsampling, quality) => {
    for (const optimiseCoding of [true, false]) {
      const image = await detailed(331, 203);
      const file = await image.jpeg({ quality, chromaSubsampling, optimiseCoding }).toBuffer();
      const pixels = decodeReducedJpeg(file)!;
      expect([pixels.width, pixels.height, pixels.channels]).toEqual([42, 26, 3]);
      const whole = await sharp(file).extend({ right: 5, bottom: 5, extendWith: 'copy' }).raw().toBuffer();
      const means = await sharp(whole, { raw: { width: 336, height: 208, channels: 3 } })
        .resize(42, 26, { kernel: 'nearest', fit: 'fill' })
        .raw()
        .toBuffer();
      for (let y = 0; y < 26; y++) {
        for (let x = 0; x < 42; x++) {
          for (let c = 0; c < 3; c++) {
            let sum = 0;
            for (let i = 0; i < 64; i++) sum += whole[((y * 8 + (i >> 3)) * 336 + x * 8 + (i & 7)) * 3 + c]!;
            means[(y * 42 + x) * 3 + c] = sum / 64;
          }
        }
      }
      const inner = (data: Uint8Array): Uint8Array => data.subarray(0, 42 * 25 * 3);
      expect(difference(inner(pixels.data), inner(means))).toBeLessThan(2);
    }
  });

  test('grey', async () => {
    const file = await picture(160, 80).toColourspace('b-w').jpeg().toBuffer();
    const pixels = decodeReducedJpeg(file)!;
    expect([pixels.width, pixels.height, pixels.channels]).toEqual([20, 10, 1]);
    const reference = await sharp(file)
      .resize(20, 10, { kernel: 'linear' })
      .extractChannel(0)
      .raw()
      .toBuffer();
    expect(difference(pixels.data, reference)).toBeLessThan(2);
  });

  test('leaves to others what it does not read', async () => {
    expect(decodeReducedJpeg(await picture(160, 80).jpeg({ progressive: true }).toBuffer())).toBeNull();
    expect(decodeReducedJpeg(await picture(160, 80).toColourspace('cmyk').jpeg().toBuffer())).toBeNull();
    expect(decodeReducedJpeg(await picture(160, 80).png().toBuffer())).toBeNull();
  });

  test('damaged files never throw: every cut, and thousands of wrong bytes', async () => {
    const file = await (await detailed(100, 60)).jpeg().toBuffer();
    for (let length = 0; length < file.length - 2; length += 7) {
      expect(decodeReducedJpeg(Buffer.from(file.subarray(0, length)))).toBeNull();
    }
    let state = 3;
    const next = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    let decoded = 0;
    for (let round = 0; round < 3000; round++) {
      const damaged = Buffer.from(file);
      for (let i = 0; i < 4; i++) damaged[next(damaged.length)] = next(256);
      const pixels = decodeReducedJpeg(damaged);
      if (pixels === null) continue;
      decoded++;
      expect(pixels.data.length).toBe(pixels.width * pixels.height * pixels.channels);
    }
    expect(decoded).toBeGreaterThan(0);
  });
});
