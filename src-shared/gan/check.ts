/** What is wrong with a design, where, in words, and how to repair it. */
import type { Block, ConvBlock, Design, Pair, Shape } from './block.ts';
import { convBlock, denseBlock, unusedId } from './block.ts';
import type { BlockShapes } from './shape.ts';
import { convLength, discriminatorShapes, formatShape } from './shape.ts';

export interface Repair {
  /** What the button says: `Set the kernel to 2x2`. */
  label: string;
  /** The whole design after the repair. */
  design: Design;
}

export interface Problem {
  /** An error makes training impossible; a warning is advice. */
  severity: 'error' | 'warning';
  /** Stable name, such as `kernel-too-large`. */
  code: string;
  /** The block it stands on; null when the design as a whole is meant. */
  blockId: string | null;
  message: string;
  /** The best one first. */
  repairs: Repair[];
}

function withBlocks(design: Design, blocks: Block[]): Design {
  return { ...design, discriminator: { ...design.discriminator, blocks } };
}

function withBlock(design: Design, index: number, block: Block): Design {
  return withBlocks(design, design.discriminator.blocks.with(index, block));
}

const text = ([height, width]: Pair) => `${height}x${width}`;
const name = (index: number) => `Block ${index + 1}`;

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
        message: `${name(index)}: a kernel of ${text(kernel)} does not fit on its input of ${formatShape(input)}, ${text(padded)} with padding.`,
        repairs: [
          {
            label: `Set the kernel to ${text(smaller)}`,
            design: withBlock(design, index, { ...block, kernel: smaller }),
          },
          {
            label: `Set the padding to ${text(wider)}`,
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
      message: `${name(index)}: max pooling of ${text(maxPool)} is larger than the ${text(convolved)} that it pools.`,
      repairs: [
        {
          label: `Set the pooling to ${text(smaller)}`,
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
      message: `${name(index)}: a convolution needs an image, but block ${firstDense + 1} before it has flattened it.`,
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

function sameIds(design: Design): Problem[] {
  const { blocks } = design.discriminator;
  const seen = new Set<string>();
  for (const [index, block] of blocks.entries()) {
    if (seen.has(block.id)) {
      return [
        {
          severity: 'error',
          code: 'same-id',
          blockId: block.id,
          message: `${name(index)}: another block is called "${block.id}" too.`,
          repairs: [
            {
              label: 'Give it a name of its own',
              design: withBlock(design, index, { ...block, id: unusedId(blocks) }),
            },
          ],
        },
      ];
    }
    seen.add(block.id);
  }
  return [];
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
      message: `${name(index)} is the last and gives ${formatShape(last.output)}: a discriminator must end in one number, its verdict.`,
      repairs: endInOneNumber(design, block, last),
    });
  }
  if (block.activation.kind !== 'none') {
    problems.push({
      severity: 'error',
      code: 'activated-verdict',
      blockId: block.id,
      message: `${name(index)} is the last: its verdict must have no activation, because the losses are computed from the plain number (logit).`,
      repairs: [
        {
          label: 'Remove the activation',
          design: withBlock(design, index, { ...block, activation: { kind: 'none' } }),
        },
      ],
    });
  }
  if (block.batchNorm || block.dropout > 0) {
    problems.push({
      severity: 'error',
      code: 'altered-verdict',
      blockId: block.id,
      message: `${name(index)} is the last: ${block.batchNorm ? 'batch normalisation' : 'dropout'} would change the verdict itself.`,
      repairs: [
        {
          label: `Switch ${block.batchNorm ? 'batch normalisation' : 'dropout'} off`,
          design: withBlock(
            design,
            index,
            block.batchNorm ? { ...block, batchNorm: false } : { ...block, dropout: 0 },
          ),
        },
      ],
    });
  }
  return problems;
}

function endInOneNumber(design: Design, block: Block, shapes: BlockShapes): Repair[] {
  const { blocks } = design.discriminator;
  const index = blocks.length - 1;
  const { input, output } = shapes;
  const one = output.height === 1 && output.width === 1;
  if (block.kind === 'dense') {
    return [
      { label: 'Give it one output', design: withBlock(design, index, { ...block, outFeatures: 1 }) },
      { label: 'Add a fully connected block with one output', design: append(design, blocks) },
    ];
  }
  const covering: ConvBlock = convBlock({
    ...block,
    outChannels: 1,
    kernel: [Math.min(64, input.height), Math.min(64, input.width)],
    stride: [1, 1],
    padding: [0, 0],
    maxPool: [1, 1],
  });
  const addDense = { label: 'Add a fully connected block with one output', design: append(design, blocks) };
  if (one) {
    return [
      { label: 'Give it one channel', design: withBlock(design, index, { ...block, outChannels: 1 }) },
      addDense,
    ];
  }
  if (input.height > 64 || input.width > 64) return [addDense];
  return [
    addDense,
    {
      label: `Let its kernel cover the whole ${input.height}x${input.width}`,
      design: withBlock(design, index, covering),
    },
  ];
}

function append(design: Design, blocks: Block[]): Design {
  return withBlocks(design, [...blocks, denseBlock({ id: unusedId(blocks), outFeatures: 1 })]);
}

function imageOfMirror(design: Design): Problem[] {
  const { blocks, image } = design.discriminator;
  const block = blocks[0];
  if (block === undefined) return [];
  const problems: Problem[] = [];
  const { outChannels, activation, ...others } = block.mirror;
  if (outChannels !== undefined && outChannels !== image.channels) {
    const kept = activation === undefined ? others : { ...others, activation };
    problems.push({
      severity: 'error',
      code: 'image-channels',
      blockId: block.id,
      message: `${name(0)}: its mirror gives the image, which has ${image.channels} channels, but it is set to ${outChannels}.`,
      repairs: [
        { label: 'Link it to the image again', design: withBlock(design, 0, { ...block, mirror: kept }) },
      ],
    });
  }
  if (activation !== undefined && activation.kind !== 'tanh') {
    const kept = outChannels === undefined ? others : { ...others, outChannels };
    problems.push({
      severity: 'warning',
      code: 'image-range',
      blockId: block.id,
      message: `${name(0)}: its mirror gives the image, whose values lie between -1 and 1: that is what tanh gives, not ${activation.kind}.`,
      repairs: [{ label: 'Use tanh', design: withBlock(design, 0, { ...block, mirror: kept }) }],
    });
  }
  return problems;
}

function advice(design: Design): Problem[] {
  const problems: Problem[] = [];
  const warn = (code: string, index: number, block: Block, message: string, repairs: Repair[]) =>
    problems.push({
      severity: 'warning',
      code,
      blockId: block.id,
      message: `${name(index)}: ${message}`,
      repairs,
    });
  design.discriminator.blocks.forEach((block, index) => {
    if (index === 0 && block.batchNorm && design.discriminator.blocks.length > 1) {
      warn(
        'norm-on-image',
        index,
        block,
        'batch normalisation right behind the image hides its colours and contrast from the discriminator.',
        [
          {
            label: 'Switch batch normalisation off',
            design: withBlock(design, index, { ...block, batchNorm: false }),
          },
        ],
      );
    }
    if (block.bias && block.batchNorm) {
      warn('bias-before-norm', index, block, 'batch normalisation takes away whatever the bias adds.', [
        { label: 'Switch the bias off', design: withBlock(design, index, { ...block, bias: false }) },
      ]);
    }
    if (block.kind === 'conv') adviceOnKernel(design, index, block, warn);
  });
  return problems;
}

function adviceOnKernel(
  design: Design,
  index: number,
  block: ConvBlock,
  warn: (code: string, index: number, block: Block, message: string, repairs: Repair[]) => void,
): void {
  const { kernel, stride, padding } = block;
  const axes = [0, 1] as const;
  const set = (changed: Partial<ConvBlock>) => withBlock(design, index, { ...block, ...changed });
  if (axes.some((axis) => kernel[axis] < stride[axis])) {
    const wider: Pair = [Math.max(kernel[0], stride[0]), Math.max(kernel[1], stride[1])];
    warn(
      'skipped-pixels',
      index,
      block,
      'the stride is longer than the kernel, so some pixels are never seen.',
      [{ label: `Set the kernel to ${text(wider)}`, design: set({ kernel: wider }) }],
    );
  } else if (axes.some((axis) => kernel[axis] % stride[axis] !== 0)) {
    const even = (axis: 0 | 1) => Math.ceil(kernel[axis] / stride[axis]) * stride[axis];
    const wider: Pair = [even(0), even(1)];
    const repairs =
      Math.max(...wider) <= 64
        ? [{ label: `Set the kernel to ${text(wider)}`, design: set({ kernel: wider }) }]
        : [];
    warn(
      'checkerboard',
      index,
      block,
      `a kernel of ${text(kernel)} is no multiple of the stride ${text(stride)}: in the mirror some pixels get more contributions than their neighbours, which shows as a checkerboard.`,
      repairs,
    );
  }
  if (axes.some((axis) => padding[axis] >= kernel[axis])) {
    const narrower: Pair = [Math.min(padding[0], kernel[0] - 1), Math.min(padding[1], kernel[1] - 1)];
    warn(
      'padding-only',
      index,
      block,
      'the padding is so wide that the kernel sees nothing but zeros at the border.',
      [{ label: `Set the padding to ${text(narrower)}`, design: set({ padding: narrower }) }],
    );
  }
}

/**
 * Everything wrong with a design, errors first. A design without errors can be mirrored and trained; every error carries at
 * least one repair after which that error is gone.
 */
export function check(design: Design): Problem[] {
  const order = [...sameIds(design), ...orderOfBlocks(design)];
  // Shapes mean nothing while the blocks themselves are out of order.
  const shapes = order.length === 0 ? discriminatorShapes(design.discriminator) : [];
  const fit = order.length === 0 ? doesNotFit(design, shapes) : [];
  const problems = [
    ...order,
    ...fit,
    ...verdict(design, shapes),
    ...imageOfMirror(design),
    ...advice(design),
  ];
  return problems.sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}

/** The errors among {@link check}: empty means that the design can be trained. */
export function errorsOf(design: Design): Problem[] {
  return check(design).filter((problem) => problem.severity === 'error');
}
