/**
 * The generator that a discriminator implies: its blocks in reverse order, each inverted. After `auto_build`, `__resize`,
 * `build` and `assemble` of "Reusable neural blocks for GAN" (the idea that Ganvas comes from), made exact in its sizes; the
 * conventions of normalisation and activation are the DCGAN tutorial's (pytorch/tutorials beginner_source/dcgan_faces_tutorial.py).
 */
import { AppError } from '../errors.ts';
import type {
  Activation,
  Block,
  ConvBlock,
  DenseBlock,
  Discriminator,
  NormName,
  Pair,
  Shape,
} from './block.ts';
import { centresChannels, normalisedTogether } from './norm.ts';
import type { BlockShapes } from './shape.ts';
import { discriminatorShapes, formatShape, inverseOutputPadding, poolRemainder } from './shape.ts';

interface GeneratorParts {
  /** Id of the discriminator's block that this one inverts. */
  mirrors: string;
  input: Shape;
  output: Shape;
  bias: boolean;
  norm: NormName;
  spectralNorm: boolean;
  activation: Activation;
  dropout: number;
}

/** Un-pooling, transposed convolution, normalisation, activation, dropout: in this order. */
export interface ConvTransposeBlock extends GeneratorParts {
  kind: 'convTranspose';
  /** Each pixel is repeated this often along each axis before the convolution; `[1, 1]`: not at all. */
  unpool: Pair;
  /** Copies of the last row and column added after that. */
  edge: Pair;
  /** The tensor that the transposed convolution reads. */
  unpooled: Shape;
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  /** Rows and columns at the end that only the kernel's far side reaches; see `inverseOutputPadding`. */
  outputPadding: Pair;
}

/** Matrix product, reshaping to `output`, normalisation of its channels, activation, dropout. */
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

/** A generator takes plain units where its discriminator takes leaky ones, for their gradients (DCGAN). */
function mirroredActivation(activation: Activation, place: Place): Activation {
  if (place.last) return { kind: 'tanh' };
  const { kind } = activation;
  return kind === 'leakyRelu' || (place.stem && kind === 'none') ? { kind: 'relu' } : activation;
}

/**
 * Spectral norm is a discriminator's normalisation, and layer norm stands in for batch norm where a discriminator has to judge each image
 * for itself: the mirror of both has batch norm (SNGAN, WGAN-GP). Instance norm of a single pixel would leave nothing.
 */
function mirroredNorm(block: Block, place: Place, output: Shape): NormName {
  if (place.last) return 'none';
  if (block.norm === 'none') return place.stem || block.spectralNorm ? 'batch' : 'none';
  const single = normalisedTogether(block.norm, output.height * output.width, output.channels) === 1;
  return block.norm === 'layer' || single ? 'batch' : block.norm;
}

