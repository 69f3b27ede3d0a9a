/** Layers with gradients of their own against plain double-precision arithmetic and its finite differences. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import {
  activate,
  batchNorm,
  batchNormEpsilon,
  maxPool,
  movingStatistics,
  powerIteration,
  spectralNorm,
  unpool,
} from '../../src-main/trainer/layers.ts';
import { elements } from '../../src-main/trainer/parameters.ts';
import type { Pair } from '../../src-shared/gan/block.ts';
import { difference, numbers, reference } from './measure.ts';

beforeAll(async () => {
  await reference();
});

type Plain = (...inputs: number[][]) => number[];

interface Layer {
  shapes: number[][];
  layer: (...inputs: tf.Tensor[]) => tf.Tensor;
  plain: Plain;
}

const index = (shape: readonly number[], at: readonly number[]) =>
  at.reduce((sum, position, axis) => sum * shape[axis]! + position, 0);

function batchNorm64(channels: number): Plain {
  return (x, gamma, beta) => {
    const count = x.length / channels;
    const mean = Array.from({ length: channels }, () => 0);
    const variance = Array.from({ length: channels }, () => 0);
    x.forEach((value, i) => (mean[i % channels]! += value / count));
    x.forEach((value, i) => (variance[i % channels]! += (value - mean[i % channels]!) ** 2 / count));
    return x.map((value, i) => {
      const c = i % channels;
      return (gamma[c]! * (value - mean[c]!)) / Math.sqrt(variance[c]! + batchNormEpsilon) + beta[c]!;
    });
  };
}

function maxPool64(shape: [number, number, number, number], window: Pair): Plain {
  const [batch, height, width, channels] = shape;
  return (x) => {
    const y: number[] = [];
    for (let b = 0; b < batch; b += 1) {
      for (let oy = 0; oy < Math.floor(height / window[0]); oy += 1) {
        for (let ox = 0; ox < Math.floor(width / window[1]); ox += 1) {
          for (let c = 0; c < channels; c += 1) {
            let best = -Infinity;
            for (let ky = 0; ky < window[0]; ky += 1) {
              for (let kx = 0; kx < window[1]; kx += 1) {
                best = Math.max(best, x[index(shape, [b, oy * window[0] + ky, ox * window[1] + kx, c])]!);
              }
            }
            y.push(best);
          }
        }
      }
    }
    return y;
  };
}

function unpool64(shape: [number, number, number, number], times: Pair, edge: Pair): Plain {
  const [batch, height, width, channels] = shape;
  return (x) => {
    const y: number[] = [];
    for (let b = 0; b < batch; b += 1) {
      for (let oy = 0; oy < height * times[0] + edge[0]; oy += 1) {
        for (let ox = 0; ox < width * times[1] + edge[1]; ox += 1) {
          const from = [
            Math.min(height - 1, Math.floor(oy / times[0])),
            Math.min(width - 1, Math.floor(ox / times[1])),
          ];
          for (let c = 0; c < channels; c += 1) y.push(x[index(shape, [b, from[0]!, from[1]!, c])]!);
        }
      }
    }
    return y;
  };
}

/** W / (u^T W v) with W's rows the kernel's outputs; `transposed` kernels have them third instead of last. */
function spectralNorm64(shape: number[], transposed: boolean, u: number[], v: number[]): Plain {
  const outputs = transposed ? shape[2]! : shape.at(-1)!;
  const inner = transposed ? shape[3]! : 1;
  return (w) => {
    let sigma = 0;
    w.forEach((value, i) => {
      const o = Math.floor(i / inner) % outputs;
      const rest = Math.floor(i / inner / outputs) * inner + (i % inner);
      sigma += u[o]! * value * v[rest]!;
    });
    return w.map((value) => value / sigma);
  };
}

const leaky64 =
  (slope: number): Plain =>
  (x) =>
    x.map((value) => (value > 0 ? value : slope * value));

const poolShape: [number, number, number, number] = [2, 5, 7, 2];
const kernelShape = [3, 2, 4, 5];
const u4 = Array.from(numbers('u4', 4));
const u5 = Array.from(numbers('u5', 5));
const v24 = Array.from(numbers('v24', 24));
const v30 = Array.from(numbers('v30', 30));
const vectors = (u: number[], v: number[]) => ({ u: tf.tensor1d(u), v: tf.tensor1d(v) });

