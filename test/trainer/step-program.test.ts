/** Steps with penalties between steps without, over one state. */
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import type { Arrays } from '../../src-main/trainer/parameters.ts';
import { elements, initialState } from '../../src-main/trainer/parameters.ts';
import { prepareStep } from '../../src-main/trainer/step-program.ts';
import { stepInputs } from '../../src-main/trainer/step-inputs.ts';
import { isPenalised, stepPlan } from '../../src-main/trainer/step-plan.ts';
import { imagesPerStep } from '../../src-shared/training.ts';
import { design, settings } from './designs.ts';
import { webgpu } from './graphics.ts';
import { difference, largest, numbers, reference } from './measure.ts';

const given = design([8, 8, 1], 3, [
  { outChannels: 3, activation: { kind: 'swish' } },
  { outFeatures: 4, activation: { kind: 'tanh' } },
  { outFeatures: 1 },
]);
const seed = 3;
const withR1 = (r1: number, every: number) => settings({ penalties: { gp: 0, r1, r2: 0, every } });

async function after(engine: Engine, steps: number, r1: number, every: number): Promise<Arrays> {
  const hyperparameters = withR1(r1, every);
  const plan = stepPlan(given, hyperparameters);
  const program = await prepareStep(engine, plan, seed);
  program.write(initialState(given, seed, true, 0.4));
  const size = elements(stepInputs(plan)[0]!.shape);
  for (let step = 1; step <= steps; step += 1) {
    const { losses } = await program.run(
      step,
      (step - 1) * imagesPerStep(hyperparameters),
      numbers(`reals ${step}`, size, 0.5),
    );
    expect(losses.every(Number.isFinite)).toBe(true);
  }
  const state = await program.read();
  await program.dispose();
  return state;
}

function furthest(a: Arrays, b: Arrays): number {
  expect(Object.keys(a).sort()).toEqual(Object.keys(b).sort());
  return Math.max(
    ...Object.entries(a).map(([name, values]) => difference(values, b[name]!, largest(b[name]!))),
  );
}

const card = await webgpu();

describe('lazy penalties', { timeout: 60_000 }, () => {
  test('are taken in the first step and in every so many after it', () => {
    const plan = stepPlan(given, withR1(1, 3));
    const steps = [1, 2, 3, 4, 5, 6, 7];
    expect(steps.filter((step) => isPenalised(plan, step))).toEqual([1, 4, 7]);
    expect(steps.some((step) => isPenalised(stepPlan(given, withR1(0, 3)), step))).toBe(false);
    expect(plan.penalties).toEqual([['r1', 3]]);
  });

  test('weigh as many times as much, and leave the steps between alone', async () => {
    const engine = onnxEngine(1);
    expect(furthest(await after(engine, 1, 1, 3), await after(engine, 1, 3, 1))).toBeLessThan(1e-6);
    const lazy = await after(engine, 3, 1, 3);
    expect(furthest(lazy, await after(engine, 3, 3, 1))).toBeGreaterThan(1e-3);
    expect(furthest(lazy, await after(engine, 3, 0, 3))).toBeGreaterThan(1e-3);
  });

  test('are the same on every engine: one state for both kinds of steps', async () => {
    const expected = await after(await reference(), 5, 1, 3);
    expect(furthest(await after(onnxEngine(2), 5, 1, 3), expected)).toBeLessThan(1e-4);
  });

  test.skipIf(card.engine === null)('and on a graphics card', { timeout: 300_000 }, async () => {
    const expected = await after(await reference(), 5, 1, 3);
    expect(furthest(await after(card.engine!, 5, 1, 3), expected)).toBeLessThan(1e-4);
  });
});
