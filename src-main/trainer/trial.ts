/** How long a training step takes here, found out by doing some. */
import { totalmem } from 'node:os';
import type { Design } from '../../src-shared/gan/block.ts';
import { size } from '../../src-shared/gan/shape.ts';
import { requireTrainable } from '../../src-shared/readiness.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import type { Engine } from './engines/engine.ts';
import { requireMemory } from './memory.ts';
import { initialState } from './parameters.ts';
import { Random } from './random.ts';
import { drawInputs, stepPlan } from './train-step.ts';
import { prepareStep } from './training-loop.ts';

/** Seconds of steps that are enough to tell. */
const enough = 2;
const seed = 0;

/**
 * Seconds that a step of this design takes, the median of some. The first one, which also makes room, counts only where it alone takes so long
 * that no other is done. Images come from memory and not from a dataset, whose reading is a small part of a step.
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
  const { batch, ema, initStddev } = hyperparameters;
  const plan = stepPlan(design, hyperparameters);
  const program = await prepareStep(engine, plan);
  try {
    program.write(initialState(design, seed, ema.halfLifeKimg !== null, initStddev));
    const reals = new Random(seed, 'latents').normal(new Float32Array(batch * size(image)));
    const seconds: number[] = [];
    const started = performance.now();
    let step = 0;
    while (step === 0 || performance.now() - started < enough * 1000) {
      step += 1;
      const before = performance.now();
      await program.run({ reals, ...drawInputs(plan, seed, step, (step - 1) * batch) });
      seconds.push((performance.now() - before) / 1000);
    }
    const counted = seconds.length > 1 ? seconds.slice(1) : seconds;
    return counted.sort((a, b) => a - b)[Math.floor(counted.length / 2)]!;
  } finally {
    await program.dispose();
  }
}
