/** Convolutions and their gradients as recorded matrix products, against TensorFlow.js' own loops. */
import * as fc from 'fast-check';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import type { Engine, TensorFunction } from '../../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { trace } from '../../src-main/trainer/engines/onnx/trace.ts';
import { convolution, transposedConvolution } from '../../src-main/trainer/layers.ts';
import { elements } from '../../src-main/trainer/parameters.ts';
import type { Pair } from '../../src-shared/gan/block.ts';
import { convLength } from '../../src-shared/gan/shape.ts';
import { difference, numbers, reference } from './measure.ts';

interface Sizes {
  batch: number;
  image: Pair;
  channels: [number, number];
  kernel: Pair;
  stride: Pair;
  padding: Pair;
}

function outputOf({ image, kernel, stride, padding }: Sizes): Pair {
  const along = (axis: 0 | 1) => convLength(image[axis], kernel[axis], stride[axis], padding[axis]);
  return [along(0), along(1)];
}

function shapesOf(sizes: Sizes) {
  const { batch, image, kernel, channels } = sizes;
  return [
    { name: 'x', shape: [batch, ...image, channels[0]] },
    { name: 'kernel', shape: [...kernel, ...channels] },
    { name: 'dy', shape: [batch, ...outputOf(sizes), channels[1]] },
  ];
}

/** A convolution with its two gradients, and a transposed convolution with its two. */
function everything({ image, channels, stride, padding }: Sizes): TensorFunction {
  return (_state, inputs) => {
    const { x, kernel, dy } = inputs as { x: tf.Tensor4D; kernel: tf.Tensor4D; dy: tf.Tensor4D };
    const forward = (a: tf.Tensor, k: tf.Tensor) =>
      convolution(a as tf.Tensor4D, k as tf.Tensor4D, stride, padding);
    const backward = (a: tf.Tensor, k: tf.Tensor) =>
      transposedConvolution(a as tf.Tensor4D, k as tf.Tensor4D, [...image, channels[0]], stride, padding);
    const [dx, dKernel] = tf.grads(forward)([x, kernel], dy) as [tf.Tensor, tf.Tensor];
    const [dyOfTransposed, dKernelOfTransposed] = tf.grads(backward)([dy, kernel], x) as [
      tf.Tensor,
      tf.Tensor,
    ];
    return {
      state: {},
      outputs: {
        forward: forward(x, kernel),
        dx,
        dKernel,
        transposed: backward(dy, kernel),
        dyOfTransposed,
        dKernelOfTransposed,
      },
    };
  };
}

async function apart(engines: readonly [Engine, Engine], sizes: Sizes): Promise<Record<string, number>> {
  const shapes = shapesOf(sizes);
  const arrays = Object.fromEntries(shapes.map(({ name, shape }) => [name, numbers(name, elements(shape))]));
  const outcomes = [];
  for (const engine of engines) {
    const program = await engine.prepare(everything(sizes), [], shapes);
    program.write({});
    const outputs = await program.run(arrays);
    outcomes.push(
      Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values.slice()])),
    );
    await program.dispose();
  }
  const [actual, expected] = outcomes as [Record<string, Float32Array>, Record<string, Float32Array>];
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  return Object.fromEntries(
    // Where padding is all that a kernel sees, everything is zero in both.
    Object.entries(expected).map(([name, values]) => [name, difference(actual[name]!, values, 1e-3)]),
  );
}

const far = (found: Record<string, number>) => Object.entries(found).filter(([, by]) => !(by <= 1e-5));

const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

test('any geometry', { timeout: 60_000 }, async () => {
  const engines = [onnxEngine(1), await reference()] as const;
  const sizes: fc.Arbitrary<Sizes> = fc
    .record({
      batch: fc.integer({ min: 1, max: 3 }),
      image: pair(1, 9),
      channels: pair(1, 4),
      kernel: pair(1, 5),
      stride: pair(1, 4),
      padding: pair(0, 5),
    })
    .filter((given) => outputOf(given).every((length) => length >= 1));
  await fc.assert(
    fc.asyncProperty(sizes, async (given) => {
      expect(far(await apart(engines, given))).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

describe('matrices of patches too large for the cache are made in pieces', { timeout: 60_000 }, () => {
  /** How many matrix products each output is put together from. */
  function pieces(sizes: Sizes, output: string): number {
    const { nodes } = trace(
      (state, inputs) => {
        const { outputs } = everything(sizes)(state, inputs);
        return { state: {}, outputs: { [output]: outputs[output]! } };
      },
      [],
      shapesOf(sizes),
    );
    return nodes.filter(({ op }) => op === 'MatMul' || op === 'Gemm').length;
  }

  const square = (side: number, kernel: number, stride: number, padding: number) => ({
    image: [side, side] as Pair,
    kernel: [kernel, kernel] as Pair,
    stride: [stride, stride] as Pair,
    padding: [padding, padding] as Pair,
  });

  test.for<[string, number, Sizes]>([
    ['one image a piece', 3, { batch: 3, ...square(32, 3, 1, 1), channels: [64, 2] }],
    ['pieces of different lengths', 2, { batch: 5, ...square(32, 3, 1, 1), channels: [32, 1] }],
    ['with strides', 2, { batch: 3, ...square(64, 4, 2, 1), channels: [32, 1] }],
    ['without padding', 2, { batch: 2, ...square(40, 7, 1, 0), channels: [16, 1] }],
    ['bands of an image', 4, { batch: 2, ...square(96, 4, 2, 1), channels: [32, 1] }],
    ['bands where strides leave pixels out', 2, { batch: 1, ...square(150, 5, 3, 3), channels: [17, 1] }],
    ['bands of padding alone', 4, { batch: 1, ...square(60, 3, 1, 60), channels: [12, 1] }],
  ])('%s', async ([, count, sizes]) => {
    const engines = [onnxEngine(2), await reference()] as const;
    expect(far(await apart(engines, sizes))).toEqual([]);
    for (const output of ['forward', 'dx', 'dKernel'])
      expect([output, pieces(sizes, output)]).toEqual([output, count]);
  });

  test('index tables do not grow with the batch', () => {
    const tables = (batch: number) => {
      const sizes = { batch, ...square(64, 4, 2, 1), channels: [32, 8] as [number, number] };
      const { initializers } = trace(everything(sizes), [], shapesOf(sizes));
      return initializers
        .filter(({ value }) => value.type === 'int32')
        .reduce((sum, { bytes }) => sum + bytes.length, 0);
    };
    // A whole number for each image says where it begins.
    expect(tables(64) - tables(8)).toBe(56 * 4);
  });

  test('a kernel that looks at each pixel once is one product', () => {
    expect(pieces({ batch: 8, ...square(64, 1, 1, 0), channels: [64, 2] }, 'forward')).toBe(1);
    expect(pieces({ batch: 2000, ...square(4, 4, 1, 0), channels: [64, 1] }, 'forward')).toBe(1);
  });
});
