/**
 * Losses with all that belongs to them: what the field found to go together. Choosing one moves the settings and, where the loss wants
 * it, the norms of the discriminator; whatever it moves can be moved back one by one.
 */
import * as v from 'valibot';
import type { Training } from './combination.ts';
import { withoutBatchNorm } from './combination.ts';
import type { Block, Design } from './gan/block.ts';
import { lossWords, settingsInWords } from './setting-words.ts';
import type { Hyperparameters } from './training.ts';

export const RecipeName = v.picklist(['ns', 'ls', 'hinge', 'wgan', 'wgan-gp', 'r1']);
export type RecipeName = v.InferOutput<typeof RecipeName>;

/** The settings that a recipe decides; all others stay as they are. */
type Decided = Pick<
  Hyperparameters,
  'loss' | 'discriminatorSteps' | 'penalties' | 'weightClip' | 'labelSmoothing'
> &
  Pick<Hyperparameters['discriminator'], 'kind' | 'beta1' | 'beta2'> & {
    rates: readonly [discriminator: number, generator: number];
  };

interface Recipe {
  /** What people call it. */
  title: string;
  settings: Decided;
  /** What takes the place of batch norm in the discriminator; null: its norms stay. */
  norm: 'none' | 'layer' | 'spectral' | null;
}

const free = { gp: 0, r1: 0, r2: 0, every: 1 };
/** The DCGAN tutorial's, and the ground that the others differ from. */
const dcgan: Decided = {
  loss: 'ns',
  discriminatorSteps: 1,
  penalties: free,
  weightClip: null,
  labelSmoothing: 0,
  kind: 'adam',
  rates: [2e-4, 2e-4],
  beta1: 0.5,
  beta2: 0.999,
};

export const recipes: Record<RecipeName, Recipe> = {
  ns: { title: lossWords.ns, settings: dcgan, norm: null },
  ls: { title: lossWords.ls, settings: { ...dcgan, loss: 'ls' }, norm: null },
  /** SAGAN's: spectral norm, betas 0 and 0.9, a discriminator four times as fast (brain-research/self-attention-gan). */
  hinge: {
    title: 'hinge, spectral norm',
    settings: { ...dcgan, loss: 'hinge', rates: [4e-4, 1e-4], beta1: 0, beta2: 0.9 },
    norm: 'spectral',
  },
  /** martinarjovsky/WassersteinGAN main.py. */
  wgan: {
    title: 'Wasserstein, clipped weights',
    settings: {
      ...dcgan,
      loss: 'wasserstein',
      discriminatorSteps: 5,
      weightClip: 0.01,
      kind: 'rmsprop',
      rates: [5e-5, 5e-5],
      beta1: 0,
      beta2: 0.99,
    },
    norm: null,
  },
  /** igul222/improved_wgan_training gan_cifar.py. */
  'wgan-gp': {
    title: 'Wasserstein, gradient penalty',
    settings: {
      ...dcgan,
      loss: 'wasserstein',
      discriminatorSteps: 5,
      penalties: { ...free, gp: 10 },
      rates: [1e-4, 1e-4],
      beta1: 0.5,
      beta2: 0.9,
    },
    norm: 'layer',
  },
  /** Mescheder et al.: the original loss, smooth around the reals; taken every 16th step as in StyleGAN2, with its betas. */
  r1: {
    title: 'non-saturating, R1 penalty',
    settings: { ...dcgan, penalties: { ...free, r1: 10, every: 16 }, beta1: 0, beta2: 0.99 },
    norm: 'none',
  },
};

/** The recipe that settings come nearest to, by their loss and by what holds the discriminator back. */
export function recipeOf({ loss, penalties, weightClip }: Hyperparameters): RecipeName {
  if (loss === 'wasserstein') return penalties.gp > 0 || weightClip === null ? 'wgan-gp' : 'wgan';
  return loss === 'ns' && penalties.r1 > 0 ? 'r1' : loss;
}

/**
 * The training with a recipe's settings.
 * @param training its design has no errors
 * @returns and what was moved, in words: `beta1 of D: 0.5 → 0`
 */
export function withRecipe(training: Training, name: RecipeName): Training & { moved: string[] } {
  const { settings, norm } = recipes[name];
  const { kind, rates, beta1, beta2, ...others } = settings;
  const before = training.hyperparameters;
  const hyperparameters: Hyperparameters = {
    ...before,
    ...others,
    discriminator: { ...before.discriminator, kind, learningRate: rates[0], beta1, beta2 },
    generator: { ...before.generator, kind, learningRate: rates[1], beta1, beta2 },
  };
  const design = norm === null ? training.design : withoutBatchNorm(training.design, norm);
  const old = new Map(settingsInWords(before));
  const moved = settingsInWords(hyperparameters)
    .filter(([setting, value]) => old.get(setting) !== value)
    .map(([setting, value]) => `${setting}: ${old.get(setting)} → ${value}`);
  const count = ({ discriminator }: Design, has: (block: Block) => boolean) =>
    discriminator.blocks.filter(has).length;
  const batch = ({ norm: name }: Block) => name === 'batch';
  if (count(training.design, batch) > count(design, batch))
    moved.push(`batch norm of the discriminator: ${norm === 'layer' ? 'layer norm in its place' : 'off'}`);
  const spectral = ({ spectralNorm }: Block) => spectralNorm;
  if (count(training.design, spectral) < count(design, spectral))
    moved.push('spectral norm of the discriminator: on');
  return { design, hyperparameters, moved };
}
