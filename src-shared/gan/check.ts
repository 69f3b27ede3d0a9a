/** What makes a design impossible to train, where, in words, and how to repair it; and the advice on top. */
import { advice } from './advice.ts';
import type { Block, Design, NormName, Pair, Shape } from './block.ts';
import { costly } from './cost.ts';
import { convBlock, denseBlock, maxBlocks, maxKernel, unusedId } from './block.ts';
import { normalisedTogether } from './norm.ts';
import type { Problem, Repair } from './problem.ts';
import { blockName, formatPair, withBlock, withBlocks } from './problem.ts';
import type { BlockShapes } from './shape.ts';
import { convLength, discriminatorShapes, formatShape } from './shape.ts';

export type { Problem } from './problem.ts';

function doesNotFit(design: Design, shapes: BlockShapes[]): Problem[] {
  const { blocks, image } = design.discriminator;
  const index = shapes.length;
  const block = blocks[index];
  if (block === undefined || block.kind === 'dense') return [];
  const input: Shape = shapes[index - 1]?.output ?? image;
  const { kernel, stride, padding, maxPool } = block;
  const padded: Pair = [input.height + 2 * padding[0], input.width + 2 * padding[1]];
  if (kernel[0] > padded[0] || kernel[1] > padded[1]) {
    const smaller: Pair = [Math.min(kernel[0], padded[0]), Math.min(kernel[1], padded[1])];
    const wider: Pair = [
      Math.max(padding[0], Math.ceil((kernel[0] - input.height) / 2)),
      Math.max(padding[1], Math.ceil((kernel[1] - input.width) / 2)),
    ];
    return [
      {
        severity: 'error',
        code: 'kernel-too-large',
        blockId: block.id,
        message: `${blockName(index)}: a kernel of ${formatPair(kernel)} does not fit on its input of ${formatShape(input)}, ${formatPair(padded)} with padding.`,
        repairs: [
          {
            label: `Set the kernel to ${formatPair(smaller)}`,
            design: withBlock(design, index, { ...block, kernel: smaller }),
          },
          {
            label: `Set the padding to ${formatPair(wider)}`,
            design: withBlock(design, index, { ...block, padding: wider }),
          },
        ],
      },
    ];
  }
  const convolved: Pair = [
    convLength(input.height, kernel[0], stride[0], padding[0]),
    convLength(input.width, kernel[1], stride[1], padding[1]),
  ];
  const smaller: Pair = [Math.min(maxPool[0], convolved[0]), Math.min(maxPool[1], convolved[1])];
  return [
    {
      severity: 'error',
      code: 'pool-too-large',
      blockId: block.id,
      message: `${blockName(index)}: max pooling of ${formatPair(maxPool)} is larger than the ${formatPair(convolved)} that it pools.`,
      repairs: [
        {
          label: `Set the pooling to ${formatPair(smaller)}`,
          design: withBlock(design, index, { ...block, maxPool: smaller }),
        },
        {
          label: 'Switch the pooling off',
          design: withBlock(design, index, { ...block, maxPool: [1, 1] }),
        },
      ],
    },
  ];
}

function orderOfBlocks(design: Design): Problem[] {
  const { blocks } = design.discriminator;
  const firstDense = blocks.findIndex((block) => block.kind === 'dense');
  if (firstDense < 0) return [];
  const problems: Problem[] = [];
  blocks.forEach((block, index) => {
    if (index < firstDense || block.kind === 'dense') return;
    const others = blocks.toSpliced(index, 1);
    problems.push({
      severity: 'error',
      code: 'conv-after-dense',
      blockId: block.id,
      message: `${blockName(index)}: a convolution needs an image, but block ${firstDense + 1} before it has flattened it.`,
      repairs: [
        {
          label: 'Move it before the fully connected blocks',
          design: withBlocks(design, others.toSpliced(firstDense, 0, block)),
        },
        { label: 'Remove it', design: withBlocks(design, others) },
      ],
    });
  });
  return problems;
}

