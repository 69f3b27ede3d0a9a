/** What training takes of a machine's memory. What cannot fit is refused before anything is set up: the system would end the process without a word. */
import { AppError } from './errors.ts';
import type { Design } from './gan/block.ts';
import type { DesignSummary } from './gan/summary.ts';
import { summary } from './gan/summary.ts';
import type { Hyperparameters } from './training.ts';

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

export interface MemoryNeed {
  /** Of {@link fixed}, what weights, their moments and gradients take. */
  state: number;
  /** What does not depend on the batch. */
  fixed: number;
  /** What each image of the batch adds. */
  perImage: number;
}

/** Numbers that training changes: both networks, two moments for each of their parameters, and the averaged generator's parameters. */
function stateNumbers({ discriminator, generator }: DesignSummary, averages: boolean): number {
  const [d, g] = [discriminator.parameters, generator.parameters];
  return 3 * (d + g) + discriminator.buffers + generator.buffers + (averages ? g : 0);
}

/**
 * What training on the CPU takes at its peak, in bytes: an estimate.
 * @throws AppError `design.does-not-fit`
 */
export function memoryNeed(design: Design, hyperparameters: Hyperparameters): MemoryNeed {
  const totals = summary(design);
  const { discriminator, generator } = totals;
  const state = bytesEach * states * stateNumbers(totals, hyperparameters.ema.halfLifeKimg !== null);
  // Two entries for each output pixel and tap: where a patch's pixel is, and what adds up to a pixel. The mirror shares them.
  const entries = discriminator.blocks.reduce(
    (sum, { multiplyAdds, input, output }) => sum + (2 * multiplyAdds) / (input.channels * output.channels),
    0,
  );
  // The discriminator keeps its reals and its fakes until both losses are known.
  const kept = Math.max(2 * discriminator.activations, discriminator.activations + generator.activations);
  return {
    state,
    fixed: processBytes + state + bytesEach * tableCopies * entries,
    perImage: bytesEach * overhead * kept,
  };
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
