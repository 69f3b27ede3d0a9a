/** What the design place calls things, and what it says of them to someone who asks. */
import type { Activation, NormName } from '../../../src-shared/gan/block.ts';
import { normShort, normWords } from '../../../src-shared/gan/norm.ts';

export const terms = {
  kimg: 'How long this machine takes to train on a thousand images with this design, batch and engine. Measured: a few steps were done while nothing else trained. Estimated: worked out by multiply-adds from the last design that was measured.',
  discriminator:
    'The network that looks at an image and says how real it takes it to be, in one number. It is the one that you design.',
  generator:
    'The network that makes an image out of z, random numbers. It learns to make images that the discriminator takes for real.',
  mirror:
    'Ganvas derives the generator from the discriminator: its blocks in reverse order, each convolution turned into a transposed one, so that every shape on the way down is met again on the way up.',
  z: 'The random numbers that the generator starts from. Every z becomes one image, and z that lie close together become images that look alike.',
  verdict: 'A number: above 0 means "real", below 0 means "fake", and the further away the surer.',
  shape:
    'Height x width x channels of what flows between two blocks. A channel is one learned way of looking at every place.',
  kernel: 'The window through which a convolution looks at its input, in pixels.',
  stride: 'How far the kernel moves from place to place. 2 halves the size of what comes out.',
  padding: 'Rows and columns of zeros around the input, so that the kernel reaches the border too.',
  channels: 'How many different things a block looks for: one channel of its output for each.',
  activation: 'The bend between two blocks. Without it, any number of them would do no more than one.',
  norm: 'Normalisation: values are brought to mean 0 and variance 1, then scaled and shifted as learned, which steadies training. Batch norm does it for each channel over the batch and is usual. Layer, group and instance norm look at each image alone (all channels, some, one), as gradient penalties want. Pixel norm gives every pixel the same length.',
  spectralNorm:
    'Spectral normalisation: the weights are scaled so that the block stretches nothing more than once. It keeps a discriminator from winning too fast.',
  minibatchStddev:
    'The block also reads how much the images of the batch differ from each other. A generator that draws the same image again and again is found out by that. Once, in one of the last blocks, is enough.',
  bias: 'A learned number that is added to each channel.',
  maxPool: 'Of every window only the largest value goes on. 1 switches it off.',
  dropout: 'In training, this share of the values is set to zero at random. 0 switches it off.',
  seen: 'Receptive field: how many pixels of the image one number of the output depends on.',
  multiplyAdds: 'One multiplication and one addition each: how much there is to compute for one image.',
  training:
    'What training takes of this machine’s memory at its peak, with the batch that is set in Train: an estimate.',
  memory:
    'What one image leaves in memory on its way through, needed again for the gradients (4 bytes a number).',
} as const;

export const activationNames: readonly (readonly [Activation['kind'], string])[] = [
  ['none', 'none'],
  ['leakyRelu', 'leaky ReLU'],
  ['relu', 'ReLU'],
  ['elu', 'ELU'],
  ['selu', 'SELU'],
  ['gelu', 'GELU'],
  ['swish', 'swish (SiLU)'],
  ['sigmoid', 'sigmoid'],
  ['tanh', 'tanh'],
];

export const normNames = Object.entries(normWords).map(([name, words]) => [name as NormName, words] as const);
/** What a short word on a block says in full: `k4 s2 p1`, `BN`, `leaky 0.2`. Empty where it says enough. */
export function chipWords(chip: string): string {
  const window = /^k(\S+) s(\S+) p(\S+)$/.exec(chip);
  if (window !== null) return `kernel ${window[1]!}, stride ${window[2]!}, padding ${window[3]!}`;
  const [first = '', value = ''] = chip.split(' ');
  const known: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      Object.entries(normShort).map(([name, short]) => [short, normWords[name as keyof typeof normShort]]),
    ),
    SN: 'spectral normalisation',
    leaky: `leaky ReLU: negative values times ${value}`,
    relu: 'ReLU: negative values become 0',
    tanh: 'tanh: every value between -1 and 1',
    pool: `max pooling over ${value}`,
    unpool: `the inverse of max pooling over ${value}`,
    out: `${value} rows and columns more, which make the size right`,
    drop: `dropout: this share of the values is 0 at random`,
    bias: 'a learned number added to each channel',
  };
  return known[first] ?? '';
}

const units = ['', ' k', ' M', ' G', ' T', ' P'];

/** 2765568 as `2.77 M`; three digits that count. */
export function formatCount(count: number): string {
  const power = count < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const scaled = count / 1000 ** power;
  return `${power === 0 ? scaled : Number(scaled.toPrecision(3))}${units[power]!}`;
}
