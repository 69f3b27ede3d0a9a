/**
 * A generator as a TensorFlow.js model of stock layers, so that it loads everywhere without a line of ours. Images are
 * [height, width, channels].
 */
import * as tf from '@tensorflow/tfjs';
import type { Activation, Pair, Shape } from '../../../src-shared/gan/block.ts';
import type { ConvTransposeBlock, GeneratorDenseBlock } from '../../../src-shared/gan/mirror.ts';
import { groupsOf } from '../../../src-shared/gan/norm.ts';
import { size } from '../../../src-shared/gan/shape.ts';
import { batchNormEpsilon, batchNormMomentum, pixelNormEpsilon } from '../layers.ts';
import type { StoredTensor } from '../safetensors.ts';
import type { Tensors, TrainedGenerator } from './trained-generator.ts';
import { kernelInUse } from './trained-generator.ts';

/** Layers one after the other; `x` is what the last one gives. */
class Chain {
  x: tf.SymbolicTensor;
  readonly #tensors: Tensors;

  constructor(x: tf.SymbolicTensor, tensors: Tensors) {
    this.x = x;
    this.#tensors = tensors;
  }

  append(layer: tf.layers.Layer, input: tf.SymbolicTensor | tf.SymbolicTensor[] = this.x): void {
    this.x = layer.apply(input) as tf.SymbolicTensor;
  }

  appendTrained(layer: tf.layers.Layer, weights: readonly StoredTensor[]): void {
    this.append(layer);
    tf.tidy(() => {
      layer.setWeights(weights.map(({ values, shape }) => tf.tensor(values, [...shape])));
    });
  }

