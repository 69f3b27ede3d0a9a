/** How long a training step takes here, found out by doing some. */
import type { Design } from '../../src-shared/gan/block.ts';
import { requireMemory } from '../../src-shared/memory.ts';
import { requireTrainable } from '../../src-shared/readiness.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import { trySteps } from './engines/choose.ts';
import type { Engine } from './engines/engine.ts';
import { machineMemory } from './memory.ts';
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
  if (engine.memoryBytes === null) requireMemory(design, hyperparameters, machineMemory());
  return (await trySteps(engine, stepTrial({ design, hyperparameters, seed: 0 }))).time / 1000;
}
