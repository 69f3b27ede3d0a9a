/** Tiny designs that together have every part a block can have. The yardstick computes a multiply-add in some ten nanoseconds. */
import type { Activation, Block, ConvBlock, DenseBlock, Design } from '../../src-shared/gan/block.ts';
import { convBlock, denseBlock } from '../../src-shared/gan/block.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';

export interface Case {
  design: Design;
  hyperparameters: Hyperparameters;
}

type Conv = Partial<Omit<ConvBlock, 'id' | 'kind'>> & { outChannels: number };
type Dense = Partial<Omit<DenseBlock, 'id' | 'kind'>> & { outFeatures: number };

export function design(
  image: [height: number, width: number, channels: number],
  latentDim: number,
  parts: readonly (Conv | Dense)[],
): Design {
  const [height, width, channels] = image;
  const blocks = parts.map((part, i): Block => {
    const id = `b${i + 1}`;
    return 'outFeatures' in part ? denseBlock({ id, ...part }) : convBlock({ id, ...part });
  });
  return { name: 'tiny', latentDim, discriminator: { image: { height, width, channels }, blocks } };
}

/**
 * Settings under which rounding stays small. Adam's first steps move by about sign(gradient): where a gradient is zero but for rounding, two
 * correct computations go opposite ways. An epsilon far above such gradients and below the others makes the step continuous
 * there; the moments, which are compared too, show the gradients themselves. Large kernels keep the gradients far above the rounding.
 */
export function settings(changed: Partial<Hyperparameters> = {}): Hyperparameters {
  const { generator } = defaultHyperparameters();
  const adam = { ...generator, learningRate: 0.01, beta1: 0.5, beta2: 0.999, epsilon: 0.01 };
  return {
    ...defaultHyperparameters(),
    batch: 4,
    discriminator: adam,
    generator: { ...adam, learningRate: 0.02 },
    ema: { halfLifeKimg: 0.01, rampUp: 0.5 },
    initStddev: 0.4,
    ...changed,
  };
}

const kinds = ['none', 'relu', 'elu', 'selu', 'gelu', 'swish', 'sigmoid', 'tanh'] as const;
const activations: Activation[] = [...kinds.map((kind) => ({ kind })), { kind: 'leakyRelu', slope: 0.2 }];
const leaky: Activation = { kind: 'leakyRelu', slope: 0.1 };

function withActivation(activation: Activation): Case {
  // Without an activation in between, batch norm would take away what the generator's shifts add: a true gradient of zero.
  const norm = activation.kind === 'none' ? 'none' : 'batch';
  return {
    design: design([8, 8, 1], 4, [
      { outChannels: 3, activation, mirror: { activation } },
      { outChannels: 4, norm, activation, mirror: { activation } },
      { outFeatures: 1, mirror: { activation } },
    ]),
    hyperparameters: settings(),
  };
}

