/**
 * The generator that a discriminator implies: its blocks in reverse order, each inverted. After `auto_build`, `__resize`,
 * `build` and `assemble` of "Reusable neural blocks for GAN" (the idea that Ganvas comes from), made exact in its sizes; the
 * conventions of normalisation and activation are the DCGAN tutorial's (pytorch/tutorials beginner_source/dcgan_faces_tutorial.py).
 */
import { AppError } from '../errors.ts';
import type { Activation, Block, ConvBlock, DenseBlock, Discriminator, Pair, Shape } from './block.ts';
import type { BlockShapes } from './shape.ts';
import { discriminatorShapes, formatShape, inverseOutputPadding, poolRemainder } from './shape.ts';

interface GeneratorParts {
  /** Id of the discriminator's block that this one inverts. */
  mirrors: string;
  input: Shape;
  output: Shape;
  bias: boolean;
  batchNorm: boolean;
  spectralNorm: boolean;
  activation: Activation;
  dropout: number;
}

/** Un-pooling, transposed convolution, batch normalisation, activation, dropout: in this order. */
export interface ConvTransposeBlock extends GeneratorParts {
  kind: 'convTranspose';
  /** Each pixel is repeated this often along each axis before the convolution; `[1, 1]` where nothing was pooled. */
  unpool: Pair;
  /** Copies of the last row and column added after that: those that the pooling had left over. */
  edge: Pair;
  /** The tensor that the transposed convolution reads. */
  unpooled: Shape;
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  /** Rows and columns at the end that only the kernel's far side reaches; see `inverseOutputPadding`. */
  outputPadding: Pair;
}

/** Matrix product, reshaping to `output`, batch normalisation of its channels, activation, dropout. */
export interface GeneratorDenseBlock extends GeneratorParts {
  kind: 'dense';
}

export type GeneratorBlock = ConvTransposeBlock | GeneratorDenseBlock;

export interface Generator {
  latentDim: number;
  /** In the order in which z passes them. */
  blocks: GeneratorBlock[];
}

/** Where a block stands in the generator decides its normalisation and activation. */
interface Place {
  /** Reads z: normalised and activated although the discriminator's last block is neither. */
  stem: boolean;
  /** Gives the image: values in -1..1, not normalised. */
  last: boolean;
}

/** Leaky units keep gradients alive in a discriminator; a generator takes the plain ones (DCGAN). */
function mirroredActivation(activation: Activation): Activation {
  switch (activation.kind) {
    case 'leakyRelu':
    case 'none':
    case 'sigmoid':
      return { kind: 'relu' };
    default:
      return activation;
  }
}

function mirroredParts(block: Block, place: Place) {
  const { mirror } = block;
  // Spectral norm is a discriminator's normalisation: its mirror is normalised too, by batch norm (SNGAN).
  const normalised = place.stem || block.batchNorm || block.spectralNorm;
  const batchNorm = mirror.batchNorm ?? (normalised && !place.last);
  const activation = place.last ? ({ kind: 'tanh' } as const) : mirroredActivation(block.activation);
  return {
    mirrors: block.id,
    batchNorm,
    // Batch norm subtracts the mean, so a bias before it can do nothing.
    bias: mirror.bias ?? (block.bias && !batchNorm),
    spectralNorm: mirror.spectralNorm ?? false,
    activation: mirror.activation ?? activation,
    dropout: mirror.dropout ?? 0,
  };
}

function mirrorDense(
  block: DenseBlock,
  shapes: BlockShapes,
  input: Shape,
  place: Place,
): GeneratorDenseBlock {
  const output = { ...shapes.input, channels: block.mirror.outChannels ?? shapes.input.channels };
  return { kind: 'dense', ...mirroredParts(block, place), input, output };
}

function mirrorConv(block: ConvBlock, shapes: BlockShapes, input: Shape, place: Place): ConvTransposeBlock {
  const { kernel, stride, padding } = block;
  return {
    kind: 'convTranspose',
    ...mirroredParts(block, place),
    input,
    output: { ...shapes.input, channels: block.mirror.outChannels ?? shapes.input.channels },
    unpool: block.maxPool,
    edge: poolRemainder(shapes.convolved, block.maxPool),
    unpooled: { ...shapes.convolved, channels: input.channels },
    kernel,
    stride,
    padding,
    outputPadding: [
      inverseOutputPadding(shapes.input.height, kernel[0], stride[0], padding[0]),
      inverseOutputPadding(shapes.input.width, kernel[1], stride[1], padding[1]),
    ],
  };
}

/**
 * Derives the generator. Its image has exactly the discriminator's input height and width, whatever the kernels, strides,
 * paddings and poolings; its channels too unless an override of the first block says otherwise (`check` reports that).
 * @param latentDim length of z
 * @throws AppError `design.does-not-fit` when the discriminator's own shapes do not run through to a single column
 */
export function mirror(discriminator: Discriminator, latentDim: number): Generator {
  const shapes = discriminatorShapes(discriminator);
  const { blocks } = discriminator;
  if (shapes.length < blocks.length) {
    const at = shapes.length;
    const input = shapes[at - 1]?.output ?? discriminator.image;
    throw new AppError(
      'design.does-not-fit',
      `Block ${at + 1} does not fit on its input of ${formatShape(input)}: it has no mirror. Make its kernel or pooling smaller.`,
      { blockId: blocks[at]?.id },
    );
  }
  const end = shapes.at(-1)?.output;
  if (end !== undefined && (end.height > 1 || end.width > 1)) {
    throw new AppError(
      'design.does-not-fit',
      `The last block leaves ${formatShape(end)} where the mirror starts from z, a single column of numbers. Let the last kernel cover its whole input, or add a fully connected block.`,
      { blockId: blocks.at(-1)?.id },
    );
  }
  const mirrored: GeneratorBlock[] = [];
  let input: Shape = { height: 1, width: 1, channels: latentDim };
  for (let i = blocks.length - 1; i >= 0; i -= 1) {
    const block = blocks[i]!;
    const place = { stem: i === blocks.length - 1, last: i === 0 };
    const inverse =
      block.kind === 'dense'
        ? mirrorDense(block, shapes[i]!, input, place)
        : mirrorConv(block, shapes[i]!, input, place);
    mirrored.push(inverse);
    input = inverse.output;
  }
  return { latentDim, blocks: mirrored };
}