  /** Trained tensors by name. */
  tensors(...names: string[]): StoredTensor[] {
    return names.map((name) => this.#tensors[name]!);
  }

  reshape(name: string, targetShape: number[]): void {
    this.append(tf.layers.reshape({ name, targetShape }));
  }
}

// What layers start from is of no use: they are given their weights at once, here and where the model is loaded.
const blank = { kernelInitializer: 'zeros', biasInitializer: 'zeros' } as const;
const sidesOf = ({ height, width, channels }: Shape): [number, number, number] => [height, width, channels];

function appendActivation(chain: Chain, prefix: string, activation: Activation): void {
  if (activation.kind === 'none') return;
  const name = `${prefix}_${activation.kind}`;
  chain.append(
    activation.kind === 'leakyRelu'
      ? tf.layers.leakyReLU({ name, alpha: activation.slope })
      : tf.layers.activation({ name, activation: activation.kind }),
  );
}

function appendDense(
  chain: Chain,
  prefix: string,
  weights: StoredTensor[],
  block: GeneratorDenseBlock,
): void {
  const { output } = block;
  if (chain.x.shape.length > 2) chain.append(tf.layers.flatten({ name: `${prefix}_flat` }));
  const name = `${prefix}_dense`;
  chain.appendTrained(tf.layers.dense({ name, units: size(output), useBias: block.bias, ...blank }), weights);
  // A single column stays a vector: batch normalisation takes both.
  if (output.height * output.width > 1) chain.reshape(`${prefix}_map`, sidesOf(output));
}

/** Repeats each row (axis 1) or column (axis 2): its copies laid side by side are the numbers of as many rows, one after the other. */
function appendRepeat(chain: Chain, name: string, axis: 1 | 2, times: number): void {
  if (times === 1) return;
  const [, height, width, channels] = chain.x.shape as [null, number, number, number];
  if (axis === 1) chain.reshape(`${name}_lines`, [height, 1, width * channels]);
  chain.append(
    tf.layers.concatenate({ name, axis: 3 }),
    Array.from({ length: times }, () => chain.x),
  );
  const repeated = axis === 1 ? [height * times, width, channels] : [height, width * times, channels];
  chain.reshape(`${name}_map`, repeated);
}

/** Adds copies of the last row (axis 1) or column (axis 2). */
function appendEdge(chain: Chain, name: string, axis: 1 | 2, times: number): void {
  if (times === 0) return;
  const all = chain.x;
  const cropping: [Pair, Pair] = [
    [0, 0],
    [0, 0],
  ];
  cropping[axis - 1]![0] = all.shape[axis]! - 1;
  chain.append(tf.layers.cropping2D({ name: `${name}_last`, cropping }));
  const last = chain.x;
  chain.append(tf.layers.concatenate({ name, axis }), [all, ...Array.from({ length: times }, () => last)]);
}

const isPowerOfTwo = (n: number) => Number.isInteger(Math.log2(n));

function appendUnpool(chain: Chain, prefix: string, { unpool, edge }: ConvTransposeBlock): void {
  const [down, across] = unpool;
  if (down === 1 && across === 1) return;
  if (isPowerOfTwo(down) && isPowerOfTwo(across)) {
    chain.append(
      tf.layers.upSampling2d({ name: `${prefix}_unpool`, size: [down, across], interpolation: 'nearest' }),
    );
  } else {
    // upSampling2d takes the pixel floor(i * (1 / times)): with 1 / times rounded, that is one too low here and there.
    appendRepeat(chain, `${prefix}_unpool_rows`, 1, down);
    appendRepeat(chain, `${prefix}_unpool_columns`, 2, across);
  }
  appendEdge(chain, `${prefix}_edge_rows`, 1, edge[0]);
  appendEdge(chain, `${prefix}_edge_columns`, 2, edge[1]);
}

/** The kernel with zeros behind its last rows and columns. */
function enlarged({ values, shape }: StoredTensor, [height, width]: Pair): StoredTensor {
  const [oldHeight, oldWidth, outputs, inputs] = shape as [number, number, number, number];
  const tap = outputs * inputs;
  const larger = new Float32Array(height * width * tap);
  for (let row = 0; row < oldHeight; row += 1) {
    larger.set(values.subarray(row * oldWidth * tap, (row + 1) * oldWidth * tap), row * width * tap);
  }
  return { values: larger, shape: [height, width, outputs, inputs] };
}

/**
 * conv2dTranspose knows neither explicit nor output padding. Without padding it gives (m - 1)s + max(k, s) rows; of these, the first p
 * are cropped and as many behind as are too many. Where that gives too few, a larger kernel with zeros gives more.
 */
function appendConvTranspose(
  chain: Chain,
  prefix: string,
  weights: StoredTensor[],
  block: ConvTransposeBlock,
): void {
  const { kernel, stride, padding, outputPadding, input, output } = block;
  if (chain.x.shape.length === 2) chain.reshape(`${prefix}_map`, sidesOf(input));
  appendUnpool(chain, prefix, block);
  const along = (axis: 0 | 1) => {
    const reach = kernel[axis] + outputPadding[axis] - padding[axis];
    return reach > Math.max(kernel[axis], stride[axis]) ? reach : kernel[axis];
  };
  const kernelSize: Pair = [along(0), along(1)];
  const [weight, ...bias] = weights as [StoredTensor, ...StoredTensor[]];
  const layer = tf.layers.conv2dTranspose({
    name: `${prefix}_convTranspose`,
    filters: output.channels,
    kernelSize,
    strides: stride,
    padding: 'valid',
    useBias: block.bias,
    ...blank,
  });
  chain.appendTrained(layer, [enlarged(weight, kernelSize), ...bias]);
  const [, height, width] = chain.x.shape as [null, number, number, number];
  const cropping: [Pair, Pair] = [
    [padding[0], height - padding[0] - output.height],
    [padding[1], width - padding[1] - output.width],
  ];
  if (cropping.flat().some((rows) => rows > 0)) {
    chain.append(tf.layers.cropping2D({ name: `${prefix}_crop`, cropping }));
  }
}

/** @param weights gamma, beta, mean, variance */
function appendBatchNorm(
  chain: Chain,
  name: string,
  weights: readonly StoredTensor[],
  epsilon = batchNormEpsilon,
): void {
  const layer = tf.layers.batchNormalization({ name, epsilon, momentum: 1 - batchNormMomentum });
  chain.appendTrained(layer, weights);
}

/** A number for each channel. */
function all(channels: number, value: number): StoredTensor {
  return { values: new Float32Array(channels).fill(value), shape: [channels] };
}

/** Scale and shift alone: batch norm of mean 0 and of a variance that makes 1 with the epsilon. */
function appendAffine(chain: Chain, name: string, gamma: StoredTensor, beta: StoredTensor): void {
  const [channels] = gamma.shape as [number];
  appendBatchNorm(chain, name, [gamma, beta, all(channels, 0), all(channels, 1 - batchNormEpsilon)]);
}

function appendLayerNorm(chain: Chain, name: string, axis: number[], epsilon: number): void {
  chain.append(tf.layers.layerNormalization({ name, axis, epsilon, center: false, scale: false }));
}

/** There is no layer for it, but layer norm over any axes: groups get an axis of their own, and scale and shift follow. */
function appendGroupNorm(
  chain: Chain,
  prefix: string,
  groups: number,
  { height, width, channels }: Shape,
  [gamma, beta]: readonly [StoredTensor, StoredTensor],
): void {
  const name = `${prefix}_groupNorm`;
  const sides = chain.x.shape.slice(1) as number[];
  chain.reshape(`${name}_groups`, [height * width, groups, channels / groups]);
  appendLayerNorm(chain, `${name}_normal`, [1, 3], batchNormEpsilon);
  chain.reshape(`${name}_map`, sides);
  appendAffine(chain, name, gamma, beta);
}

/** Layer norm of a pixel beside its negative: their mean is zero, and their variance the pixel's mean square. */
function appendPixelNorm(chain: Chain, prefix: string, { height, width, channels }: Shape): void {
  const name = `${prefix}_pixelNorm`;
  const sides = chain.x.shape.slice(1) as number[];
  chain.reshape(`${name}_pixels`, [height * width, 1, channels]);
  const { x } = chain;
  appendAffine(chain, `${name}_negative`, all(channels, -1), all(channels, 0));
  chain.append(tf.layers.concatenate({ name: `${name}_both`, axis: 2 }), [x, chain.x]);
  appendLayerNorm(chain, `${name}_normal`, [2, 3], pixelNormEpsilon);
  const cropping: [Pair, Pair] = [
    [0, 0],
    [0, 1],
  ];
  chain.append(tf.layers.cropping2D({ name: `${name}_crop`, cropping }));
  chain.reshape(`${name}_map`, sides);
}

function appendNorm(chain: Chain, { network }: TrainedGenerator, index: number, prefix: string): void {
  const { norm, output } = network.blocks[index]!;
  const tensors = (...parts: string[]) => chain.tensors(...parts.map((part) => `generator.${index}.${part}`));
  const groups = groupsOf(norm, output.channels);
  if (groups !== null) {
    const affine = tensors('gamma', 'beta') as [StoredTensor, StoredTensor];
    appendGroupNorm(chain, prefix, groups, output, affine);
  }
  if (norm === 'pixel') appendPixelNorm(chain, prefix, output);
  if (norm === 'batch')
    appendBatchNorm(chain, `${prefix}_batchNorm`, tensors('gamma', 'beta', 'mean', 'variance'));
}

/**
 * Input `z` [latentDim], output the image. Uses TensorFlow.js' current backend; whoever calls disposes the model.
 */
export function tfjsModel(generator: TrainedGenerator): tf.LayersModel {
  const { network, tensors } = generator;
  const z = tf.input({ name: 'z', shape: [network.latentDim] });
  const chain = new Chain(z, tensors);
  network.blocks.forEach((block, i) => {
    const prefix = `generator_${i}`;
    const tensor = (part: string) => `generator.${i}.${part}`;
    const weights = [kernelInUse(generator, i), ...chain.tensors(...(block.bias ? [tensor('bias')] : []))];
    if (block.kind === 'dense') appendDense(chain, prefix, weights, block);
    else appendConvTranspose(chain, prefix, weights, block);
    appendNorm(chain, generator, i, prefix);
    appendActivation(chain, prefix, block.activation);
    const last = i === network.blocks.length - 1;
    if (last && chain.x.shape.length === 2) chain.reshape(`${prefix}_map`, sidesOf(block.output));
  });
  return tf.model({ name: 'generator', inputs: z, outputs: chain.x });
}
