/** What can be trained as it is, but is known to train badly: warnings. */
import type { Block, ConvBlock, Design, Pair } from './block.ts';
import { maxKernel } from './block.ts';
import { centresChannels } from './norm.ts';
import type { Problem, Repair } from './problem.ts';
import { blockName, formatPair, withBlock } from './problem.ts';
import { discriminatorShapes } from './shape.ts';

const axes = [0, 1] as const;

function warning(code: string, index: number, block: Block, message: string, repairs: Repair[]): Problem {
  return {
    severity: 'warning',
    code,
    blockId: block.id,
    message: `${blockName(index)}: ${message}`,
    repairs,
  };
}

function onImage(design: Design): Problem[] {
  const { blocks } = design.discriminator;
  const block = blocks[0];
  if (block === undefined) return [];
  const warnings: Problem[] = [];
  if (block.norm !== 'none' && blocks.length > 1) {
    warnings.push(
      warning(
        'norm-on-image',
        0,
        block,
        'normalisation right behind the image hides its colours and contrast from the discriminator.',
        [
          {
            label: 'Switch normalisation off',
            design: withBlock(design, 0, { ...block, norm: 'none' }),
          },
        ],
      ),
    );
  }
  const { activation, ...linked } = block.mirror;
  if (activation !== undefined && activation.kind !== 'tanh') {
    warnings.push(
      warning(
        'image-range',
        0,
        block,
        `its mirror gives the image, whose values lie between -1 and 1: that is what tanh gives, not ${activation.kind}.`,
        [{ label: 'Use tanh', design: withBlock(design, 0, { ...block, mirror: linked }) }],
      ),
    );
  }
  return warnings;
}

function onBias(design: Design, index: number, block: Block): Problem[] {
  if (!block.bias || !centresChannels(block.norm)) return [];
  return [
    warning(
      'bias-before-norm',
      index,
      block,
      `${block.norm} normalisation takes away whatever the bias adds.`,
      [{ label: 'Switch the bias off', design: withBlock(design, index, { ...block, bias: false }) }],
    ),
  ];
}

/** @param positions how often the kernel is laid down along each axis; null while that is not known */
function onKernel(design: Design, index: number, block: ConvBlock, positions: Pair | null): Problem[] {
  const { kernel, stride, padding } = block;
  const warnings: Problem[] = [];
  const set = (changed: Partial<ConvBlock>) => withBlock(design, index, { ...block, ...changed });
  const kernelRepair = (wider: Pair): Repair[] =>
    Math.max(...wider) <= maxKernel
      ? [{ label: `Set the kernel to ${formatPair(wider)}`, design: set({ kernel: wider }) }]
      : [];
  if (axes.some((axis) => kernel[axis] < stride[axis])) {
    const wider: Pair = [Math.max(kernel[0], stride[0]), Math.max(kernel[1], stride[1])];
    warnings.push(
      warning(
        'skipped-pixels',
        index,
        block,
        'the stride is longer than the kernel, so some pixels are never seen.',
        kernelRepair(wider),
      ),
    );
  } else if (axes.some((axis) => kernel[axis] % stride[axis] !== 0 && positions?.[axis] !== 1)) {
    const whole = (axis: 0 | 1) => Math.ceil(kernel[axis] / stride[axis]) * stride[axis];
    warnings.push(
      warning(
        'checkerboard',
        index,
        block,
        `a kernel of ${formatPair(kernel)} is no multiple of the stride ${formatPair(stride)}: in the mirror some pixels get more contributions than their neighbours, which shows as a checkerboard.`,
        kernelRepair([whole(0), whole(1)]),
      ),
    );
  }
  if (axes.some((axis) => padding[axis] >= kernel[axis])) {
    const narrower: Pair = [Math.min(padding[0], kernel[0] - 1), Math.min(padding[1], kernel[1] - 1)];
    warnings.push(
      warning(
        'padding-only',
        index,
        block,
        'the padding is so wide that the kernel sees nothing but zeros at the border.',
        [{ label: `Set the padding to ${formatPair(narrower)}`, design: set({ padding: narrower }) }],
      ),
    );
  }
  return warnings;
}

/** The warnings of a design; some of their repairs may bring errors. */
export function advice(design: Design): Problem[] {
  const shapes = discriminatorShapes(design.discriminator);
  const onBlocks = design.discriminator.blocks.flatMap((block, index) => {
    const convolved = shapes[index]?.convolved;
    const positions: Pair | null = convolved === undefined ? null : [convolved.height, convolved.width];
    return [
      ...onBias(design, index, block),
      ...(block.kind === 'conv' ? onKernel(design, index, block, positions) : []),
    ];
  });
  return [...onImage(design), ...onBlocks];
}
