/**
 * The parts a discriminator is made of, as plain data. Everything that can be derived (input channels, shapes, the whole
 * generator) is derived, never stored. Semantics of every number are PyTorch's (`nn.Conv2d`, `nn.MaxPool2d`, ...).
 */
import * as v from 'valibot';
import { Name } from '../name.ts';

const integer = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

/** Two numbers, vertical first: `[height, width]`. */
const pair = (min: number, max: number) => v.tuple([integer(min, max), integer(min, max)]);
export type Pair = [number, number];

/** What follows a block's normalisation. `leakyRelu` is x for x > 0 and slope * x below. */
export const Activation = v.variant('kind', [
  v.strictObject({ kind: v.literal('leakyRelu'), slope: v.pipe(v.number(), v.minValue(0), v.maxValue(1)) }),
  v.strictObject({ kind: v.picklist(['none', 'relu', 'elu', 'selu', 'gelu', 'swish', 'sigmoid', 'tanh']) }),
]);
export type Activation = v.InferOutput<typeof Activation>;

/**
 * What brings a block's values to mean 0 and variance 1 before its activation, each channel then scaled and shifted as learned: `batch` each
 * channel over the batch; `layer`, `group` and `instance` each image by itself, all channels together, in groups, or each alone.
 * `pixel` divides each pixel by its length over the channels, and learns nothing (ProGAN).
 */
export const NormName = v.picklist(['none', 'batch', 'layer', 'group', 'instance', 'pixel']);
export type NormName = v.InferOutput<typeof NormName>;

/** Longest side of a kernel. */
export const maxKernel = 64;
/** Most blocks that a discriminator has. */
export const maxBlocks = 100;

const channels = integer(1, 65536);
const dropout = v.pipe(v.number(), v.minValue(0), v.maxValue(0.95));

/**
 * What a person has set by hand in the generator block that mirrors this one; what is absent is derived. They live on the
 * discriminator's block, so that they survive every edit elsewhere and move and copy with it.
 */
export const MirrorOverrides = v.strictObject({
  /** Channels (features of a fully connected block) that the mirrored block gives. */
  outChannels: v.exactOptional(channels),
  bias: v.exactOptional(v.boolean()),
  norm: v.exactOptional(NormName),
  spectralNorm: v.exactOptional(v.boolean()),
  activation: v.exactOptional(Activation),
  dropout: v.exactOptional(dropout),
  /** Of a convolution with a stride: repeats pixels and convolves them, in the place of one transposed convolution; see `upsampled`. */
  upsample: v.exactOptional(v.boolean()),
});
export type MirrorOverrides = v.InferOutput<typeof MirrorOverrides>;

const parts = {
  /** Unique in a design; keeps its meaning while blocks are moved and edited. */
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(40)),
  bias: v.boolean(),
  norm: NormName,
  spectralNorm: v.boolean(),
  /**
   * Whether the block also reads a channel that says how much the images of the batch differ: the mean of each value's standard deviation
   * over the batch (ProGAN, with the whole batch as one group). Not mirrored. Absent in older files.
   */
  minibatchStddev: v.optional(v.boolean(), false),
  activation: Activation,
  /** Probability with which an element is set to zero in training; 0 switches it off. */
  dropout,
  mirror: MirrorOverrides,
};

/** Convolution, normalisation, activation, max pooling, dropout: in this order, each part optional but the first. */
export const ConvBlock = v.strictObject({
  ...parts,
  kind: v.literal('conv'),
  outChannels: channels,
  kernel: pair(1, maxKernel),
  stride: pair(1, 64),
  /** Zeros added on both sides of each axis. */
  padding: pair(0, 64),
  /** Window and stride of the max pooling; `[1, 1]` switches it off. What does not fill a window is dropped. */
  maxPool: pair(1, 64),
});
export type ConvBlock = v.InferOutput<typeof ConvBlock>;

/** A fully connected block: matrix product, normalisation, activation, dropout. What comes in is flattened. */
export const DenseBlock = v.strictObject({
  ...parts,
  kind: v.literal('dense'),
  outFeatures: channels,
});
export type DenseBlock = v.InferOutput<typeof DenseBlock>;

/** Blocks used to say `batchNorm: true` for what is `norm: 'batch'` now, themselves and in `mirror`. */
function fromOlder(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return data;
  const { batchNorm, ...block }: Record<string, unknown> = { ...data };
  if (block['mirror'] !== undefined) block['mirror'] = fromOlder(block['mirror']);
  if (batchNorm === undefined) return block;
  return typeof batchNorm === 'boolean' ? { norm: batchNorm ? 'batch' : 'none', ...block } : data;
}

export const Block = v.pipe(v.unknown(), v.transform(fromOlder), v.variant('kind', [ConvBlock, DenseBlock]));
export type Block = v.InferOutput<typeof Block>;

/** Size of one image or feature map, without the batch. */
export const Shape = v.strictObject({ height: integer(1, 4096), width: integer(1, 4096), channels });
export type Shape = v.InferOutput<typeof Shape>;

/** The network a person edits: it looks at `image` and ends in one number, the logit of "this is real". */
export const Discriminator = v.strictObject({
  /** Height and width in pixels, 1 to 4 channels. */
  image: v.strictObject({ height: integer(1, 1024), width: integer(1, 1024), channels: integer(1, 4) }),
  blocks: v.pipe(v.array(Block), v.maxLength(maxBlocks)),
});
export type Discriminator = v.InferOutput<typeof Discriminator>;

/** A pair of networks: the discriminator, and all that its mirror needs beside it. */
export const Design = v.strictObject({
  name: Name,
  /** Length of z, the vector of normally distributed numbers that the generator starts from. */
  latentDim: integer(1, 4096),
  discriminator: Discriminator,
});
export type Design = v.InferOutput<typeof Design>;

/** A convolution block with the field's defaults; `id` and `outChannels` must be given. */
export function convBlock(block: Partial<ConvBlock> & Pick<ConvBlock, 'id' | 'outChannels'>): ConvBlock {
  return {
    kind: 'conv',
    kernel: [4, 4],
    stride: [2, 2],
    padding: [1, 1],
    bias: false,
    norm: 'none',
    spectralNorm: false,
    minibatchStddev: false,
    activation: { kind: 'none' },
    maxPool: [1, 1],
    dropout: 0,
    mirror: {},
    ...block,
  };
}

/** A fully connected block with the field's defaults; `id` and `outFeatures` must be given. */
export function denseBlock(block: Partial<DenseBlock> & Pick<DenseBlock, 'id' | 'outFeatures'>): DenseBlock {
  return {
    kind: 'dense',
    bias: true,
    norm: 'none',
    spectralNorm: false,
    minibatchStddev: false,
    activation: { kind: 'none' },
    dropout: 0,
    mirror: {},
    ...block,
  };
}

/** The first of `b1`, `b2`, ... that no block of `blocks` has. */
export function unusedId(blocks: readonly Block[]): string {
  const used = new Set(blocks.map((block) => block.id));
  let n = 1;
  while (used.has(`b${n}`)) n += 1;
  return `b${n}`;
}
