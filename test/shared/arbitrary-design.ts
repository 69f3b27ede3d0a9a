/** Random designs for fast-check: such as fit, and such as only the schema holds together. */
import fc from 'fast-check';
import * as v from 'valibot';
import type {
  Activation,
  Block,
  ConvBlock,
  Design,
  MirrorOverrides,
  Pair,
  NormName,
} from '../../src-shared/gan/block.ts';
import { Name } from '../../src-shared/name.ts';
import { convPositions, poolWindows } from './reference.ts';

type Drawn<A> = A extends fc.Arbitrary<infer T> ? T : never;

const activation: fc.Arbitrary<Activation> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('none', 'relu', 'elu', 'selu', 'gelu', 'swish', 'sigmoid', 'tanh'),
  }),
  fc.record({ kind: fc.constant('leakyRelu' as const), slope: fc.constantFrom(0.2, 0, 0.1, 1) }),
);

/** Of those that go with any size: others refuse to look at a single number. */
const norm = fc.constantFrom<NormName>('none', 'none', 'batch', 'batch', 'pixel');
const dropout = fc.constantFrom(0, 0, 0.1, 0.5, 0.95);

const pairOf = (side: fc.Arbitrary<number>): fc.Arbitrary<Pair> => fc.tuple(side, side);

/** What both kinds of blocks have. Half of them override nothing in the mirror. */
function parts(channels: fc.Arbitrary<number>) {
  const set = fc.record(
    {
      outChannels: channels,
      bias: fc.boolean(),
      norm,
      spectralNorm: fc.boolean(),
      activation,
      dropout,
    },
    { requiredKeys: [] },
  );
  return {
    bias: fc.boolean(),
    norm,
    spectralNorm: fc.boolean(),
    minibatchStddev: fc.constantFrom(false, false, true),
    activation,
    dropout,
    mirror: fc.oneof(fc.constant<MirrorOverrides>({}), set),
  };
}

const few = fc.integer({ min: 1, max: 6 });

const wishedConv = fc.record({
  ...parts(few),
  outChannels: few,
  kernel: pairOf(fc.integer({ min: 1, max: 9 })),
  stride: pairOf(fc.constantFrom(1, 1, 2, 2, 3, 5)),
  // Now and then as wide as the kernel, and wider.
  padding: pairOf(fc.constantFrom(0, 0, 1, 1, 2, 3, 4, 11)),
  maxPool: pairOf(fc.constantFrom(1, 1, 1, 2, 3, 4)),
});

const dense = fc.record({ ...parts(few), outFeatures: few });

/** A last convolution: how often its kernel is laid down along an axis, and what its stride and its pooling leave over. */
const wishedHead = fc.record({
  ...parts(few),
  padding: pairOf(fc.integer({ min: 0, max: 3 })),
  stride: pairOf(fc.integer({ min: 1, max: 3 })),
  positions: pairOf(fc.integer({ min: 1, max: 4 })),
  leftOver: pairOf(fc.integer({ min: 0, max: 2 })),
});

const both = (along: (axis: 0 | 1) => number): Pair => [along(0), along(1)];

/** Kernel and pooling cut down to what there is, so that the block fits. */
function fitted(wish: Drawn<typeof wishedConv>, input: Pair, id: string): ConvBlock {
  const { stride, padding } = wish;
  const kernel = both((axis) => Math.min(wish.kernel[axis], input[axis] + 2 * padding[axis]));
  const maxPool = both((axis) =>
    Math.min(wish.maxPool[axis], convPositions(input[axis], kernel[axis], stride[axis], padding[axis])),
  );
  return { ...wish, kind: 'conv', id, kernel, maxPool };
}

const verdict = {
  activation: { kind: 'none' as const },
  norm: 'none' as const,
  minibatchStddev: false,
  dropout: 0,
};

/** A convolution that leaves one number. */
function covering(wish: Drawn<typeof wishedHead>, input: Pair, id: string): ConvBlock {
  const { padding, stride, positions, leftOver, ...rest } = wish;
  const kernel = both((axis) => {
    const padded = input[axis] + 2 * padding[axis];
    const kept = padded - Math.min(leftOver[axis], stride[axis] - 1) - (positions[axis] - 1) * stride[axis];
    return kept >= 1 ? kept : padded;
  });
  const maxPool = both((axis) => {
    const laid = convPositions(input[axis], kernel[axis], stride[axis], padding[axis]);
    return laid - Math.min(leftOver[axis], Math.ceil(laid / 2) - 1);
  });
  return { ...rest, ...verdict, kind: 'conv', id, outChannels: 1, kernel, stride, padding, maxPool };
}

