/** Refuses what cannot fit into memory before anything is set up: the system would end the process without a word. */
import { AppError } from '../../src-shared/errors.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import { summary } from '../../src-shared/gan/summary.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import { elements, stateTensors } from './parameters.ts';

const bytesEach = 4;

interface Need {
  /** Both sets of the state: what a step reads, and what it writes. */
  state: number;
  /** What the backward passes of one step keep, for each image of the batch. */
  perImage: number;
}

/** The least that training can do with, in bytes; real engines take up to twice as much. */
export function memoryNeed(design: Design, hyperparameters: Hyperparameters): Need {
  const tensors = stateTensors(design, hyperparameters.ema.halfLifeKimg !== null);
  const numbers = tensors.reduce((sum, { shape }) => sum + elements(shape), 0);
  const { discriminator, generator } = summary(design);
  // The discriminator keeps its reals and its fakes until both losses are known.
  const perImage = Math.max(2 * discriminator.activations, discriminator.activations + generator.activations);
  return { state: 2 * bytesEach * numbers, perImage: bytesEach * perImage };
}

/**
 * @param total bytes of memory of this machine
 * @throws AppError `training.too-large` naming the batch that would fit, if any
 */
export function requireMemory(design: Design, hyperparameters: Hyperparameters, total: number): void {
  const { state, perImage } = memoryNeed(design, hyperparameters);
  const needed = state + hyperparameters.batch * perImage;
  if (needed <= total) return;
  const giga = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GB`;
  const batch = Math.floor((total - state) / perImage);
  const hint =
    batch >= 1
      ? `A batch of ${batch} could fit, at the very most.`
      : 'No batch would fit: take fewer channels or smaller kernels.';
  throw new AppError(
    'training.too-large',
    `Training this design with a batch of ${hyperparameters.batch} needs at least ${giga(needed)} of memory, and this machine has ${giga(total)}. ${hint}`,
    { needed, total },
  );
}
