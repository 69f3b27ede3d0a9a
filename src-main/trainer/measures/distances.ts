/** Squared Euclidean distances between the features of two sets, a block at a time. */
import type { Engine } from '../engines/engine.ts';
import type { Features } from './features.ts';
import { RowProducts } from './row-products.ts';

const blockRows = 512;

function squaredLengths({ count, width, values }: Features): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = i * width; j < (i + 1) * width; j += 1) sum += values[j]! ** 2;
    return sum;
  });
}

/**
 * Tells every distance once, by |a|^2 + |b|^2 - 2 a b: exact to about a millionth of the vectors' squared lengths.
 * @param visit is given the row in `a`, the row in `b` and the squared distance, 0 or more
 */
export async function eachDistance(
  engine: Engine,
  a: Features,
  b: Features,
  visit: (i: number, j: number, squared: number) => void,
): Promise<void> {
  const products = await RowProducts.create(engine, a.width, blockRows, blockRows);
  const [lengthsOfA, lengthsOfB] = [squaredLengths(a), squaredLengths(b)];
  await products.each(a.values, b.values, ({ i, rows, j, columns, stride, products: part }) => {
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const squared = lengthsOfA[i + row]! + lengthsOfB[j + column]! - 2 * part[row * stride + column]!;
        visit(i + row, j + column, Math.max(0, squared));
      }
    }
  });
  await products.dispose();
}
