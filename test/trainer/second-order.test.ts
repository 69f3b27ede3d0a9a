/** Gradients of gradients against finite differences of first ones, for every part that a discriminator's block can have. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import type { Pass, Tensors } from '../../src-main/trainer/network.ts';
import { discriminate, powerIterations } from '../../src-main/trainer/network.ts';
import type { Arrays } from '../../src-main/trainer/parameters.ts';
import { elements, initialState, networkTensors } from '../../src-main/trainer/parameters.ts';
import { penalties } from '../../src-main/trainer/penalties.ts';
import type { Activation, Design } from '../../src-shared/gan/block.ts';
import { errorsOf } from '../../src-shared/gan/check.ts';
import { design } from './designs.ts';
import { difference, largest, numbers, reference } from './measure.ts';

beforeAll(async () => {
  await reference();
});

const kinds = ['none', 'relu', 'elu', 'selu', 'gelu', 'swish', 'sigmoid', 'tanh'] as const;
const activations: Activation[] = [...kinds.map((kind) => ({ kind })), { kind: 'leakyRelu', slope: 0.2 }];
const swish: Activation = { kind: 'swish' };

const cases: Record<string, Design> = {
  ...Object.fromEntries(
    activations.map((activation) => [
      `activation ${activation.kind}`,
      design([6, 6, 2], 2, [
        { outChannels: 3, bias: true, activation },
        { outFeatures: 4, activation },
        { outFeatures: 1 },
      ]),
    ]),
  ),
  'batch norm': design([6, 6, 2], 2, [
    { outChannels: 3, activation: swish },
    { outChannels: 3, kernel: [3, 2], stride: [2, 1], norm: 'batch', activation: swish },
    { outFeatures: 3, norm: 'batch', activation: swish },
    { outFeatures: 1 },
  ]),
  ...Object.fromEntries(
    (['layer', 'group', 'instance', 'pixel'] as const).map((norm) => [
      `${norm} norm`,
      design([6, 6, 2], 2, [
        { outChannels: 8, norm, activation: swish },
        { outFeatures: 4, norm: norm === 'instance' ? 'none' : norm, activation: swish },
        { outFeatures: 1 },
      ]),
    ]),
  ),
  'minibatch standard deviation': design([6, 6, 2], 2, [
    { outChannels: 3, activation: swish },
    { outFeatures: 4, minibatchStddev: true, activation: swish },
    { outFeatures: 1, minibatchStddev: true },
  ]),
  'spectral norm': design([6, 6, 2], 2, [
    { outChannels: 3, spectralNorm: true, activation: swish },
    { outFeatures: 3, spectralNorm: true, activation: swish },
    { outFeatures: 1, spectralNorm: true },
  ]),
  'max pooling with remainders': design([7, 7, 2], 2, [
    { outChannels: 3, kernel: [3, 3], stride: [1, 1], activation: swish, maxPool: [2, 3] },
    { outFeatures: 1 },
  ]),
  dropout: design([6, 6, 2], 2, [
    { outChannels: 3, activation: swish, dropout: 0.3 },
    { outFeatures: 4, activation: swish, dropout: 0.5 },
    { outFeatures: 1 },
  ]),
  'nothing square': design([7, 6, 1], 2, [
    { outChannels: 3, kernel: [3, 2], stride: [2, 1], padding: [1, 0], activation: swish },
    { outChannels: 2, kernel: [2, 3], stride: [1, 2], padding: [0, 1], activation: swish },
    { outFeatures: 1 },
  ]),
};

const batch = 3;

interface Setting {
  arrays: Arrays;
  names: string[];
  run: (state: Tensors, inputs: Tensors) => { state: Tensors; outputs: Tensors };
}

/** What is made of the squared lengths of the gradients at each image. */
type Of = (squares: tf.Tensor1D) => tf.Scalar;