const layers: Record<string, Layer> = {
  'batch norm': {
    shapes: [[3, 2, 4, 3], [3], [3]],
    layer: (x, gamma, beta) => batchNorm(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D),
    plain: batchNorm64(3),
  },
  'batch norm over two numbers': {
    shapes: [[2, 1, 1, 3], [3], [3]],
    layer: (x, gamma, beta) => batchNorm(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D),
    plain: batchNorm64(3),
  },
  ...Object.fromEntries(
    [0, 0.2, 1].map((slope): [string, Layer] => [
      `leaky ReLU ${slope}`,
      {
        shapes: [[2, 3, 3, 2]],
        layer: (x) => activate(x as tf.Tensor4D, { kind: 'leakyRelu', slope }),
        plain: leaky64(slope),
      },
    ]),
  ),
  ...Object.fromEntries(
    (
      [
        [2, 2],
        [1, 3],
        [3, 1],
        [5, 7],
        [2, 3],
      ] as Pair[]
    ).map((window): [string, Layer] => [
      `max pooling ${window.join('x')}`,
      {
        shapes: [poolShape],
        layer: (x) => maxPool(x as tf.Tensor4D, window),
        plain: maxPool64(poolShape, window),
      },
    ]),
  ),
  ...Object.fromEntries(
    (
      [
        [
          [2, 2],
          [0, 0],
        ],
        [
          [1, 3],
          [0, 2],
        ],
        [
          [3, 2],
          [2, 1],
        ],
      ] as [Pair, Pair][]
    ).map(([times, edge]): [string, Layer] => [
      `un-pooling ${times.join('x')} and ${edge.join('x')}`,
      {
        shapes: [[2, 3, 2, 2]],
        layer: (x) => unpool(x as tf.Tensor4D, times, edge),
        plain: unpool64([2, 3, 2, 2], times, edge),
      },
    ]),
  ),
  'spectral norm': {
    shapes: [kernelShape],
    layer: (w) => spectralNorm(w, vectors(u5, v24), false),
    plain: spectralNorm64(kernelShape, false, u5, v24),
  },
  'spectral norm of a transposed convolution': {
    shapes: [kernelShape],
    layer: (w) => spectralNorm(w, vectors(u4, v30), true),
    plain: spectralNorm64(kernelShape, true, u4, v30),
  },
  'spectral norm of a matrix': {
    shapes: [[24, 5]],
    layer: (w) => spectralNorm(w, vectors(u5, v24), false),
    plain: spectralNorm64([24, 5], false, u5, v24),
  },
};

describe('forward and backward', () => {
  test.for(Object.entries(layers))('%s', ([name, { shapes, layer, plain }]) => {
    const inputs = shapes.map((shape, i) => Array.from(numbers(`${name} ${i}`, elements(shape))));
    const tensors = shapes.map((shape, i) => tf.tensor(inputs[i]!, shape));
    const expected = plain(...inputs);
    expect(difference(layer(...tensors).dataSync(), expected)).toBeLessThan(1e-5);

    const weights = Array.from(numbers('loss', expected.length));
    const loss = (given: number[][]) =>
      plain(...given).reduce((sum, value, i) => sum + value * weights[i]!, 0);
    const step = 1e-6;
    const outputShape = layer(...tensors).shape;
    const gradients = tf.grads((...given: tf.Tensor[]) => layer(...given))(
      tensors,
      tf.tensor(weights, outputShape),
    );
    inputs.forEach((values, k) => {
      const slopes = values.map((value, i) => {
        const at = (moved: number) => loss(inputs.with(k, values.with(i, moved)));
        return (at(value + step) - at(value - step)) / (2 * step);
      });
      // Over two numbers batch norm gives +-1 whatever they are: its gradient is small, and scaled by nothing of its own.
      expect(difference(gradients[k]!.dataSync(), slopes, 0.1)).toBeLessThan(1e-4);
    });
  });
});

describe('max pooling gives the gradient of a tie to the first of the largest', () => {
  const x = [
    [3, 3, 1, 0],
    [3, 3, 2, 2],
    [0, 5, 4, 4],
    [5, 5, 4, 4],
  ].flat();
  const wanted = [
    [1, 0, 0, 0],
    [0, 0, 1, 0],
    [0, 1, 1, 0],
    [0, 0, 0, 0],
  ].flat();

  const gradientOn = async (engine: Engine) => {
    const program = await engine.prepare(
      (_state, { x: given }) => {
        const dx = tf.grad((t: tf.Tensor) => maxPool(t as tf.Tensor4D, [2, 2]))(
          given!,
          tf.ones([1, 2, 2, 1]),
        );
        return { state: {}, outputs: { dx } };
      },
      [],
      [{ name: 'x', shape: [1, 4, 4, 1] }],
    );
    program.write({});
    const { dx } = await program.run({ x: Float32Array.from(x) });
    return Array.from(dx!);
  };

  test('in both engines', async () => {
    expect(await gradientOn(await reference())).toEqual(wanted);
    expect(await gradientOn(onnxEngine(1))).toEqual(wanted);
  });
});

test('power iterations find the largest singular value', () => {
  // A kernel that scales three outputs by 5, 2 and 1.
  const kernel = tf.tensor4d([5, 0, 0, 0, 2, 0, 0, 0, 1], [1, 1, 3, 3]);
  for (const transposed of [false, true]) {
    let found = { u: tf.tensor1d([0.6, 0.64, 0.48]), v: tf.tensor1d([0, 0, 0]) };
    for (let i = 0; i < 20; i += 1) found = powerIteration(kernel, found.u, transposed);
    expect(
      difference(spectralNorm(kernel, found, transposed).dataSync(), [1, 0, 0, 0, 0.4, 0, 0, 0, 0.2]),
    ).toBeLessThan(1e-6);
    expect(found.u.norm().dataSync()[0]).toBeCloseTo(1, 6);
  }
});

test("moving statistics are PyTorch's: a tenth of the new batch, its variance unbiased", () => {
  const old = { mean: tf.tensor1d([1, 2]), variance: tf.tensor1d([3, 4]) };
  const batch = { mean: tf.tensor1d([5, 6]), variance: tf.tensor1d([7, 8]) };
  const { mean, variance } = movingStatistics(old, batch, 8);
  expect(difference(mean.dataSync(), [1.4, 2.4])).toBeLessThan(1e-6);
  expect(difference(variance.dataSync(), [2.7 + 0.8, 3.6 + (0.1 * 8 * 8) / 7])).toBeLessThan(1e-6);
});
