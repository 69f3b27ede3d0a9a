/** Inner products of the rows of two matrices, a block at a time, on an engine: what distances and projections are made of. */
import * as tf from '@tensorflow/tfjs';
import type { Engine, Program } from '../engines/engine.ts';

export class RowProducts {
  readonly #program: Program;
  readonly #width: number;
  readonly #left: number;
  readonly #right: number;

  private constructor(program: Program, width: number, left: number, right: number) {
    this.#program = program;
    this.#width = width;
    this.#left = left;
    this.#right = right;
  }

  /**
   * @param width of both matrices' rows
   * @param left rows of a block of the first matrix
   * @param right rows of a block of the second one
   */
  static async create(engine: Engine, width: number, left: number, right: number): Promise<RowProducts> {
    const program = await engine.prepare(
      (state, { right: b }) => ({
        state: {},
        outputs: { products: tf.matMul(state['left'] as tf.Tensor2D, b as tf.Tensor2D, false, true) },
      }),
      [{ name: 'left', shape: [left, width] }],
      [{ name: 'right', shape: [right, width] }],
    );
    return new RowProducts(program, width, left, right);
  }

  /**
   * Goes through all blocks, one of `a` after the other, and within it through all of `b`.
   * @param a, b rows one after the other
   * @param visit is given the first row of either block, how many rows of them there are, and the products: those of row i of the block of
   * `a` begin at `i * stride`
   */
  async each(
    a: Float32Array,
    b: Float32Array,
    visit: (block: {
      i: number;
      rows: number;
      j: number;
      columns: number;
      stride: number;
      products: Float32Array;
    }) => void,
  ): Promise<void> {
    const width = this.#width;
    const [rowsOfA, rowsOfB] = [a.length / width, b.length / width];
    for (let i = 0; i < rowsOfA; i += this.#left) {
      this.#program.write({ left: padded(a, i * width, this.#left * width) });
      for (let j = 0; j < rowsOfB; j += this.#right) {
        const { products } = await this.#program.run({
          right: padded(b, j * width, this.#right * width),
        });
        visit({
          i,
          rows: Math.min(this.#left, rowsOfA - i),
          j,
          columns: Math.min(this.#right, rowsOfB - j),
          stride: this.#right,
          products: products!,
        });
      }
    }
  }

  dispose(): Promise<void> {
    return this.#program.dispose();
  }
}

/** `length` values from a place on, with zeros where there are no more. */
function padded(values: Float32Array, from: number, length: number): Float32Array {
  if (from + length <= values.length) return values.subarray(from, from + length);
  const whole = new Float32Array(length);
  whole.set(values.subarray(from));
  return whole;
}