/** One problem an id that several blocks have; its repair renames all of them but the first. */
function sameIds(design: Design): Problem[] {
  const { blocks } = design.discriminator;
  const first = new Map<string, number>();
  const repeated = new Map<string, number[]>();
  for (const [index, { id }] of blocks.entries()) {
    if (first.has(id)) repeated.set(id, [...(repeated.get(id) ?? []), index]);
    else first.set(id, index);
  }
  return [...repeated].map(([id, indices]): Problem => {
    let renamed = blocks;
    for (const index of indices) renamed = renamed.with(index, { ...blocks[index]!, id: unusedId(renamed) });
    return {
      severity: 'error',
      code: 'same-id',
      blockId: id,
      message: `${blockName(indices[0]!)}: another block is called "${id}" too.`,
      repairs: [{ label: 'Give it a name of its own', design: withBlocks(design, renamed) }],
    };
  });
}

function verdict(design: Design, shapes: BlockShapes[]): Problem[] {
  const { blocks } = design.discriminator;
  const block = blocks.at(-1);
  if (block === undefined) {
    const head = denseBlock({ id: 'b1', outFeatures: 1 });
    return [
      {
        severity: 'error',
        code: 'no-blocks',
        blockId: null,
        message: 'The discriminator has no blocks.',
        repairs: [{ label: 'Add a fully connected block', design: withBlocks(design, [head]) }],
      },
    ];
  }
  const index = blocks.length - 1;
  const problems: Problem[] = [];
  const last = shapes[index];
  if (last !== undefined && (last.output.height > 1 || last.output.width > 1 || last.output.channels > 1)) {
    problems.push({
      severity: 'error',
      code: 'not-one-number',
      blockId: block.id,
      message: `${blockName(index)} is the last and gives ${formatShape(last.output)}: a discriminator must end in one number, its verdict.`,
      repairs: endInOneNumber(design, block, last),
    });
  }
  if (block.activation.kind !== 'none') {
    problems.push({
      severity: 'error',
      code: 'activated-verdict',
      blockId: block.id,
      message: `${blockName(index)} is the last: its verdict must have no activation, because the losses are computed from the plain number (logit).`,
      repairs: [
        {
          label: 'Remove the activation',
          design: withBlock(design, index, { ...block, activation: { kind: 'none' } }),
        },
      ],
    });
  }
  const altering = [
    ...(block.norm === 'none' ? [] : ['normalisation']),
    ...(block.dropout > 0 ? ['dropout'] : []),
  ];
  if (altering.length > 0) {
    problems.push({
      severity: 'error',
      code: 'altered-verdict',
      blockId: block.id,
      message: `${blockName(index)} is the last: ${altering.join(' and ')} would change the verdict itself.`,
      repairs: [
        {
          label: `Switch ${altering.join(' and ')} off`,
          design: withBlock(design, index, { ...block, norm: 'none', dropout: 0 }),
        },
      ],
    });
  }
  return problems;
}

function endInOneNumber(design: Design, block: Block, shapes: BlockShapes): Repair[] {
  const { blocks } = design.discriminator;
  const last = blocks.length - 1;
  const { input, output } = shapes;
  const addHead: Repair = {
    label: 'Add a fully connected block with one output',
    design: withBlocks(design, [...blocks, denseBlock({ id: unusedId(blocks), outFeatures: 1 })]),
  };
  const becomeHead: Repair = {
    label: 'Make it a fully connected block with one output',
    design: withBlock(design, last, denseBlock({ id: block.id, outFeatures: 1, mirror: block.mirror })),
  };
  const head = blocks.length < maxBlocks ? addHead : becomeHead;
  if (block.kind === 'dense') {
    return [
      { label: 'Give it one output', design: withBlock(design, last, { ...block, outFeatures: 1 }) },
      head,
    ];
  }
  if (output.height === 1 && output.width === 1) {
    return [
      { label: 'Give it one channel', design: withBlock(design, last, { ...block, outChannels: 1 }) },
      head,
    ];
  }
  if (input.height > maxKernel || input.width > maxKernel) return [head];
  const covering = convBlock({
    ...block,
    outChannels: 1,
    kernel: [input.height, input.width],
    stride: [1, 1],
    padding: [0, 0],
    maxPool: [1, 1],
  });
  return [
    head,
    {
      label: `Let its kernel cover the whole ${input.height}x${input.width}`,
      design: withBlock(design, last, covering),
    },
  ];
}

