/** The tensors of a pair of networks: names, shapes, and what they start from. Their order never changes for a design. */
import type { Block, Design, Shape } from '../../src-shared/gan/block.ts';
import type { GeneratorBlock } from '../../src-shared/gan/mirror.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { isAffine } from '../../src-shared/gan/norm.ts';
import { discriminatorShapes, size } from '../../src-shared/gan/shape.ts';
import { Random } from './random.ts';

export type NetworkName = 'discriminator' | 'generator';

/** Arrays by tensor name. */
export type Arrays = Record<string, Float32Array>;

export interface TensorSpec {
  /** `<network>.<block>.<part>`, such as `discriminator.0.weight`. */
  name: string;
  shape: number[];
  /** Whether the optimiser changes it; otherwise it is a buffer that the forward pass updates. */
  trainable: boolean;
  init: 'kernel' | 'scale' | 'zeros' | 'ones' | 'unit';
}

function partsOf(
  prefix: string,
  weight: number[],
  outputs: number,
  channels: number,
  block: Block | GeneratorBlock,
) {
  const spec = (part: string, shape: number[], trainable: boolean, init: TensorSpec['init']): TensorSpec => ({
    name: `${prefix}.${part}`,
    shape,
    trainable,
    init,
  });
  const specs = [spec('weight', weight, true, 'kernel')];
  if (block.bias) specs.push(spec('bias', [outputs], true, 'zeros'));
  if (block.spectralNorm) specs.push(spec('u', [outputs], false, 'unit'));
  if (isAffine(block.norm)) {
    specs.push(spec('gamma', [channels], true, 'scale'), spec('beta', [channels], true, 'zeros'));
  }
  if (block.norm === 'batch') {
    specs.push(spec('mean', [channels], false, 'zeros'), spec('variance', [channels], false, 'ones'));
  }
  return specs;
}

/**
 * Kernels are [height, width, channels of the image side, channels of the other side] in both networks: a transposed
 * convolution uses the kernel of the convolution that it inverts. Matrices are [inputs, outputs].
 */
export function networkTensors(design: Design, network: NetworkName): TensorSpec[] {
  if (network === 'generator') {
    return mirror(design.discriminator, design.latentDim).blocks.flatMap((block, i) => {
      const { input, output } = block;
      const weight =
        block.kind === 'dense'
          ? [size(input), size(output)]
          : [...block.kernel, output.channels, input.channels];
      const outputs = block.kind === 'dense' ? size(output) : output.channels;
      return partsOf(`generator.${i}`, weight, outputs, output.channels, block);
    });
  }
  const shapes = discriminatorShapes(design.discriminator);
  return design.discriminator.blocks.flatMap((block, i) => {
    const read: Shape = shapes[i]!.read;
    const channels = block.kind === 'dense' ? block.outFeatures : block.outChannels;
    const weight =
      block.kind === 'dense' ? [size(read), channels] : [...block.kernel, read.channels, channels];
    return partsOf(`discriminator.${i}`, weight, channels, channels, block);
  });
}

/** Numbers in a tensor of this shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function initial(spec: TensorSpec, seed: number, stddev: number): Float32Array {
  const values = new Float32Array(elements(spec.shape));
  const random = new Random(seed, `init ${spec.name}`);
  switch (spec.init) {
    case 'kernel':
      return random.normal(values, 0, stddev);
    case 'scale':
      return random.normal(values, 1, stddev);
    case 'ones':
      return values.fill(1);
    case 'zeros':
      return values;
    case 'unit': {
      random.normal(values);
      const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
      return values.map((value) => value / length);
    }
  }
}

/**
 * Everything that training changes, in its starting state: both networks, the averaged generator (`ema.` before the name; only what
 * is trainable, batch statistics of the average are measured when they are needed), and Adam's moments (`adam.m.`, `adam.v.`).
 * Kernels are N(0, stddev), norms' scales N(1, stddev) (weights_init of pytorch/examples dcgan/main.py).
 */
export function stateTensors(design: Design, ema: boolean): TensorSpec[] {
  const discriminator = networkTensors(design, 'discriminator');
  const generator = networkTensors(design, 'generator');
  const trainable = [...discriminator, ...generator].filter((spec) => spec.trainable);
  const as = (prefix: string, specs: TensorSpec[], init?: 'zeros') =>
    specs.map((spec) => ({
      ...spec,
      name: `${prefix}.${spec.name}`,
      trainable: false,
      init: init ?? spec.init,
    }));
  return [
    ...discriminator,
    ...generator,
    ...(ema
      ? as(
          'ema',
          generator.filter((spec) => spec.trainable),
        )
      : []),
    ...as('adam.m', trainable, 'zeros'),
    ...as('adam.v', trainable, 'zeros'),
  ];
}

/** The state before the first step. */
export function initialState(design: Design, seed: number, ema: boolean, stddev: number): Arrays {
  const state: Arrays = {};
  for (const spec of stateTensors(design, ema)) {
    const source = spec.name.startsWith('ema.') ? { ...spec, name: spec.name.slice('ema.'.length) } : spec;
    state[spec.name] = initial(source, seed, stddev);
  }
  return state;
}