function mirroredParts(block: Block, place: Place, output: Shape) {
  const { mirror } = block;
  const norm = mirror.norm ?? mirroredNorm(block, place, output);
  return {
    mirrors: block.id,
    norm,
    // What subtracts the mean of each channel leaves nothing of a bias before it.
    bias: mirror.bias ?? (block.bias && !centresChannels(norm)),
    spectralNorm: mirror.spectralNorm ?? false,
    activation: mirror.activation ?? mirroredActivation(block.activation, place),
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
  return { kind: 'dense', ...mirroredParts(block, place, output), input, output };
}

interface Enlargement {
  unpool: Pair;
  edge: Pair;
  kernel: Pair;
  stride: Pair;
  padding: Pair;
  outputPadding: Pair;
}

/** Whether the mirror of a block is larger than what it reads, so that it can do that by repeating pixels. */
export function enlarges({ stride, maxPool }: ConvBlock): boolean {
  return stride[0] * maxPool[0] > 1 || stride[1] * maxPool[1] > 1;
}

/**
 * Pixels repeated as often as the block's stride and pooling leave some out, then a kernel of 3 with stride 1, which as a transposed
 * convolution is a convolution: no pixel gets more contributions than its neighbours (Odena et al., "Deconvolution and checkerboard
 * artifacts"). Where that is e rows too long, a kernel of 1 + 2p - e takes them away; where it is too short, the last row is repeated.
 */
function upsampled({ stride, maxPool }: ConvBlock, { input, output }: BlockShapes): Enlargement {
  const along = ([from, to]: Pair, axis: 0 | 1) => {
    const times = stride[axis] * maxPool[axis];
    const excess = from * times - to;
    const padding = excess > 0 ? 1 + Math.floor(excess / 2) : 1;
    return {
      times,
      edge: Math.max(0, -excess),
      padding,
      kernel: 1 + 2 * padding - Math.max(0, excess),
    };
  };
  const [down, across] = [along([output.height, input.height], 0), along([output.width, input.width], 1)];
  return {
    unpool: [down.times, across.times],
    edge: [down.edge, across.edge],
    kernel: [down.kernel, across.kernel],
    stride: [1, 1],
    padding: [down.padding, across.padding],
    outputPadding: [0, 0],
  };
}

/** The same steps back: pooled pixels repeated, then the transposed convolution of the same kernel, stride and padding. */
function inverted({ kernel, stride, padding, maxPool }: ConvBlock, shapes: BlockShapes): Enlargement {
  return {
    unpool: maxPool,
    edge: poolRemainder(shapes.convolved, maxPool),
    kernel,
    stride,
    padding,
    outputPadding: [
      inverseOutputPadding(shapes.input.height, kernel[0], stride[0], padding[0]),
      inverseOutputPadding(shapes.input.width, kernel[1], stride[1], padding[1]),
    ],
  };
}

function mirrorConv(block: ConvBlock, shapes: BlockShapes, input: Shape, place: Place): ConvTransposeBlock {
  const output = { ...shapes.input, channels: block.mirror.outChannels ?? shapes.input.channels };
  const up = block.mirror.upsample === true && enlarges(block);
  const enlargement = up ? upsampled(block, shapes) : inverted(block, shapes);
  const { unpool, edge } = enlargement;
  return {
    kind: 'convTranspose',
    ...mirroredParts(block, place, output),
    input,
    output,
    ...enlargement,
    unpooled: {
      height: input.height * unpool[0] + edge[0],
      width: input.width * unpool[1] + edge[1],
      channels: input.channels,
    },
  };
}

function withoutMirror(message: string, block?: Block): AppError {
  return new AppError('design.does-not-fit', message, block === undefined ? {} : { blockId: block.id });
}

/** Shapes along the blocks of a discriminator that has a mirror. */
function invertibleShapes(discriminator: Discriminator): BlockShapes[] {
  const { blocks, image } = discriminator;
  const shapes = discriminatorShapes(discriminator);
  if (blocks.length === 0) throw withoutMirror('The discriminator has no blocks. Add one to get a mirror.');
  const flattened = blocks.findIndex((block) => block.kind === 'dense');
  const late = blocks.findIndex((block, i) => block.kind === 'conv' && flattened >= 0 && i > flattened);
  if (late >= 0) {
    throw withoutMirror(
      `Block ${late + 1} is a convolution behind the fully connected block ${flattened + 1}: it has no image to look at, and no mirror. Move it forward.`,
      blocks[late],
    );
  }
  const at = shapes.length;
  const end = shapes.at(-1)?.output ?? image;
  if (at < blocks.length) {
    throw withoutMirror(
      `Block ${at + 1} does not fit on its input of ${formatShape(end)}: it has no mirror. Make its kernel or pooling smaller.`,
      blocks[at],
    );
  }
  if (end.height > 1 || end.width > 1) {
    throw withoutMirror(
      `The last block leaves ${formatShape(end)} where the mirror starts from z, a single column of numbers. Let the last kernel cover its whole input, or add a fully connected block.`,
      blocks.at(-1),
    );
  }
  return shapes;
}

/**
 * Derives the generator. Its image has exactly the discriminator's input height and width, whatever the kernels, strides,
 * paddings and poolings; its channels too unless an override of the first block says otherwise (`check` reports that).
 * @param latentDim length of z
 * @throws AppError `design.does-not-fit` when the discriminator's own shapes do not run through to a single column
 */
export function mirror(discriminator: Discriminator, latentDim: number): Generator {
  const shapes = invertibleShapes(discriminator);
  const { blocks } = discriminator;
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
