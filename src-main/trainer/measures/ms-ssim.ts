/**
 * Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003) between images of one set, pair by pair: high where they look all alike.
 * By ProGAN's protocol (tkarras/progressive_growing_of_gans metrics/ms_ssim.py): the mean over disjoint pairs of neighbours.
 */
import type { Shape } from '../../../src-shared/gan/block.ts';
import { size } from '../../../src-shared/gan/shape.ts';
import type { Images } from './images.ts';

/** Of the levels, the finest first; the paper's. */
const weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333] as const;
const filterSize = 11;
const filterSigma = 1.5;
const c1 = (0.01 * 255) ** 2;
const c2 = (0.03 * 255) ** 2;

/** Levels that an image has: five, or as many as its sides can be halved without a rest. */
export function levelCount({ height, width }: Shape): number {
  let count = 1;
  for (let unit = 2; count < weights.length && height % unit === 0 && width % unit === 0; unit *= 2) {
    count += 1;
  }
  return count;
}

/** Weights of that many levels; those of fewer than five have the sum of all five. */
function weightsOf(levels: number): number[] {
  const used = weights.slice(0, levels);
  const sum = (all: readonly number[]) => all.reduce((total, weight) => total + weight, 0);
  return used.map((weight) => (weight * sum(weights)) / sum(used));
}

/** A normal distribution's density at places a pixel apart, around the middle. */
function gaussian(length: number): Float64Array {
  const sigma = (length * filterSigma) / filterSize;
  const window = Float64Array.from({ length }, (_, i) =>
    Math.exp(-((i - (length - 1) / 2) ** 2) / (2 * sigma ** 2)),
  );
  const sum = window.reduce((total, value) => total + value, 0);
  return window.map((value) => value / sum);
}

/** One channel of an image. */
interface Plane {
  height: number;
  width: number;
  values: Float64Array;
}

/** Weighted means over windows that lie inside of the plane altogether. */
function filtered({ height, width }: Plane, values: Float64Array, window: Float64Array): Float64Array {
  const { length } = window;
  const [rows, columns] = [height - length + 1, width - length + 1];
  const across = new Float64Array(height * columns);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      let sum = 0;
      for (let i = 0; i < length; i += 1) sum += window[i]! * values[y * width + x + i]!;
      across[y * columns + x] = sum;
    }
  }
  const result = new Float64Array(rows * columns);
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) {
      let sum = 0;
      for (let i = 0; i < length; i += 1) sum += window[i]! * across[(y + i) * columns + x]!;
      result[y * columns + x] = sum;
    }
  }
  return result;
}

/** Mean similarity, and mean similarity of contrast and structure alone, of two planes of one size. */
function similarity(a: Plane, b: Plane): { whole: number; structure: number } {
  const window = gaussian(Math.min(filterSize, a.height, a.width));
  const product = (x: Float64Array, y: Float64Array) =>
    filtered(
      a,
      x.map((value, i) => value * y[i]!),
      window,
    );
  const [meanA, meanB] = [filtered(a, a.values, window), filtered(a, b.values, window)];
  const [aa, bb, ab] = [
    product(a.values, a.values),
    product(b.values, b.values),
    product(a.values, b.values),
  ];
  let [whole, structure] = [0, 0];
  for (let i = 0; i < meanA.length; i += 1) {
    const [x, y] = [meanA[i]!, meanB[i]!];
    const likeness = (2 * (ab[i]! - x * y) + c2) / (aa[i]! - x * x + (bb[i]! - y * y) + c2);
    structure += likeness;
    whole += (likeness * (2 * x * y + c1)) / (x * x + y * y + c1);
  }
  return { whole: whole / meanA.length, structure: structure / meanA.length };
}

function halve({ height, width, values }: Plane): Plane {
  const half = { height: height / 2, width: width / 2, values: new Float64Array(values.length / 4) };
  for (let y = 0; y < half.height; y += 1) {
    for (let x = 0; x < half.width; x += 1) {
      const at = 2 * y * width + 2 * x;
      half.values[y * half.width + x] =
        (values[at]! + values[at + 1]! + values[at + width]! + values[at + width + 1]!) / 4;
    }
  }
  return half;
}

function planesOf(bytes: Uint8Array, { height, width, channels }: Shape): Plane[] {
  return Array.from({ length: channels }, (_, c) => ({
    height,
    width,
    values: Float64Array.from({ length: height * width }, (__, i) => bytes[i * channels + c]!),
  }));
}

function pairSimilarity(a: Uint8Array, b: Uint8Array, shape: Shape): number {
  const levels = weightsOf(levelCount(shape));
  let planes = planesOf(a, shape).map((plane, c) => [plane, planesOf(b, shape)[c]!] as const);
  let product = 1;
  for (const [level, weight] of levels.entries()) {
    const all = planes.map(([x, y]) => similarity(x, y));
    const isLast = level === levels.length - 1;
    const mean =
      all.reduce((sum, { whole, structure }) => sum + (isLast ? whole : structure), 0) / all.length;
    product *= Math.max(0, mean) ** weight;
    if (!isLast) planes = planes.map(([x, y]) => [halve(x), halve(y)] as const);
  }
  return product;
}

/** The mean over the pairs of images 0 and 1, 2 and 3, and so on: 1 where both of each pair are the same. */
export function msSsim({ count, shape, bytes }: Images): number {
  const each = size(shape);
  const image = (i: number) => bytes.subarray(i * each, (i + 1) * each);
  const pairs = Math.floor(count / 2);
  let sum = 0;
  for (let pair = 0; pair < pairs; pair += 1)
    sum += pairSimilarity(image(2 * pair), image(2 * pair + 1), shape);
  return sum / pairs;
}