/** Norms that would see a single number, on either side. */
function normOfOne(design: Design, shapes: BlockShapes[]): Problem[] {
  return design.discriminator.blocks.flatMap((block, index): Problem[] => {
    const at = shapes[index];
    if (at === undefined) return [];
    const alone = (norm: NormName | undefined, { height, width }: Shape, channels: number) =>
      norm !== undefined && normalisedTogether(norm, height * width, channels) === 1;
    const { norm: ofMirror, ...linked } = block.mirror;
    // Of the last block another problem tells.
    const own =
      index < design.discriminator.blocks.length - 1 &&
      alone(block.norm, at.convolved, at.convolved.channels);
    const mirrored = alone(ofMirror, at.input, block.mirror.outChannels ?? at.input.channels);
    if (!own && !mirrored) return [];
    const repaired: Block = {
      ...block,
      ...(own ? { norm: 'none' } : {}),
      ...(mirrored ? { mirror: linked } : {}),
    };
    return [
      {
        severity: 'error',
        code: 'norm-of-one',
        blockId: block.id,
        message: `${blockName(index)}: ${own ? block.norm : ofMirror} normalisation ${own ? '' : 'in its mirror '}would look at a single number in each image, which it always turns into zero.`,
        repairs: [
          {
            label: own ? 'Switch normalisation off' : 'Link it to the block again',
            design: withBlock(design, index, repaired),
          },
        ],
      },
    ];
  });
}

function imageOfMirror(design: Design): Problem[] {
  const { blocks, image } = design.discriminator;
  const block = blocks[0];
  if (block === undefined) return [];
  const { outChannels, ...linked } = block.mirror;
  if (outChannels === undefined || outChannels === image.channels) return [];
  return [
    {
      severity: 'error',
      code: 'image-channels',
      blockId: block.id,
      message: `${blockName(0)}: its mirror gives the image, whose channels are ${image.channels}, but it is set to give ${outChannels}.`,
      repairs: [
        { label: 'Link it to the image again', design: withBlock(design, 0, { ...block, mirror: linked }) },
      ],
    },
  ];
}

/** The errors of a design: empty means that it can be mirrored and trained. Each has at least one repair after which it is gone. */
export function errorsOf(design: Design): Problem[] {
  const twins = sameIds(design);
  // A problem on a block says nothing while two blocks share its id, and shapes mean nothing while the order is wrong.
  if (twins.length > 0) return twins;
  const order = orderOfBlocks(design);
  const shapes = order.length === 0 ? discriminatorShapes(design.discriminator) : [];
  const fit = order.length === 0 ? doesNotFit(design, shapes) : [];
  return [
    ...order,
    ...fit,
    ...verdict(design, shapes),
    ...normOfOne(design, shapes),
    ...imageOfMirror(design),
  ];
}

/** Everything wrong with a design, errors first, then warnings. No repair of a warning brings an error with it. */
export function check(design: Design): Problem[] {
  const errors = errorsOf(design);
  const harmless = (repair: Repair) => errorsOf(repair.design).length <= errors.length;
  const all = [...advice(design), ...(errors.length === 0 ? costly(design) : [])];
  const warnings = all.map((warning) => ({
    ...warning,
    repairs: warning.repairs.filter(harmless),
  }));
  return [...errors, ...warnings];
}
