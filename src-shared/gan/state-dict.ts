/** Names and shapes of a design's tensors in the `state_dict` of the code that `pytorchCode` gives. */
import type { Block, Design, Pair, Shape } from './block.ts';
import type { GeneratorBlock } from './mirror.ts';
import { mirror } from './mirror.ts';
import { isAffine } from './norm.ts';
import { discriminatorShapes } from './shape.ts';

/** `u` and `v`: spectral norm's estimates of the first singular vectors, over outputs and inputs. */
export type TensorPart = 'weight' | 'bias' | 'u' | 'v' | 'gamma' | 'beta' | 'mean' | 'variance';

/**
 * One tensor. PyTorch's is made from that of Ganvas, whose channels are last, in three moves: see it as `view`, bring its axes into
 * the order `axes` (as in `numpy.transpose`), read it as `shape`.
 */
export interface StateDictEntry {
  /** Place of the block in its network, from 0, in the order in which data passes. */
  block: number;
  part: TensorPart;
  /** `blocks.0.conv.weight` */
  key: string;
  view: number[];
  axes: number[];
  shape: number[];
}

/** How one tensor of Ganvas becomes PyTorch's. */
type Layout = Pick<StateDictEntry, 'view' | 'axes' | 'shape'>;

/** Layouts of what a block's weight has an axis for. */
interface BlockLayouts {
  layer: 'conv' | 'linear';
  weight: Layout;
  /** Of the bias and of `u`: one number an output. */
  outputs: Layout;
  /** Of `v`: one number an input. */
  inputs: Layout;
}

const product = (lengths: readonly number[]) => lengths.reduce((all, length) => all * length, 1);

function vector(length: number): Layout {
  return { view: [length], axes: [0], shape: [length] };
}

/** A vector that runs over rows, columns, channels here, and over channels, rows, columns there. */
function flattened(view: [height: number, width: number, channels: number]): Layout {
  return { view, axes: [2, 0, 1], shape: [product(view)] };
}

/**
 * @param near channels on the side of the image
 * @param far channels on the other side
 */
function kernelLayout([height, width]: Pair, near: number, far: number): Layout {
  return { view: [height, width, near, far], axes: [3, 2, 0, 1], shape: [far, near, height, width] };
}

function discriminatorLayouts(block: Block, input: Shape): BlockLayouts {
  if (block.kind === 'dense') {
    const { height, width, channels } = input;
    const inputs = flattened([height, width, channels]);
    return {
      layer: 'linear',
      weight: {
        view: [...inputs.view, block.outFeatures],
        axes: [3, 2, 0, 1],
        shape: [block.outFeatures, ...inputs.shape],
      },
      outputs: vector(block.outFeatures),
      inputs,
    };
  }
  return {
    layer: 'conv',
    weight: kernelLayout(block.kernel, input.channels, block.outChannels),
    outputs: vector(block.outChannels),
    inputs: flattened([...block.kernel, input.channels]),
  };
}

function generatorLayouts(block: GeneratorBlock): BlockLayouts {
  const { input, output } = block;
  if (block.kind === 'dense') {
    const outputs = flattened([output.height, output.width, output.channels]);
    return {
      layer: 'linear',
      weight: {
        view: [input.channels, ...outputs.view],
        axes: [3, 1, 2, 0],
        shape: [...outputs.shape, input.channels],
      },
      outputs,
      inputs: vector(input.channels),
    };
  }
  return {
    layer: 'conv',
    weight: kernelLayout(block.kernel, output.channels, input.channels),
    outputs: vector(output.channels),
    inputs: flattened([...block.kernel, input.channels]),
  };
}

function entries(
  block: Block | GeneratorBlock,
  at: number,
  layouts: BlockLayouts,
  channels: number,
): StateDictEntry[] {
  const { layer, weight, outputs, inputs } = layouts;
  const entry = (part: TensorPart, key: string, layout: Layout): StateDictEntry => ({
    block: at,
    part,
    key: `blocks.${at}.${key}`,
    ...layout,
  });
  const normalised = `${layer}.parametrizations.weight`;
  const list = [entry('weight', block.spectralNorm ? `${normalised}.original` : `${layer}.weight`, weight)];
  if (block.bias) list.push(entry('bias', `${layer}.bias`, outputs));
  if (block.spectralNorm) {
    list.push(entry('u', `${normalised}.0._u`, outputs), entry('v', `${normalised}.0._v`, inputs));
  }
  if (isAffine(block.norm)) {
    list.push(entry('gamma', 'norm.weight', vector(channels)), entry('beta', 'norm.bias', vector(channels)));
  }
  if (block.norm === 'batch') {
    list.push(
      entry('mean', 'norm.running_mean', vector(channels)),
      entry('variance', 'norm.running_var', vector(channels)),
    );
  }
  return list;
}

/**
 * Every tensor of the two networks, in the order of their blocks. `load_state_dict` of the classes in `pytorchCode` takes a dictionary
 * of exactly these keys; `norm.num_batches_tracked`, which only PyTorch counts, may be missing.
 * @throws AppError `design.does-not-fit` when the shapes do not run through
 */
export function stateDict(design: Design): Record<'discriminator' | 'generator', StateDictEntry[]> {
  const { discriminator, latentDim } = design;
  const generator = mirror(discriminator, latentDim);
  const shapes = discriminatorShapes(discriminator);
  return {
    discriminator: discriminator.blocks.flatMap((block, i) => {
      const { read, output } = shapes[i]!;
      return entries(block, i, discriminatorLayouts(block, read), output.channels);
    }),
    generator: generator.blocks.flatMap((block, i) =>
      entries(block, i, generatorLayouts(block), block.output.channels),
    ),
  };
}
