/** A generator as it is exported: its parts, its tensors, and images that it is known to give. */
import type { Shape } from '../../../src-shared/gan/block.ts';
import type { Generator } from '../../../src-shared/gan/mirror.ts';
import { mirror } from '../../../src-shared/gan/mirror.ts';
import type { CheckpointInfo } from '../checkpoint.ts';
import { networkTensors } from '../parameters.ts';
import type { StoredTensor } from '../safetensors.ts';
import type { GeneratorWeights } from '../sampler.ts';
import { permute } from './permute.ts';
import { divided, powerIteration } from './spectral-norm.ts';

export type Tensors = Record<string, StoredTensor>;

export interface TrainedGenerator {
  info: CheckpointInfo;
  network: Generator;
  /** Size of its images. */
  image: Shape;
  /**
   * Those of `networkTensors(design, 'generator')`, in their layout (channels last), and for each `u` a `v`: with these two, and no
   * further power iteration, spectral norm gives the kernels that are used.
   */
  tensors: Tensors;
}

/** Latents, and the images that the trainer makes of them. */
export interface Trial {
  /** [count, latentDim] */
  z: Float32Array;
  count: number;
  image: Shape;
  /** [count, height, width, channels], -1..1 */
  images: Float32Array;
}

/** Numbers of a kernel behind the axis of its outputs: [height, width, outputs, inputs] or [inputs, outputs]. */
const behindOutputs = ({ shape }: StoredTensor) => (shape.length === 4 ? shape[3]! : 1);

/** @param weights of `Sampler.weights` */
export function trainedGenerator(info: CheckpointInfo, weights: GeneratorWeights): TrainedGenerator {
  const network = mirror(info.design.discriminator, info.design.latentDim);
  const tensors: Tensors = Object.fromEntries(
    networkTensors(info.design, 'generator').map(({ name, shape }) => [
      name,
      { shape, values: weights[name]! },
    ]),
  );
  network.blocks.forEach((block, i) => {
    if (!block.spectralNorm) return;
    const kernel = tensors[`generator.${i}.weight`]!;
    const { u, v } = powerIteration(kernel.values, weights[`generator.${i}.u`]!, behindOutputs(kernel));
    tensors[`generator.${i}.u`] = { shape: [u.length], values: u };
    tensors[`generator.${i}.v`] = { shape: [v.length], values: v };
  });
  return { info, network, image: network.blocks.at(-1)!.output, tensors };
}

/** The kernel of the block, divided where it is under spectral norm. */
export function kernelInUse({ tensors }: TrainedGenerator, block: number): StoredTensor {
  const kernel = tensors[`generator.${block}.weight`]!;
  const [u, v] = [tensors[`generator.${block}.u`], tensors[`generator.${block}.v`]];
  if (u === undefined || v === undefined) return kernel;
  const vectors = { u: u.values, v: v.values };
  return { ...kernel, values: divided(kernel.values, vectors, behindOutputs(kernel)) };
}

/** [count, channels, height, width] to [count, height, width, channels]. */
export function channelsLast(
  images: Float32Array,
  count: number,
  { height, width, channels }: Shape,
): Float32Array {
  return permute(images, [count, channels, height, width], [0, 2, 3, 1]);
}

/** Largest difference of two numbers in the same place; infinite where one has no counterpart or is not finite. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!Number.isFinite(difference)) return Infinity;
    if (difference > largest) largest = difference;
  }
  return largest;
}
