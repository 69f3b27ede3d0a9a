/** What a design costs: parameters, multiply-adds, memory, and how far each block sees. */
import type { Block, Design, Pair, Shape } from './block.ts';
import type { Generator, GeneratorBlock } from './mirror.ts';
import { mirror } from './mirror.ts';
import { isAffine } from './norm.ts';
import { discriminatorShapes, size } from './shape.ts';

export interface BlockSummary {
  /** Id of the discriminator's block; for the generator, of the block that it mirrors. */
  id: string;
  input: Shape;
  output: Shape;
  /** Numbers that training changes. */
  parameters: number;
  /** Numbers kept beside them: moving mean and variance of batch norm, the vector u of spectral norm. */
  buffers: number;
  /** Multiply-adds of one forward pass of one image (convolution or matrix product only). */
  multiplyAdds: number;
  /** Numbers that one image leaves in memory for the backward pass. */
  activations: number;
  /**
   * Pixels of the image that one output can see, `[height, width]`, as if the image went on beyond its border. Null after a fully
   * connected block, which sees everything, and in the generator, which sees no image.
   */
  receptiveField: Pair | null;
}

export interface NetworkSummary {
  blocks: BlockSummary[];
  parameters: number;
  buffers: number;
  multiplyAdds: number;
  activations: number;
}

export interface DesignSummary {
  discriminator: NetworkSummary;
  generator: NetworkSummary;
  /** Multiply-adds that one training step does for one image of the batch: see {@link stepMultiplyAdds}. */
  stepMultiplyAdds: number;
}

/**
 * @param weights numbers in the kernel or matrix
 * @param outputs columns of the kernel seen as a matrix: one bias and one number of spectral norm's u each
 * @param channels what a norm has a scale and a shift for, batch norm a mean and a variance, too
 */
function counts(weights: number, outputs: number, channels: number, block: Block | GeneratorBlock) {
  const affine = isAffine(block.norm) ? 2 * channels : 0;
  return {
    parameters: weights + (block.bias ? outputs : 0) + affine,
    buffers: (block.norm === 'batch' ? affine : 0) + (block.spectralNorm ? outputs : 0),
  };
}

/**
 * Tensors that the backward pass reads again: the input (for the gradient of the weights), what the norm, the activation and max
 * pooling were given, and dropout's mask.
 */
function kept(block: Block | GeneratorBlock, input: Shape, convolved: Shape, output: Shape): number {
  const pooled = size(output) !== size(convolved);
  const readers = [block.norm !== 'none', block.activation.kind !== 'none', pooled].filter(Boolean).length;
  return size(input) + readers * size(convolved) + (block.dropout > 0 ? size(output) : 0);
}

function discriminatorSummary(design: Design): NetworkSummary {
  const { discriminator } = design;
  const shapes = discriminatorShapes(discriminator);
  let field: Pair | null = [1, 1];
  /** Distance in input pixels between neighbouring outputs. */
  let jump: Pair = [1, 1];
  const blocks = shapes.map(({ input, read, convolved, output }, index): BlockSummary => {
    const block = discriminator.blocks[index]!;
    let weights: number;
    if (block.kind === 'dense') {
      weights = size(read) * block.outFeatures;
      field = null;
    } else {
      const { kernel, stride, maxPool } = block;
      weights = kernel[0] * kernel[1] * read.channels * block.outChannels;
      const grow = (seen: number, axis: 0 | 1) =>
        seen + (kernel[axis] - 1) * jump[axis] + (maxPool[axis] - 1) * jump[axis] * stride[axis];
      if (field !== null) field = [grow(field[0], 0), grow(field[1], 1)];
      jump = [jump[0] * stride[0] * maxPool[0], jump[1] * stride[1] * maxPool[1]];
    }
    return {
      id: block.id,
      input,
      output,
      ...counts(weights, convolved.channels, convolved.channels, block),
      multiplyAdds: weights * convolved.height * convolved.width,
      activations: kept(block, read, convolved, output),
      receptiveField: field,
    };
  });
  return total(blocks);
}

function generatorSummary(generator: Generator): NetworkSummary {
  const blocks = generator.blocks.map((block): BlockSummary => {
    const { input, output } = block;
    if (block.kind === 'dense') {
      const weights = size(input) * size(output);
      return {
        id: block.mirrors,
        input,
        output,
        ...counts(weights, size(output), output.channels, block),
        multiplyAdds: weights,
        activations: kept(block, input, output, output),
        receptiveField: null,
      };
    }
    const { kernel, unpooled } = block;
    const weights = kernel[0] * kernel[1] * unpooled.channels * output.channels;
    return {
      id: block.mirrors,
      input,
      output,
      ...counts(weights, output.channels, output.channels, block),
      multiplyAdds: weights * unpooled.height * unpooled.width,
      activations: kept(block, unpooled, output, output),
      receptiveField: null,
    };
  });
  return total(blocks);
}

function total(blocks: BlockSummary[]): NetworkSummary {
  const sum = (key: 'parameters' | 'buffers' | 'multiplyAdds' | 'activations') =>
    blocks.reduce((all, block) => all + block[key], 0);
  return {
    blocks,
    parameters: sum('parameters'),
    buffers: sum('buffers'),
    multiplyAdds: sum('multiplyAdds'),
    activations: sum('activations'),
  };
}

/**
 * Multiply-adds of one training step for each image of a batch. With g and d for one forward pass of the two networks and g1, d1
 * for those of their first blocks: the generator once (g); the discriminator on reals and fakes, and the gradients of its weights
 * and inputs, save those of the images (2d + 4d - 2 d1); the discriminator again and the gradient down to the image
 * (2d); the gradients of the generator's weights and inputs, save that of z (2g - g1).
 */
function stepMultiplyAdds(discriminator: NetworkSummary, generator: NetworkSummary): number {
  const d = discriminator.multiplyAdds;
  const g = generator.multiplyAdds;
  return (
    3 * g -
    (generator.blocks[0]?.multiplyAdds ?? 0) +
    8 * d -
    2 * (discriminator.blocks[0]?.multiplyAdds ?? 0)
  );
}

/**
 * Counts for a design whose shapes run through.
 * @throws AppError `design.does-not-fit` otherwise
 */
export function summary(design: Design): DesignSummary {
  const generator = generatorSummary(mirror(design.discriminator, design.latentDim));
  const discriminator = discriminatorSummary(design);
  return { discriminator, generator, stepMultiplyAdds: stepMultiplyAdds(discriminator, generator) };
}
