/** Forward passes of the two networks, block by block. */
import * as tf from '@tensorflow/tfjs';
import type { Block, Discriminator } from '../../src-shared/gan/block.ts';
import type { Generator, GeneratorBlock } from '../../src-shared/gan/mirror.ts';
import { groupsOf } from '../../src-shared/gan/norm.ts';
import type { BatchStatistics, SingularVectors } from './layers.ts';
import {
  activate,
  batchNorm,
  convolution,
  frozenBatchNorm,
  groupNorm,
  maxPool,
  minibatchStddev,
  pixelNorm,
  powerIteration,
  spectralNorm,
  transposedConvolution,
  unpool,
} from './layers.ts';

/** Tensors by name, as `parameters.ts` names them. */
export type Tensors = Record<string, tf.Tensor>;

/** How a forward pass treats what differs between training and use. */
export interface Pass {
  /** Parameters and buffers, by name. */
  tensors: Tensors;
  /** Statistics to normalise with: the batch's own (which `observe` is then given), or those stored. */
  batchStatistics: 'batch' | 'stored';
  /** Called with the block's prefix, the batch's statistics and how many values a channel they are over. */
  observe?: undefined | ((prefix: string, statistics: BatchStatistics, count: number) => void);
  /** First singular vectors of each kernel with spectral norm, by the block's prefix. */
  singularVectors: Record<string, SingularVectors>;
  /** What dropout multiplies with, by the block's prefix; absent when the network is used and not trained. */
  dropout?: Tensors;
  /** Whether gradients of gradients will be asked for; nothing is observed then. */
  twice?: boolean;
}

function lookUp(tensors: Tensors, name: string): tf.Tensor {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`No tensor is called ${name}.`);
  return tensor;
}

function kernelOf(pass: Pass, prefix: string, block: Block | GeneratorBlock): tf.Tensor {
  const kernel = lookUp(pass.tensors, `${prefix}.weight`);
  const vectors = pass.singularVectors[prefix];
  return vectors === undefined ? kernel : spectralNorm(kernel, vectors, block.kind === 'convTranspose');
}

function normalise(x: tf.Tensor4D, pass: Pass, prefix: string, block: Block | GeneratorBlock): tf.Tensor4D {
  const { norm } = block;
  if (norm === 'none') return x;
  if (norm === 'pixel') return pixelNorm(x);
  const of = (part: string) => lookUp(pass.tensors, `${prefix}.${part}`) as tf.Tensor1D;
  const [gamma, beta] = [of('gamma'), of('beta')];
  const groups = groupsOf(norm, x.shape[3]);
  if (groups !== null) return groupNorm(x, groups, gamma, beta);
  if (pass.batchStatistics === 'stored') {
    return frozenBatchNorm(x, gamma, beta, { mean: of('mean'), variance: of('variance') });
  }
  const count = x.size / x.shape[3];
  const { observe, twice = false } = pass;
  return batchNorm(x, gamma, beta, {
    twice,
    observe: observe && ((statistics) => observe(prefix, statistics, count)),
  });
}

/** Normalisation, activation. */
function finish(x: tf.Tensor4D, pass: Pass, prefix: string, block: Block | GeneratorBlock): tf.Tensor4D {
  return activate(normalise(x, pass, prefix, block), block.activation);
}

function withBias<T extends tf.Tensor>(x: T, pass: Pass, prefix: string, block: Block | GeneratorBlock): T {
  return block.bias ? tf.add(x, lookUp(pass.tensors, `${prefix}.bias`)) : x;
}

function dropped(x: tf.Tensor4D, pass: Pass, prefix: string, block: Block | GeneratorBlock): tf.Tensor4D {
  if (block.dropout === 0 || pass.dropout === undefined) return x;
  return tf.mul(x, lookUp(pass.dropout, prefix));
}

/** The flattened input times the matrix, as [batch, height, width, channels] of `shape`. */
function dense(
  x: tf.Tensor4D,
  pass: Pass,
  prefix: string,
  block: Block | GeneratorBlock,
  shape: [number, number, number],
): tf.Tensor4D {
  const kernel = kernelOf(pass, prefix, block) as tf.Tensor2D;
  const flat: tf.Tensor2D = tf.reshape(x, [x.shape[0], kernel.shape[0]]);
  return tf.reshape(withBias(tf.matMul(flat, kernel), pass, prefix, block), [x.shape[0], ...shape]);
}

/**
 * The discriminator's verdicts.
 * @param images [batch, height, width, channels], -1..1
 * @returns logits, [batch]
 */
export function discriminate(discriminator: Discriminator, pass: Pass, images: tf.Tensor4D): tf.Tensor1D {
  let x = images;
  discriminator.blocks.forEach((block, i) => {
    const prefix = `discriminator.${i}`;
    if (block.minibatchStddev) x = minibatchStddev(x);
    if (block.kind === 'dense') {
      x = finish(dense(x, pass, prefix, block, [1, 1, block.outFeatures]), pass, prefix, block);
    } else {
      const kernel = kernelOf(pass, prefix, block) as tf.Tensor4D;
      const convolved = withBias(convolution(x, kernel, block.stride, block.padding), pass, prefix, block);
      x = finish(convolved, pass, prefix, block);
      if (block.maxPool[0] > 1 || block.maxPool[1] > 1) x = maxPool(x, block.maxPool);
    }
    x = dropped(x, pass, prefix, block);
  });
  return tf.reshape(x, [images.shape[0]]);
}

/**
 * Images from latents.
 * @param z [batch, latentDim], standard normal
 * @returns [batch, height, width, channels]; -1..1 when the last activation is tanh
 */
export function generate(generator: Generator, pass: Pass, z: tf.Tensor2D): tf.Tensor4D {
  let x: tf.Tensor4D = tf.reshape(z, [z.shape[0], 1, 1, z.shape[1]]);
  generator.blocks.forEach((block, i) => {
    const prefix = `generator.${i}`;
    const { output } = block;
    const shape: [number, number, number] = [output.height, output.width, output.channels];
    let y: tf.Tensor4D;
    if (block.kind === 'dense') {
      y = dense(x, pass, prefix, block, shape);
    } else {
      const { unpool: times, edge, stride, padding } = block;
      const pooled = times[0] > 1 || times[1] > 1;
      const unpooled = pooled ? unpool(x, times, edge) : x;
      const kernel = kernelOf(pass, prefix, block) as tf.Tensor4D;
      y = withBias(transposedConvolution(unpooled, kernel, shape, stride, padding), pass, prefix, block);
    }
    x = dropped(finish(y, pass, prefix, block), pass, prefix, block);
  });
  return x;
}

/**
 * One power iteration for every kernel with spectral norm, from the stored `u`.
 * @param tensors holds the kernels and, as `<prefix>.u`, the vectors to go on from
 */
export function powerIterations(
  blocks: readonly (Block | GeneratorBlock)[],
  network: 'discriminator' | 'generator',
  tensors: Tensors,
): Record<string, SingularVectors> {
  const vectors: Record<string, SingularVectors> = {};
  blocks.forEach((block, i) => {
    if (!block.spectralNorm) return;
    const prefix = `${network}.${i}`;
    const kernel = lookUp(tensors, `${prefix}.weight`);
    vectors[prefix] = powerIteration(
      kernel,
      lookUp(tensors, `${prefix}.u`) as tf.Tensor1D,
      block.kind === 'convTranspose',
    );
  });
  return vectors;
}
