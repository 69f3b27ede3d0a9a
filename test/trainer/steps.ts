/** A few training steps on an engine, without files. */
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import type { Arrays } from '../../src-main/trainer/parameters.ts';
import { elements, initialState, stateTensors } from '../../src-main/trainer/parameters.ts';
import { drawInputs, stepInputs } from '../../src-main/trainer/step-inputs.ts';
import { stepPlan } from '../../src-main/trainer/step-plan.ts';
import { trainStep } from '../../src-main/trainer/train-step.ts';
import type { Case } from './designs.ts';
import { difference, largest, numbers } from './measure.ts';

const seed = 11;

export interface Outcome {
  /** Of each step. */
  losses: Float32Array[];
  state: Arrays;
}

/**
 * @param nudges each moves every number that the run starts from, Adam's moments excepted, by about this, randomly
 */
export async function runSteps(
  engine: Engine,
  { design, hyperparameters }: Case,
  steps: number,
  nudges: readonly number[] = [],
): Promise<Outcome> {
  const plan = stepPlan(design, hyperparameters);
  const ema = hyperparameters.ema.halfLifeKimg !== null;
  const inputs = stepInputs(plan);
  const program = await engine.prepare(
    (state, given) => {
      const { state: next, losses } = trainStep(plan, state, given);
      return { state: next, outputs: { losses } };
    },
    stateTensors(design, ema),
    inputs,
  );
  const start = initialState(design, seed, ema, hyperparameters.initStddev);
  for (const [name, values] of Object.entries(start)) {
    if (name.startsWith('adam.') || name.endsWith('.variance')) continue;
    nudges.forEach((nudge, j) => {
      const by = numbers(`nudge ${j} ${name}`, values.length, nudge);
      by.forEach((change, i) => (values[i]! += change));
    });
  }
  program.write(start);
  const losses: Float32Array[] = [];
  const size = elements(inputs.find(({ name }) => name === 'reals')!.shape);
  for (let step = 1; step <= steps; step += 1) {
    const reals = numbers(`reals ${step}`, size, 0.5);
    const given = drawInputs(plan, seed, step, (step - 1) * hyperparameters.batch);
    const outputs = await program.run({ reals, ...given });
    losses.push(outputs['losses']!.slice());
  }
  const state = await program.read();
  await program.dispose();
  return { losses, state };
}

/**
 * The scale below which a tensor's numbers are not compared among themselves. Rounding in a gradient is that of its summands, which may
 * cancel (always so for a bias in front of batch norm, and nearly so for the last bias, on reals and fakes): moments are measured
 * with a hundredth of the network's largest, parameters that start at zero with the learning rate, Adam's longest step.
 */
function scaleOf(name: string, { hyperparameters }: Case, expected: Arrays, least: number): number {
  const [, kind, network] = /^(adam\.[mv]\.|ema\.)?(discriminator|generator)\./.exec(name) as unknown as [
    string,
    string | undefined,
    'discriminator' | 'generator',
  ];
  if (kind === undefined || kind === 'ema.') return hyperparameters[network].learningRate;
  const all = Object.keys(expected).filter((other) => other.startsWith(`${kind}${network}.`));
  const most = Math.max(...all.map((other) => largest(expected[other]!)));
  return kind === 'adam.m.' ? Math.max(most / 100, least) : Math.max(most / 10_000, least ** 2);
}

/**
 * How far each tensor (and each step's losses) is from the expected one, relative to its scale.
 * @param least scale of gradients below which they are nothing but rounding
 */
export function distances(
  given: Case,
  actual: Outcome,
  expected: Outcome,
  least = 0,
): Record<string, number> {
  const found: Record<string, number> = {};
  expected.losses.forEach((losses, i) => (found[`losses ${i + 1}`] = difference(actual.losses[i]!, losses)));
  for (const [name, values] of Object.entries(expected.state)) {
    found[name] = difference(actual.state[name] ?? [], values, scaleOf(name, given, expected.state, least));
  }
  for (const name of Object.keys(actual.state)) found[name] ??= Infinity;
  return found;
}

/** The distances above `allowed`. */
export function beyond(
  found: Record<string, number>,
  allowed: (name: string) => number,
): Record<string, number> {
  return Object.fromEntries(Object.entries(found).filter(([name, apart]) => !(apart <= allowed(name))));
}