const wishes = fc.record({
  latentDim: fc.integer({ min: 1, max: 12 }),
  image: fc.record({
    height: fc.integer({ min: 1, max: 64 }),
    width: fc.integer({ min: 1, max: 64 }),
    channels: fc.integer({ min: 1, max: 4 }),
  }),
  convs: fc.array(wishedConv, { maxLength: 4 }),
  hidden: fc.oneof(fc.constant([]), fc.array(dense, { maxLength: 2 })),
  /** Whether the last block is fully connected; it is anyway behind other such blocks. */
  flat: fc.constantFrom(false, false, true),
  head: wishedHead,
});

function sizeAfter({ kernel, stride, padding, maxPool }: ConvBlock, input: Pair): Pair {
  return both((axis) =>
    poolWindows(convPositions(input[axis], kernel[axis], stride[axis], padding[axis]), maxPool[axis]),
  );
}

function assemble({ latentDim, image, convs, hidden, flat, head }: Drawn<typeof wishes>): Design {
  const blocks: Block[] = [];
  const nextId = () => `b${blocks.length + 1}`;
  let size: Pair = [image.height, image.width];
  for (const wish of convs) {
    const block = fitted(wish, size, nextId());
    size = sizeAfter(block, size);
    blocks.push(block);
  }
  const coverable = Math.max(...size) + 2 * 3 <= 64;
  if (flat || hidden.length > 0 || !coverable) {
    for (const wish of hidden) blocks.push({ ...wish, kind: 'dense', id: nextId() });
    const { bias, spectralNorm, mirror } = head;
    blocks.push({ ...verdict, kind: 'dense', id: nextId(), outFeatures: 1, bias, spectralNorm, mirror });
  } else {
    blocks.push(covering(head, size, nextId()));
  }
  const first = blocks[0]!;
  if (first.mirror.outChannels !== undefined) {
    blocks[0] = { ...first, mirror: { ...first.mirror, outChannels: image.channels } };
  }
  return { name: 'random', latentDim, discriminator: { image, blocks } };
}

/**
 * Designs that fit: images of 1x1 to 64x64 pixels and 1 to 4 channels, up to four convolutions with nothing square about them,
 * poolings that leave rows over, and a last convolution or up to three fully connected blocks.
 */
export const validDesign: fc.Arbitrary<Design> = wishes.map(assemble);

const anyParts = {
  id: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 40 }).map((n) => `b${n}`) },
    { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 20 }) },
  ),
  ...parts(fc.oneof(few, fc.integer({ min: 1, max: 65536 }))),
};

const anySide = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 7 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 64 }) },
);

const anyConv = fc.record({
  ...anyParts,
  kind: fc.constant('conv' as const),
  outChannels: fc.oneof(few, fc.integer({ min: 1, max: 65536 })),
  kernel: pairOf(anySide),
  stride: pairOf(anySide),
  padding: pairOf(anySide.map((side) => side - 1)),
  maxPool: pairOf(fc.oneof(fc.constant(1), anySide)),
});

const anyDense = fc.record({
  ...anyParts,
  kind: fc.constant('dense' as const),
  outFeatures: fc.oneof(few, fc.integer({ min: 1, max: 65536 })),
});

const anyBlock: fc.Arbitrary<Block> = fc.oneof(
  { weight: 4, arbitrary: anyConv },
  { weight: 1, arbitrary: anyDense },
);

/** Designs that the schema accepts: few of them fit. */
export const anyDesign: fc.Arbitrary<Design> = fc.record({
  name: fc
    .string({ minLength: 1, maxLength: 100, unit: 'binary' })
    .filter((text) => v.is(Name, text) && text.trim() === text),
  latentDim: fc.integer({ min: 1, max: 4096 }),
  discriminator: fc.record({
    image: fc.record({
      height: fc.oneof(anySide, fc.integer({ min: 1, max: 1024 })),
      width: fc.oneof(anySide, fc.integer({ min: 1, max: 1024 })),
      channels: fc.integer({ min: 1, max: 4 }),
    }),
    blocks: fc.oneof(
      { weight: 60, arbitrary: fc.array(anyBlock, { maxLength: 8 }) },
      { weight: 1, arbitrary: fc.array(anyBlock, { minLength: 95, maxLength: 100 }) },
    ),
  }),
});