export const spread: Record<string, Case> = {
  ...Object.fromEntries(
    activations.map((activation) => [`activation ${activation.kind}`, withActivation(activation)]),
  ),
  'elu, selu and gelu in turn': {
    design: design([8, 8, 1], 4, [
      { outChannels: 3, activation: { kind: 'elu' }, mirror: { activation: { kind: 'gelu' } } },
      { outChannels: 4, activation: { kind: 'selu' }, mirror: { activation: { kind: 'elu' } } },
      { outFeatures: 5, activation: { kind: 'gelu' }, mirror: { activation: { kind: 'selu' } } },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings(),
  },
  'leaky ReLU at its ends': {
    design: design([4, 4, 1], 2, [
      { outChannels: 2, activation: { kind: 'leakyRelu', slope: 1 } },
      {
        outChannels: 2,
        activation: { kind: 'leakyRelu', slope: 0 },
        mirror: { activation: { kind: 'leakyRelu', slope: 1 } },
      },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings({ batch: 4 }),
  },
  'DCGAN, least squares': {
    design: design([8, 8, 3], 5, [
      { outChannels: 4, activation: leaky },
      { outChannels: 6, norm: 'batch', activation: leaky },
      { outChannels: 1, kernel: [2, 2], stride: [1, 1], padding: [0, 0] },
    ]),
    hyperparameters: settings({ loss: 'ls', batch: 5 }),
  },
  'spectral norm in the discriminator, hinge': {
    design: design([8, 8, 2], 4, [
      { outChannels: 4, spectralNorm: true, bias: true, activation: leaky },
      { outChannels: 5, spectralNorm: true, bias: true, activation: leaky },
      { outFeatures: 6, spectralNorm: true, activation: leaky },
      { outFeatures: 1, spectralNorm: true },
    ]),
    hyperparameters: settings({ loss: 'hinge', batch: 2 }),
  },
  'spectral norm in the generator': {
    design: design([8, 8, 1], 4, [
      { outChannels: 3, activation: leaky, mirror: { spectralNorm: true } },
      { outChannels: 4, activation: leaky, mirror: { spectralNorm: true, norm: 'batch' } },
      { outFeatures: 1, mirror: { spectralNorm: true, norm: 'none', bias: true } },
    ]),
    hyperparameters: settings({ batch: 4 }),
  },
  'dropout in both': {
    design: design([6, 5, 1], 4, [
      {
        outChannels: 3,
        kernel: [3, 3],
        activation: leaky,
        dropout: 0.3,
        maxPool: [2, 1],
        mirror: { dropout: 0.1 },
      },
      { outFeatures: 5, activation: leaky, dropout: 0.5, mirror: { dropout: 0.25 } },
      { outFeatures: 1, mirror: { dropout: 0.5 } },
    ]),
    hyperparameters: settings(),
  },
  'max pooling with remainders': {
    design: design([9, 7, 1], 4, [
      { outChannels: 3, kernel: [3, 3], stride: [1, 1], activation: leaky, maxPool: [2, 3] },
      {
        outChannels: 4,
        kernel: [2, 2],
        stride: [1, 1],
        padding: [1, 1],
        norm: 'batch',
        activation: leaky,
        maxPool: [3, 2],
      },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings({ batch: 3 }),
  },
  'a dense tail': {
    design: design([4, 6, 2], 3, [
      { outChannels: 3, activation: leaky },
      { outFeatures: 7, norm: 'batch', bias: true, activation: leaky },
      { outFeatures: 5, activation: { kind: 'elu' } },
      { outFeatures: 1, bias: false },
    ]),
    hyperparameters: settings({ batch: 5 }),
  },
  'dense alone': {
    design: design([3, 4, 1], 3, [{ outFeatures: 6, activation: leaky }, { outFeatures: 1 }]),
    hyperparameters: settings({ loss: 'ls' }),
  },
  'a single block': {
    design: design([4, 3, 1], 3, [
      { outChannels: 1, kernel: [4, 3], stride: [1, 1], padding: [0, 0], bias: true },
    ]),
    hyperparameters: settings({ loss: 'hinge' }),
  },
  'nothing square': {
    design: design([11, 7, 4], 3, [
      { outChannels: 3, kernel: [3, 5], stride: [2, 3], padding: [1, 2], activation: leaky },
      { outChannels: 2, kernel: [4, 1], stride: [3, 1], padding: [0, 1], norm: 'batch', activation: leaky },
      { outChannels: 1, kernel: [1, 5], stride: [1, 2], padding: [0, 0], bias: true },
    ]),
    hyperparameters: settings(),
  },
  'padding as wide as the kernel and wider': {
    design: design([5, 4, 1], 3, [
      { outChannels: 3, kernel: [2, 3], stride: [2, 1], padding: [2, 4], activation: leaky },
      { outChannels: 3, kernel: [1, 2], stride: [3, 3], padding: [1, 3], norm: 'batch', activation: leaky },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings(),
  },
  '1x1 kernels': {
    design: design([4, 4, 3], 3, [
      { outChannels: 4, kernel: [1, 1], stride: [1, 1], padding: [0, 0], activation: leaky },
      { outChannels: 3, kernel: [1, 1], stride: [2, 2], padding: [0, 0], norm: 'batch', activation: leaky },
      { outChannels: 1, kernel: [2, 2], stride: [1, 1], padding: [0, 0] },
    ]),
    hyperparameters: settings({ ema: { halfLifeKimg: null, rampUp: null } }),
  },
  'strides longer than the kernel, output padding': {
    design: design([10, 11, 1], 3, [
      { outChannels: 3, kernel: [2, 2], stride: [3, 4], padding: [0, 0], activation: leaky },
      { outChannels: 3, kernel: [2, 1], stride: [3, 3], padding: [1, 0], norm: 'batch', activation: leaky },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings({ ema: { halfLifeKimg: 0.02, rampUp: null } }),
  },
  'a generator of its own widths': {
    design: design([8, 8, 1], 4, [
      { outChannels: 3, activation: leaky, mirror: { norm: 'batch', activation: { kind: 'sigmoid' } } },
      {
        outChannels: 4,
        norm: 'batch',
        bias: true,
        activation: leaky,
        mirror: { outChannels: 5, bias: true },
      },
      { outFeatures: 1, mirror: { outChannels: 2, norm: 'none', bias: false } },
    ]),
    hyperparameters: settings({ batch: 4 }),
  },
  'Wasserstein, gradient penalty, three updates with noise and dropout': {
    design: design([8, 8, 1], 4, [
      { outChannels: 3, activation: leaky, mirror: { norm: 'none', dropout: 0.2 } },
      { outChannels: 4, bias: true, activation: leaky, dropout: 0.3, mirror: { norm: 'batch' } },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings({
      loss: 'wasserstein',
      discriminatorSteps: 3,
      penalties: { gp: 1, r1: 0, r2: 0, every: 1 },
      instanceNoise: { stddev: 0.2, fadeKimg: 0.1 },
    }),
  },
  'clipped weights': {
    design: design([8, 8, 1], 4, [
      { outChannels: 3, activation: leaky },
      { outChannels: 4, norm: 'batch', activation: leaky },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings({ loss: 'wasserstein', weightClip: 0.3, discriminatorSteps: 2 }),
  },
  'R1 and R2 through every part, smoothed labels': {
    design: design([9, 9, 2], 4, [
      { outChannels: 3, spectralNorm: true, activation: { kind: 'elu' }, maxPool: [2, 2] },
      { outChannels: 4, kernel: [3, 3], norm: 'batch', activation: { kind: 'selu' } },
      { outFeatures: 5, activation: { kind: 'tanh' }, dropout: 0.2 },
      { outFeatures: 1, spectralNorm: true },
    ]),
    hyperparameters: settings({ penalties: { gp: 0, r1: 0.1, r2: 0.2, every: 1 }, labelSmoothing: 0.1 }),
  },
  'RMSprop and AdamW, gradients clipped': {
    design: design([8, 8, 1], 4, [
      { outChannels: 3, activation: leaky },
      { outChannels: 4, norm: 'batch', activation: leaky },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings({
      discriminator: { ...settings().discriminator, kind: 'rmsprop', clipNorm: 0.1 },
      generator: { ...settings().generator, kind: 'adamw', weightDecay: 0.5 },
    }),
  },
  'SGD with and without momentum': {
    design: design([8, 8, 1], 4, [
      { outChannels: 3, activation: leaky },
      { outChannels: 4, norm: 'batch', activation: leaky },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings({
      discriminator: { ...settings().discriminator, kind: 'sgd' },
      generator: { ...settings().generator, kind: 'sgd', beta1: 0, clipNorm: 0.1 },
    }),
  },
  ...Object.fromEntries(
    (['layer', 'group', 'instance', 'pixel'] as const).map((norm): [string, Case] => [
      `${norm} norm in both, R1`,
      {
        design: design([8, 8, 2], 4, [
          { outChannels: 4, norm, activation: leaky },
          { outChannels: 8, norm, activation: { kind: 'swish' }, mirror: { norm } },
          { outFeatures: 6, norm: norm === 'instance' ? 'none' : norm, activation: leaky, mirror: { norm } },
          { outFeatures: 1 },
        ]),
        hyperparameters: settings({ penalties: { gp: 0, r1: 0.1, r2: 0, every: 1 } }),
      },
    ]),
  ),
  'up-sampling and convolution in the generator': {
    design: design([11, 8, 1], 4, [
      { outChannels: 3, activation: leaky, mirror: { upsample: true } },
      { outChannels: 4, norm: 'batch', activation: leaky, maxPool: [1, 2], mirror: { upsample: true } },
      { outFeatures: 1 },
    ]),
    hyperparameters: settings(),
  },
  'minibatch standard deviation': {
    design: design([8, 8, 1], 4, [
      { outChannels: 3, activation: leaky },
      { outChannels: 4, norm: 'batch', minibatchStddev: true, activation: leaky },
      { outFeatures: 5, minibatchStddev: true, spectralNorm: true, activation: leaky },
      { outFeatures: 1, minibatchStddev: true },
    ]),
    hyperparameters: settings({ penalties: { gp: 0, r1: 0.1, r2: 0, every: 1 } }),
  },
};
