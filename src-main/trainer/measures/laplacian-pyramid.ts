/**
 * Laplacian pyramids (Burt and Adelson 1983) with the filter and the borders of OpenCV's pyrDown and pyrUp, as the protocol of the sliced
 * Wasserstein distance uses them (Karras et al. 2018, tkarras/progressive_growing_of_gans metrics/sliced_wasserstein.py).
 */
import type { Shape } from '../../../src-shared/gan/block.ts';
import { size } from '../../../src-shared/gan/shape.ts';
import type { Images } from './images.ts';

export interface Level {
  count: number;
  shape: Shape;
  /** [count, height, width, channels] */
  values: Float32Array;
}

const taps = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16] as const;

/** Index of a place beyond the border: mirrored at the outermost pixel, which is not repeated. */
function mirrored(place: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const inside = ((place % period) + period) % period;
  return inside < length ? inside : period - inside;
}

/** Weighted sums of five neighbours along one axis of [outer, length, inner], each times `scale`. */
function blurAlong(
  values: Float32Array,
  outer: number,
  length: number,
  inner: number,
  scale: number,
): Float32Array {
  const blurred = new Float32Array(values.length);
  for (let place = 0; place < length; place += 1) {
    for (let tap = -2; tap <= 2; tap += 1) {
      const from = mirrored(place + tap, length) * inner;
      const to = place * inner;
      const weight = taps[tap + 2]! * scale;
      for (let o = 0; o < outer; o += 1) {
        const base = o * length * inner;
        for (let i = 0; i < inner; i += 1) blurred[base + to + i]! += weight * values[base + from + i]!;
      }
    }
  }
  return blurred;
}

function blur({ count, shape, values }: Level, scale: number): Float32Array {
  const { height, width, channels } = shape;
  const down = blurAlong(values, count, height, width * channels, scale);
  return blurAlong(down, count * height, width, channels, scale);
}

/** Every second pixel of a blurred image. */
function halve(level: Level): Level {
  const { count, shape } = level;
  const { channels } = shape;
  const half = { height: Math.ceil(shape.height / 2), width: Math.ceil(shape.width / 2), channels };
  const blurred = blur(level, 1);
  const values = new Float32Array(count * size(half));
  for (let n = 0, to = 0; n < count; n += 1) {
    for (let y = 0; y < half.height; y += 1) {
      for (let x = 0; x < half.width; x += 1) {
        const from = ((n * shape.height + 2 * y) * shape.width + 2 * x) * channels;
        for (let c = 0; c < channels; c += 1, to += 1) values[to] = blurred[from + c]!;
      }
    }
  }
  return { count, shape: half, values };
}

/** The image in twice the size: zeros between its pixels, blurred with four times the weight. */
function double({ count, shape, values }: Level, larger: Shape): Float32Array {
  const { channels } = shape;
  const spread = new Float32Array(count * size(larger));
  for (let n = 0, from = 0; n < count; n += 1) {
    for (let y = 0; y < shape.height; y += 1) {
      for (let x = 0; x < shape.width; x += 1) {
        const to = ((n * larger.height + 2 * y) * larger.width + 2 * x) * channels;
        for (let c = 0; c < channels; c += 1, from += 1) spread[to + c] = values[from]!;
      }
    }
  }
  // 4 along both axes together.
  return blur({ count, shape: larger, values: spread }, 2);
}

/**
 * The images in parts: each level holds what the next smaller one leaves out, the last one is what remains. As many levels as ProGAN's
 * protocol takes: down to 16 pixels a side, and one of smaller images.
 */
export function laplacianPyramid({ count, shape, bytes }: Images): Level[] {
  const levels: Level[] = [{ count, shape, values: Float32Array.from(bytes) }];
  for (let side = Math.min(shape.height, shape.width) >> 1; side >= 16; side >>= 1) {
    const level = levels.at(-1)!;
    const smaller = halve(level);
    const coarse = double(smaller, level.shape);
    for (let i = 0; i < coarse.length; i += 1) level.values[i]! -= coarse[i]!;
    levels.push(smaller);
  }
  return levels;
}
