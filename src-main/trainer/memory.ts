/** Refuses what cannot fit into memory before anything is set up: the system would end the process without a word. */
import { totalmem } from 'node:os';
import { AppError } from '../../src-shared/errors.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import { summary } from '../../src-shared/gan/summary.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import { elements, stateTensors } from './parameters.ts';

const bytesEach = 4;
const mega = 2 ** 20;

/** A trainer that has recorded its step and holds nothing else. */
const processBytes = 190 * mega;
/** What a step reads, what it writes, and as much again for gradients and for the copy that a checkpoint or a sample is made from. */
const states = 3;
/**
 * Numbers in memory for each that the backward passes must keep: matrices of patches, gradients on their way, and what lies idle between
 * them. Measured: the peaks of DCGANs of 32 to 1024 pixels are 0.9 to 1.1 times what this and the other numbers here give.
 */
const overhead = 3.5;
/** Index tables while a graph is handed over: as recorded, as written, as read. */
const tableCopies = 3;

interface Need {
  /** What does not depend on the batch. */
  fixed: number;
  /** What each image of the batch adds. */
  perImage: number;
}

/** What training on the CPU takes at its peak, in bytes: an estimate. */
export function memoryNeed(design: Design, hyperparameters: Hyperparameters): Need {
  const tensors = stateTensors(design, hyperparameters.ema.halfLifeKimg !== null);
  const numbers = tensors.reduce((sum, { shape }) => sum + elements(shape), 0);
  const { discriminator, generator } = summary(design);
  // Two entries for each output pixel and tap: where a patch's pixel is, and what adds up to a pixel. The mirror shares them.
  const entries = discriminator.blocks.reduce(
    (sum, { multiplyAdds, input, output }) => sum + (2 * multiplyAdds) / (input.channels * output.channels),
    0,
  );
  // The discriminator keeps its reals and its fakes until both losses are known.
  const kept = Math.max(2 * discriminator.activations, discriminator.activations + generator.activations);
  return {
    fixed: processBytes + bytesEach * (states * numbers + tableCopies * entries),
    perImage: bytesEach * overhead * kept,
  };
}

/** Bytes that a process may take here: the machine's, or what a container leaves of them. */
export function machineMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}

/** The largest batch that {@link memoryNeed} lets fit into so many bytes; 0 when not one image does. */
export function fittingBatch(design: Design, hyperparameters: Hyperparameters, total: number): number {
  const { fixed, perImage } = memoryNeed(design, hyperparameters);
  return Math.max(0, Math.floor((total - fixed) / perImage));
}

/**
 * @param total bytes of memory of this machine
 * @throws AppError `training.too-large` naming the batch that would fit, if any
 */
export function requireMemory(design: Design, hyperparameters: Hyperparameters, total: number): void {
  const { fixed, perImage } = memoryNeed(design, hyperparameters);
  const needed = fixed + hyperparameters.batch * perImage;
  if (needed <= total) return;
  const giga = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GB`;
  const batch = fittingBatch(design, hyperparameters, total);
  const hint =
    batch >= 1
      ? `A batch of ${batch} could fit, at the very most.`
      : 'No batch would fit: take fewer channels or smaller kernels.';
  throw new AppError(
    'training.too-large',
    `Training this design with a batch of ${hyperparameters.batch} needs about ${giga(needed)} of memory, and this machine has ${giga(total)}. ${hint}`,
    { needed, total },
  );
}