/** A number made of the gradients at some images, as a function of the parameters; and its own gradients. */
function setting(given: Design, of: Of = (squares) => tf.sum(squares)): Setting {
  const { discriminator } = given;
  const { height, width, channels } = discriminator.image;
  const specs = networkTensors(given, 'discriminator');
  const start = initialState(given, 3, false, 0.4);
  const arrays: Arrays = {};
  for (const { name } of specs) {
    const isShift = /bias|beta$/.test(name);
    arrays[name] = isShift ? numbers(name, start[name]!.length, 0.3) : start[name]!;
  }
  const names = specs.filter((spec) => spec.trainable).map((spec) => spec.name);
  const images = () => {
    const shape: [number, number, number, number] = [batch, height, width, channels];
    return tf.tensor4d(numbers('images', elements(shape)), shape);
  };
  const run: Setting['run'] = (state) => {
    // Of the kernels at the start, wherever they are moved: no gradient goes through these vectors.
    const singularVectors = powerIterations(discriminator.blocks, 'discriminator', onCpu(specs, start));
    const dropout: Tensors = {};
    const shapes: Record<string, number[]> = {
      'discriminator.0': [batch, 3, 3, 3],
      'discriminator.1': [batch, 1, 1, 4],
    };
    discriminator.blocks.forEach((block, i) => {
      const shape = shapes[`discriminator.${i}`]!;
      if (block.dropout > 0)
        dropout[`discriminator.${i}`] = tf.tensor(
          numbers(`mask ${i}`, elements(shape)).map((value) => (value > 0 ? 1.5 : 0)),
          shape,
        );
    });
    const pass = (tensors: Tensors): Pass => ({
      tensors,
      batchStatistics: 'batch',
      singularVectors,
      dropout,
      twice: true,
    });
    const { value, grads } = tf.valueAndGrads((...parameters: tf.Tensor[]) => {
      const tensors = { ...state, ...Object.fromEntries(names.map((name, i) => [name, parameters[i]!])) };
      const slope = tf.grad((given: tf.Tensor) =>
        // Not a plain sum: batch norm makes the mean over the batch blind to its input.
        tf.sum(
          tf.mul(discriminate(discriminator, pass(tensors), given as tf.Tensor4D), tf.tensor1d([1, 2, -1])),
        ),
      )(images());
      // A slope does not depend on the last bias; TensorFlow.js wants every parameter to take part.
      const nothing = parameters.map((parameter) => tf.mul(tf.sum(parameter), 0));
      return tf.addN([of(tf.sum(tf.square(slope), [1, 2, 3])), ...nothing]) as tf.Scalar;
    })(names.map((name) => state[name]!));
    return {
      state: {},
      outputs: { value, ...Object.fromEntries(names.map((name, i) => [`d ${name}`, grads[i]!])) },
    };
  };
  return { arrays, names, run };
}

const onCpu = (specs: { name: string; shape: number[] }[], arrays: Arrays): Tensors =>
  Object.fromEntries(specs.map(({ name, shape }) => [name, tf.tensor(arrays[name]!, shape)]));

const every: Record<string, [Design, Of?]> = {
  ...Object.fromEntries(Object.entries(cases).map(([name, given]) => [name, [given]])),
  ...Object.fromEntries(
    Object.entries(penalties).map(([name, { of }]) => [`penalty ${name}`, [cases['activation swish']!, of]]),
  ),
};

describe('second-order gradients', { timeout: 60_000 }, () => {
  test.for(Object.entries(every))('%s', async ([name, [given, of]]) => {
    expect(errorsOf(given)).toEqual([]);
    const specs = networkTensors(given, 'discriminator');
    const { arrays, names, run } = setting(given, of);
    const at = (changed: Arrays) =>
      tf.tidy(() => {
        const { outputs } = run(onCpu(specs, changed), {});
        return Object.fromEntries(
          Object.entries(outputs).map(([key, tensor]) => [key, tensor.dataSync() as Float32Array]),
        );
      });
    const found = at(arrays);
    const scale = Math.max(...names.map((key) => largest(found[`d ${key}`]!)));
    expect(scale).toBeGreaterThan(0.01);
    for (const key of names) {
      // Along one direction a tensor: rounding of 32-bit differences would drown single numbers.
      const direction = numbers(`${name} ${key}`, arrays[key]!.length);
      const step = 5e-4;
      const moved = (by: number) =>
        at({ ...arrays, [key]: arrays[key]!.map((value, i) => value + by * direction[i]!) })['value']![0]!;
      const slope = (moved(step) - moved(-step)) / (2 * step);
      const expected = found[`d ${key}`]!.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      expect(Math.abs(slope - expected)).toBeLessThan(0.01 * Math.max(Math.abs(expected), 0.1 * scale));
    }
    const program = await onnxEngine(1).prepare(run, specs, []);
    program.write(arrays);
    const recorded = await program.run({});
    await program.dispose();
    for (const [key, values] of Object.entries(found))
      expect(difference(recorded[key]!, values, key === 'value' ? 0 : scale / 100)).toBeLessThan(1e-4);
  });
});
