/**
 * The kernel distance of two sets of features (Binkowski et al. 2018): the squared maximum mean discrepancy with the kernel
 * (x y / width + 1)^3, without bias, as the mean over 100 subsets of at most 1000 (NVlabs/stylegan2-ada-pytorch
 * metrics/kernel_inception_distance.py). It is called KID for Inception's features alone.
 */
import type { Engine } from '../engines/engine.ts';
import { Random } from '../random.ts';
import type { Features } from './features.ts';
import { RowProducts } from './row-products.ts';

export const subsets = 100;
export const largestSubset = 1000;
const blockRows = 512;

/** Rows chosen for a subset, each once. */
export function subsetRows(count: number, size: number, random: Random): Uint32Array {
  return random.permutation(count).subarray(0, size);
}

/** Purposes of the random numbers, by which they can be drawn again. */
export const purposes = { a: 'kernel subset', b: 'kernel other subset' };

function rowsOf({ width, values }: Features, rows: Uint32Array): Float32Array {
  const chosen = new Float32Array(rows.length * width);
  rows.forEach((row, i) => chosen.set(values.subarray(row * width, (row + 1) * width), i * width));
  return chosen;
}

/** @param seed decides the subsets */
export async function kernelDistance(
  engine: Engine,
  a: Features,
  b: Features,
  seed: number,
): Promise<number> {
  const { width } = a;
  const size = Math.min(a.count, b.count, largestSubset);
  const products = await RowProducts.create(engine, width, blockRows, blockRows);
  const kernelSum = async (x: Float32Array, y: Float32Array, isSame: boolean) => {
    let sum = 0;
    await products.each(x, y, ({ i, rows, j, columns, stride, products: part }) => {
      for (let row = 0; row < rows; row += 1) {
        for (let column = 0; column < columns; column += 1) {
          if (isSame && i + row === j + column) continue;
          sum += (part[row * stride + column]! / width + 1) ** 3;
        }
      }
    });
    return sum;
  };
  let total = 0;
  for (let subset = 0; subset < subsets; subset += 1) {
    const x = rowsOf(a, subsetRows(a.count, size, new Random(seed, purposes.a, subset)));
    const y = rowsOf(b, subsetRows(b.count, size, new Random(seed, purposes.b, subset)));
    const within = (await kernelSum(x, x, true)) + (await kernelSum(y, y, true));
    total += within / (size - 1) - (2 * (await kernelSum(x, y, false))) / size;
  }
  await products.dispose();
  return total / subsets / size;
}
