/** What the mirror derives for one block of the generator, each value with the reason for it. */
import type { Activation, Block, MirrorOverrides, Pair } from '../../src-shared/gan/block.ts';
import { centresChannels } from '../../src-shared/gan/norm.ts';
import { formatPair } from '../../src-shared/gan/problem.ts';
import type { ConvTransposeBlock } from '../../src-shared/gan/mirror.ts';
import { enlarges } from '../../src-shared/gan/mirror.ts';
import type { Row } from './design-pair.ts';

export interface DerivedValue {
  label: string;
  value: string;
  reason: string;
  /** The override that sets it by hand; null where nothing but the block itself decides. */
  override: keyof MirrorOverrides | null;
  /** Set by hand. */
  unlinked: boolean;
}

export function activationWords(activation: Activation): string {
  return activation.kind === 'leakyRelu' ? `leaky ${activation.slope}` : activation.kind;
}

const onOff = (value: boolean) => (value ? 'on' : 'off');
const square = ([height, width]: Pair) => (height === width ? `${height}` : formatPair([height, width]));

function outputPaddingReason(
  block: Extract<Block, { kind: 'conv' }>,
  input: Pair,
  convolved: Pair,
  added: Pair,
) {
  const along = (axis: 0 | 1) => {
    const from = `${input[axis]} → ${convolved[axis]}`;
    const bare = input[axis] - added[axis];
    return added[axis] === 0
      ? `stride ${block.stride[axis]} → output padding 0, because ${from}, and ${convolved[axis]} comes back as ${input[axis]} by itself`
      : `stride ${block.stride[axis]} → output padding ${added[axis]}, because ${from}, and without it ${convolved[axis]} would come back as ${bare}`;
  };
  const [height, width] = [along(0), along(1)];
  return height === width ? height : `height: ${height}; width: ${width}`;
}

/** The sizes of a block that repeats pixels and convolves them. */
function repeated({ unpool, edge, kernel, padding }: ConvTransposeBlock, index: number): DerivedValue[] {
  const left = edge[0] > 0 || edge[1] > 0;
  const value = (label: string, pair: Pair, reason: string): DerivedValue => ({
    label,
    value: square(pair),
    reason,
    override: null,
    unlinked: false,
  });
  return [
    value(
      'Un-pooling',
      unpool,
      `Block ${index + 1} makes its input smaller by ${formatPair(unpool)}, so every pixel is repeated ${formatPair(unpool)} times${left ? ', and the last ones once more to fill what is left' : ''}.`,
    ),
    value('Kernel', kernel, '3 smooths over neighbours; 2 also takes away a row that is too much.'),
    value('Padding', padding, 'As much as brings the size back exactly.'),
  ];
}

function sizes({ block, shapes, mirrored, index }: Row): DerivedValue[] {
  if (block.kind === 'dense' || mirrored?.kind !== 'convTranspose' || shapes === null) return [];
  const { unpool, edge, outputPadding } = mirrored;
  if (block.mirror.upsample === true && enlarges(block)) return repeated(mirrored, index);
  const input: Pair = [shapes.input.height, shapes.input.width];
  const convolved: Pair = [shapes.convolved.height, shapes.convolved.width];
  const same = (label: string, pair: Pair): DerivedValue => ({
    label,
    value: square(pair),
    reason: `As in block ${index + 1}: the same ${label.toLowerCase()} takes the same steps back.`,
    override: null,
    unlinked: false,
  });
  const values = [
    same('Kernel', block.kernel),
    same('Stride', block.stride),
    same('Padding', block.padding),
    {
      label: 'Output padding',
      value: square(outputPadding),
      reason: outputPaddingReason(block, input, convolved, outputPadding),
      override: null,
      unlinked: false,
    },
  ];
  if (unpool[0] > 1 || unpool[1] > 1) {
    const left = edge[0] > 0 || edge[1] > 0;
    values.push({
      label: 'Un-pooling',
      value: square(unpool),
      reason: `Block ${index + 1} pools ${formatPair(unpool)}, so every pixel is repeated ${formatPair(unpool)} times${left ? `; pooling left ${formatPair(edge)} rows and columns over, so the last ones are copied` : ''}.`,
      override: null,
      unlinked: false,
    });
  }
  return values;
}

/** @param count blocks in the design */
export function derivedValues(row: Row, count: number): DerivedValue[] {
  const { block, mirrored, index } = row;
  if (mirrored === null) return [];
  const stem = index === count - 1;
  const last = index === 0;
  const here = `block ${index + 1}`;
  const value = (
    override: keyof MirrorOverrides,
    label: string,
    text: string,
    reason: string,
  ): DerivedValue => {
    const unlinked = block.mirror[override] !== undefined;
    return {
      label,
      value: text,
      override,
      unlinked,
      reason: unlinked ? 'Set by hand. Link it again to have it derived.' : reason,
    };
  };
  const normReason = last
    ? 'None: this block gives the image itself, and normalising would take its colours and contrast.'
    : stem
      ? 'Batch norm: this block reads z, and normalising what it makes of it steadies all that follows.'
      : block.norm !== 'none'
        ? block.norm === mirrored.norm
          ? `As in ${here}.`
          : `Batch norm in the place of the ${block.norm} norm of ${here}: ${block.norm === 'layer' ? 'that one is for discriminators that have to judge each image for itself' : 'a single pixel cannot be normalised by itself'}.`
        : block.spectralNorm
          ? `Batch norm, because ${here} is normalised by spectral norm: that is made for discriminators, its mirror takes batch norm.`
          : `None, as in ${here}.`;
  const activationReason = last
    ? 'tanh, because the image has values from -1 to 1.'
    : block.activation.kind === 'leakyRelu'
      ? `relu, because a generator takes the plain unit where its discriminator takes the leaky one (DCGAN).`
      : stem && block.activation.kind === 'none'
        ? 'relu, because this block is not the last of the generator, though its mirror is the last of the discriminator.'
        : `As in ${here}.`;
  return [
    value(
      'outChannels',
      'Output channels',
      `${mirrored.output.channels}`,
      last
        ? `${mirrored.output.channels}, because this block gives the image, which has as many channels.`
        : `${mirrored.output.channels}, because ${here} reads as many: its mirror gives back what it took.`,
    ),
    ...sizes(row),
    ...(block.kind === 'conv' && enlarges(block)
      ? [
          value(
            'upsample',
            'Up-sampling',
            onOff(block.mirror.upsample ?? false),
            `Off: the transposed convolution inverts ${here} step by step. On, pixels are repeated and convolved instead, which leaves no checkerboard.`,
          ),
        ]
      : []),
    value('norm', 'Norm', mirrored.norm, normReason),
    value('activation', 'Activation', activationWords(mirrored.activation), activationReason),
    value(
      'bias',
      'Bias',
      onOff(mirrored.bias),
      centresChannels(mirrored.norm) && block.bias
        ? 'Off, because the norm would take away whatever it adds.'
        : `${mirrored.bias ? 'On' : 'Off'}, as in ${here}.`,
    ),
    value(
      'spectralNorm',
      'Spectral norm',
      onOff(mirrored.spectralNorm),
      'Off, because spectral norm tames a discriminator; a generator does without.',
    ),
    value(
      'dropout',
      'Dropout',
      `${mirrored.dropout}`,
      '0, because dropout would tear holes into the image that is drawn.',
    ),
  ];
}
