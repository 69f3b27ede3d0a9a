/** Tiny designs that together have every part a generator can have, and trained states of them. */
import type { Checkpoint } from '../../src-main/trainer/checkpoint.ts';
import { initialState } from '../../src-main/trainer/parameters.ts';
import { Random } from '../../src-main/trainer/random.ts';
import type { Activation, Design } from '../../src-shared/gan/block.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { design } from '../trainer/designs.ts';

const kinds = ['none', 'relu', 'elu', 'selu', 'gelu', 'swish', 'sigmoid', 'tanh'] as const;
const activations: Activation[] = [...kinds.map((kind) => ({ kind })), { kind: 'leakyRelu', slope: 0.2 }];
const leaky: Activation = { kind: 'leakyRelu', slope: 0.2 };

/** Every block of the generator, the last one included, has the activation; one is normalised, one has a bias instead. */
const withActivation = (activation: Activation) =>
  design([6, 6, 1], 4, [
    { outChannels: 3, mirror: { activation, bias: true } },
    {
      outChannels: 4,
      kernel: [3, 3],
      stride: [1, 1],
      padding: [0, 0],
      mirror: { activation, norm: 'none', bias: true },
    },
    { outFeatures: 1, mirror: { activation } },
  ]);

export const spread: Record<string, Design> = {
  ...Object.fromEntries(activations.map((activation) => [activation.kind, withActivation(activation)])),
  'DCGAN, colour': design([8, 8, 3], 5, [
    { outChannels: 4, activation: leaky },
    { outChannels: 6, norm: 'batch', activation: leaky },
    { outChannels: 1, kernel: [2, 2], stride: [1, 1], padding: [0, 0] },
  ]),
  '7 to 4 to 7, not square, not symmetric': design([7, 9, 2], 3, [
    { outChannels: 4, kernel: [3, 2], stride: [2, 3], padding: [1, 0], activation: leaky },
    { outChannels: 1, kernel: [4, 3], stride: [1, 1], padding: [0, 0] },
  ]),
  'output padding beyond the kernel: kernel 1, stride 3': design([9, 8, 1], 3, [
    { outChannels: 3, kernel: [1, 1], stride: [3, 3], padding: [0, 0], bias: true, activation: leaky },
    { outFeatures: 1 },
  ]),
  'output padding beyond the stride: kernel 3, stride 4': design([10, 11, 1], 3, [
    { outChannels: 3, kernel: [3, 2], stride: [4, 4], padding: [0, 0], bias: true, activation: leaky },
    {
      outChannels: 2,
      kernel: [2, 2],
      stride: [1, 1],
      padding: [0, 0],
      mirror: { activation: { kind: 'tanh' } },
    },
    { outFeatures: 1 },
  ]),
  'padding beyond the kernel': design([5, 4, 1], 3, [
    { outChannels: 3, kernel: [2, 1], stride: [2, 1], padding: [2, 2], bias: true, activation: leaky },
    { outFeatures: 1 },
  ]),
  'un-pooling with edges, powers of two': design([11, 7, 4], 4, [
    { outChannels: 3, kernel: [3, 3], stride: [1, 1], activation: leaky, maxPool: [4, 2] },
    { outChannels: 4, kernel: [2, 2], stride: [1, 1], padding: [1, 1], norm: 'batch', maxPool: [2, 1] },
    { outFeatures: 1 },
  ]),
  'un-pooling with edges, other factors': design([17, 9, 1], 4, [
    { outChannels: 3, kernel: [3, 3], stride: [1, 1], padding: [1, 1], activation: leaky, maxPool: [3, 1] },
    { outChannels: 4, kernel: [2, 2], stride: [1, 1], padding: [0, 0], bias: true, maxPool: [1, 5] },
    { outFeatures: 1 },
  ]),
  'un-pooling by 49': design([99, 1, 1], 2, [
    { outChannels: 2, kernel: [1, 1], stride: [1, 1], padding: [0, 0], activation: leaky, maxPool: [49, 1] },
    { outFeatures: 1 },
  ]),
  'a stem and a chain of fully connected blocks': design([4, 6, 2], 3, [
    { outChannels: 3, activation: leaky },
    { outFeatures: 7, norm: 'batch', bias: true, activation: leaky },
    { outFeatures: 5, activation: { kind: 'elu' }, mirror: { norm: 'none' } },
    { outFeatures: 1, bias: false },
  ]),
  ...Object.fromEntries(
    (['layer', 'group', 'instance', 'pixel'] as const).map((norm) => [
      `${norm} norm`,
      design([16, 12, 3], 4, [
        { outChannels: 4, activation: leaky, mirror: { norm, outChannels: 3 } },
        { outChannels: 8, activation: leaky, mirror: { norm, outChannels: 8 } },
        { outFeatures: 6, mirror: { norm } },
        { outFeatures: 1, mirror: { norm: norm === 'instance' ? 'none' : norm } },
      ]),
    ]),
  ),
  'up-sampling and convolution, with rows too many and too few': design([11, 14, 2], 4, [
    { outChannels: 3, activation: leaky, mirror: { upsample: true } },
    {
      outChannels: 4,
      kernel: [3, 4],
      stride: [3, 3],
      padding: [1, 0],
      bias: true,
      activation: leaky,
      mirror: { upsample: true, norm: 'none' },
    },
    { outChannels: 1, kernel: [2, 2], stride: [1, 1], padding: [0, 0], mirror: { upsample: true } },
  ]),
  'fully connected alone': design([3, 5, 4], 6, [{ outFeatures: 9, activation: leaky }, { outFeatures: 1 }]),
  'one fully connected block, one pixel': design([1, 1, 3], 2, [{ outFeatures: 1 }]),
  'one convolution': design([4, 3, 1], 3, [
    { outChannels: 1, kernel: [4, 3], stride: [1, 1], padding: [0, 0] },
  ]),
  'spectral norm and dropout in the generator': design([8, 8, 1], 4, [
    { outChannels: 3, activation: leaky, mirror: { spectralNorm: true, dropout: 0.3 } },
    { outChannels: 4, activation: leaky, mirror: { spectralNorm: true, norm: 'batch' } },
    { outFeatures: 6, mirror: { spectralNorm: true, norm: 'none', bias: true, dropout: 0.5 } },
    { outFeatures: 1, mirror: { spectralNorm: true } },
  ]),
  'widened by hand': design([8, 6, 3], 4, [
    { outChannels: 4, activation: leaky },
    { outChannels: 5, norm: 'batch', activation: leaky, mirror: { outChannels: 7, bias: true } },
    { outFeatures: 1, mirror: { outChannels: 3 } },
  ]),
};

/** A checkpoint as if it had been trained: all that is learnt is random, and none of it is what it started from. */
export function trainedCheckpoint(of: Design, seed = 7, ema = true): Checkpoint {
  const defaults = defaultHyperparameters();
  const hyperparameters = ema ? defaults : { ...defaults, ema: { ...defaults.ema, halfLifeKimg: null } };
  const state = initialState(of, seed, ema, 0.4);
  for (const [name, values] of Object.entries(state)) {
    const random = new Random(seed, `trained ${name}`);
    if (name.endsWith('.bias') || name.endsWith('.beta')) random.normal(values, 0, 0.3);
    if (name.startsWith('ema.') && name.endsWith('.weight')) random.normal(values, 0, 0.4);
  }
  const dataset = { fingerprint: 'f'.repeat(64), count: 1000 };
  const info = {
    step: 1234,
    imagesSeen: 78976,
    trainingSeconds: 60,
    seed,
    design: of,
    hyperparameters,
    dataset,
    engine: 'onnx',
  };
  return { info, state };
}
