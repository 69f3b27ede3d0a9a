import type { Block, Discriminator, Pair, Shape } from './block.ts';

/** The tensor before a block, between its convolution and its pooling, and after it. */
export interface BlockShapes {
  input: Shape;
  /** What the weights see of it: a channel more with minibatch standard deviation. */
  read: Shape;
  /** After the convolution (or the matrix product), before max pooling. */
  convolved: Shape;
  output: Shape;
}

/** Numbers in a tensor of this shape. */
export function size(shape: Shape): number {
  return shape.height * shape.width * shape.channels;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.height === b.height && a.width === b.width && a.channels === b.channels;
}

/** `64x64x3`: height, width, channels. */
export function formatShape(shape: Shape): string {
  return `${shape.height}x${shape.width}x${shape.channels}`;
}

/**
 * Length of one axis after a convolution, floor((n + 2p - k) / s) + 1, the rule of `nn.Conv2d` with dilation 1.
 * Zero or less means that the kernel does not fit.
 */
export function convLength(n: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((n + 2 * padding - kernel) / stride) + 1;
}

/**
 * The output padding o with which `nn.ConvTranspose2d`, whose length is (m - 1)s - 2p + k + o, undoes the length of a convolution
 * exactly: (n + 2p - k) mod s, the rows at the end that the convolution never looked at. It is always below the stride, so every
 * convolution can be undone.
 */
export function inverseOutputPadding(n: number, kernel: number, stride: number, padding: number): number {
  return (n + 2 * padding - kernel) % stride;
}

function blockShapes(input: Shape, block: Block): BlockShapes | null {
  const read = { ...input, channels: input.channels + Number(block.minibatchStddev) };
  if (block.kind === 'dense') {
    const output = { height: 1, width: 1, channels: block.outFeatures };
    return { input, read, convolved: output, output };
  }
  const along = (n: number, axis: 0 | 1) =>
    convLength(n, block.kernel[axis], block.stride[axis], block.padding[axis]);
  const convolved = {
    height: along(input.height, 0),
    width: along(input.width, 1),
    channels: block.outChannels,
  };
  const output = {
    height: Math.floor(convolved.height / block.maxPool[0]),
    width: Math.floor(convolved.width / block.maxPool[1]),
    channels: block.outChannels,
  };
  return output.height >= 1 && output.width >= 1 ? { input, read, convolved, output } : null;
}

/** Shapes along the blocks, in order. Shorter than `blocks` when one does not fit: it ends before that block. */
export function discriminatorShapes(discriminator: Discriminator): BlockShapes[] {
  const shapes: BlockShapes[] = [];
  let input: Shape = discriminator.image;
  for (const block of discriminator.blocks) {
    const step = blockShapes(input, block);
    if (step === null) break;
    shapes.push(step);
    input = step.output;
  }
  return shapes;
}

/** Rows and columns that max pooling leaves over: a window that is not full is dropped. */
export function poolRemainder(convolved: Shape, maxPool: Pair): Pair {
  return [convolved.height % maxPool[0], convolved.width % maxPool[1]];
}
