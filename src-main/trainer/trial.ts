/** How long a training step takes here, found out by doing some. */
import { totalmem } from 'node:os';
import type { Design } from '../../src-shared/gan/block.ts';
import { requireMemory } from '../../src-shared/memory.ts';
import { requireTrainable } from '../../src-shared/readiness.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import { stepTime } from './engines/choose.ts';
import type { Engine } from './engines/engine.ts';
import { stepTrial } from './run-engine.ts';

/**
 * Seconds that a step of this design takes. Its images come from memory and not from a dataset, whose reading is a small part of a step.
 * @throws AppError what is wrong with the design or the settings, `memory.*`, `engine.*`
 */
export async function stepSeconds(
  design: Design,
  hyperparameters: Hyperparameters,
  engine: Engine,
): Promise<number> {
  const { image } = design.discriminator;
  requireTrainable(design, { settings: image, count: Infinity }, hyperparameters);
  requireMemory(design, hyperparameters, totalmem());
  return (await stepTime(engine, stepTrial({ design, hyperparameters, seed: 0 }))) / 1000;
}
