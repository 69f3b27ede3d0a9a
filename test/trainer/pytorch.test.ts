/**
 * One whole training step against PyTorch. `fixtures/pytorch.json` holds what PyTorch gave (with GANVAS_RECORD=1 this test writes it anew,
 * where a python3 with torch is installed; elsewhere only the recorded numbers are compared with).
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import type { Arrays } from '../../src-main/trainer/parameters.ts';
import { elements, initialState, networkTensors, stateTensors } from '../../src-main/trainer/parameters.ts';
import { drawInputs, stepInputs } from '../../src-main/trainer/step-inputs.ts';
import { stepPlan } from '../../src-main/trainer/step-plan.ts';
import { trainStep } from '../../src-main/trainer/train-step.ts';
import type { Activation, Design } from '../../src-shared/gan/block.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import { defaultHyperparameters, noAugmentation } from '../../src-shared/training.ts';
import { design } from './designs.ts';
import { difference, numbers, reference } from './measure.ts';

interface Result {
  losses: number[];
  gradients: Record<string, number[]>;
  state: Record<string, number[]>;
}

interface Given {
  pair: 'plain' | 'smooth' | 'norms' | 'full';
  design: Design;
  hyperparameters: Hyperparameters;
}

const leaky: Activation = { kind: 'leakyRelu', slope: 0.2 };
const seed = 4;

const plain = design([8, 8, 1], 3, [
  { outChannels: 3, activation: leaky },
  { outChannels: 4, norm: 'batch', activation: leaky },
  { outChannels: 1, kernel: [2, 2], stride: [1, 1], padding: [0, 0] },
]);

const full = design([5, 4, 2], 3, [
  {
    outChannels: 3,
    kernel: [3, 3],
    stride: [1, 1],
    bias: true,
    spectralNorm: true,
    activation: leaky,
    maxPool: [2, 1],
    dropout: 0.3,
    mirror: { spectralNorm: true },
  },
  { outFeatures: 4, spectralNorm: true, activation: leaky, dropout: 0.5, mirror: { dropout: 0.2 } },
  { outFeatures: 1, spectralNorm: true },
]);

/** For penalties: a discriminator that judges each image for itself. */
const smooth = design([8, 8, 1], 3, [
  { outChannels: 3, activation: leaky },
  { outChannels: 4, bias: true, activation: leaky, mirror: { norm: 'batch', bias: false } },
  { outChannels: 1, kernel: [2, 2], stride: [1, 1], padding: [0, 0] },
]);

const norms = design([8, 8, 1], 3, [
  { outChannels: 3, norm: 'layer', activation: leaky },
  { outChannels: 8, norm: 'group', activation: leaky, mirror: { norm: 'instance' } },
  {
    outFeatures: 4,
    bias: false,
    norm: 'pixel',
    minibatchStddev: true,
    activation: leaky,
    mirror: { norm: 'group' },
  },
  { outFeatures: 1, mirror: { norm: 'pixel', bias: false } },
]);

function settings(loss: Hyperparameters['loss'], changed: Partial<Hyperparameters> = {}): Hyperparameters {
  return { ...defaultHyperparameters(), loss, batch: 4, initStddev: 0.4, ...changed };
}

function optimised(changed: Partial<Hyperparameters['generator']>): Hyperparameters {
  const base = settings('ns');
  return {
    ...base,
    discriminator: { ...base.discriminator, learningRate: 0.01, ...changed },
    generator: { ...base.generator, ...changed },
  };
}

const penalties = (chosen: Partial<Hyperparameters['penalties']>) => ({
  penalties: { gp: 0, r1: 0, r2: 0, every: 1, ...chosen },
});

const everyAugmentation = { ...noAugmentation(), colour: true, translation: true, cutout: true };

const cases: Record<string, Given> = {
  'non-saturating': { pair: 'plain', design: plain, hyperparameters: settings('ns') },
  'least squares': { pair: 'plain', design: plain, hyperparameters: settings('ls') },
  hinge: { pair: 'plain', design: plain, hyperparameters: settings('hinge') },
  'every part': { pair: 'full', design: full, hyperparameters: settings('ns') },
  'label smoothing, non-saturating': {
    pair: 'plain',
    design: plain,
    hyperparameters: settings('ns', { labelSmoothing: 0.1 }),
  },
  'label smoothing, least squares': {
    pair: 'plain',
    design: plain,
    hyperparameters: settings('ls', { labelSmoothing: 0.2 }),
  },
  'instance noise': {
    pair: 'plain',
    design: plain,
    hyperparameters: settings('ns', { instanceNoise: { stddev: 0.3, fadeKimg: null } }),
  },
  'Wasserstein, clipped weights, three updates': {
    pair: 'plain',
    design: plain,
    hyperparameters: settings('wasserstein', { weightClip: 0.3, discriminatorSteps: 3 }),
  },
  'Wasserstein, gradient penalty': {
    pair: 'smooth',
    design: smooth,
    hyperparameters: settings('wasserstein', penalties({ gp: 10 })),
  },
  'Wasserstein, gradient penalty, two noisy updates': {
    pair: 'smooth',
    design: smooth,
    hyperparameters: settings('wasserstein', {
      ...penalties({ gp: 10 }),
      discriminatorSteps: 2,
      instanceNoise: { stddev: 0.1, fadeKimg: null },
    }),
  },
  'R1, every 16th step': {
    pair: 'smooth',
    design: smooth,
    hyperparameters: settings('ns', penalties({ r1: 1, every: 16 })),
  },
  'R1 and R2 with batch norm': {
    pair: 'plain',
    design: plain,
    hyperparameters: settings('ns', penalties({ r1: 2, r2: 3 })),
  },
  'all augmentations, noise': {
    pair: 'full',
    design: full,
    hyperparameters: settings('ns', {
      augmentation: everyAugmentation,
      instanceNoise: { stddev: 0.1, fadeKimg: null },
    }),
  },
  'grey images augmented, two updates, R1 and R2': {
    pair: 'smooth',
    design: smooth,
    hyperparameters: settings('hinge', {
      ...penalties({ r1: 1, r2: 1 }),
      augmentation: { ...everyAugmentation, probability: 0.7 },
      discriminatorSteps: 2,
    }),
  },
  'AdamW, long gradients clipped': {
    pair: 'plain',
    design: plain,
    hyperparameters: optimised({ kind: 'adamw', weightDecay: 0.3, clipNorm: 0.1 }),
  },
  RMSprop: { pair: 'plain', design: plain, hyperparameters: optimised({ kind: 'rmsprop', beta2: 0.9 }) },
  'SGD with momentum, short gradients left alone': {
    pair: 'plain',
    design: plain,
    hyperparameters: {
      ...optimised({ kind: 'sgd', learningRate: 0.1, clipNorm: 1000 }),
      discriminatorSteps: 3,
    },
  },
  'layer, group, instance and pixel norm, minibatch standard deviation, R1': {
    pair: 'norms',
    design: norms,
    hyperparameters: settings('hinge', penalties({ r1: 2 })),
  },
  'every part with every penalty': {
    pair: 'full',
    design: full,
    hyperparameters: settings('hinge', penalties({ gp: 1, r1: 2, r2: 3 })),
  },
};

/** The state and the inputs of the first step; shifts and biases do not start at zero, so that they count. */
function beginning({ design: given, hyperparameters }: Given): { state: Arrays; inputs: Arrays } {
  const state = initialState(given, seed, true, hyperparameters.initStddev);
  for (const name of Object.keys(state)) {
    if (/^(discriminator|generator)\..*(bias|beta|mean)$/.test(name))
      state[name] = numbers(name, state[name]!.length, 0.2);
  }
  const plan = stepPlan(given, hyperparameters);
  const shape = stepInputs(plan).find(({ name }) => name === 'reals')!.shape;
  return {
    state,
    inputs: { reals: numbers('reals', elements(shape), 0.5), ...drawInputs(plan, seed, 1, 0) },
  };
}

async function step(engine: Engine, given: Given): Promise<Result> {
  const plan = stepPlan(given.design, given.hyperparameters);
  const program = await engine.prepare(
    (state, inputs) => {
      const { state: next, losses } = trainStep(plan, state, inputs);
      return { state: next, outputs: { losses } };
    },
    stateTensors(given.design, true),
    stepInputs(plan),
  );
  const { state, inputs } = beginning(given);
  program.write(state);
  const { losses } = await program.run(inputs);
  const next = await program.read();
  await program.dispose();
  const gradients: Record<string, number[]> = {};
  for (const network of ['discriminator', 'generator'] as const) {
    const { kind, beta1, beta2, clipNorm } = given.hyperparameters[network];
    // The moments hold the gradients themselves: of Adam, where none was scaled down.
    if (!kind.startsWith('adam') || clipNorm !== null) continue;
    // After more than one update the moments are those of all their gradients.
    if (network === 'discriminator' && given.hyperparameters.discriminatorSteps > 1) continue;
    for (const name of plan.trainable[network]) {
      gradients[name] = Array.from(next[`adam.m.${name}`]!, (m) => m / (1 - beta1));
      const squares = Array.from(next[`adam.v.${name}`]!, (v) => v / (1 - beta2));
      expect(
        difference(
          squares,
          gradients[name].map((gradient) => gradient ** 2),
        ),
      ).toBeLessThan(1e-5);
    }
  }
  return {
    losses: Array.from(losses!),
    gradients,
    state: Object.fromEntries(Object.entries(next).map(([name, values]) => [name, Array.from(values)])),
  };
}

/** What differs, and by how much. */
function apart(given: Given, actual: Result, expected: Result): Record<string, number> {
  const found: Record<string, number> = { losses: difference(actual.losses, expected.losses) };
  for (const [name, values] of Object.entries(expected.gradients)) {
    if (actual.gradients[name] === undefined) continue;
    found[`gradient of ${name}`] = difference(actual.gradients[name], values);
  }
  const { state } = beginning(given);
  for (const [name, values] of Object.entries(expected.state)) {
    // Single precision of the number itself, and a thousandth of how far the step took it.
    const moved = values.map((value, i) => value - state[name]![i]!);
    const ours = (actual.state[name] ?? []).map((value, i) => value - state[name]![i]!);
    found[name] = difference(ours, moved, 1e-3 * Math.max(...values.map(Math.abs)));
  }
  return found;
}

const far = (found: Record<string, number>, limit: number) =>
  Object.fromEntries(Object.entries(found).filter(([, by]) => !(by <= limit)));

const script = join(import.meta.dirname, 'pytorch_step.py');
const fixture = join(import.meta.dirname, 'fixtures', 'pytorch.json');

/** A python with torch, or null. */
const python =
  ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import torch']).status === 0) ??
  null;

function inPyTorch(): Record<string, Result> {
  const described = Object.entries(cases).map(([name, given]) => {
    const { state, inputs } = beginning(given);
    const specs = [
      ...networkTensors(given.design, 'discriminator'),
      ...networkTensors(given.design, 'generator'),
    ];
    const shapes = [...specs, ...stepInputs(stepPlan(given.design, given.hyperparameters))];
    const entries = (arrays: Arrays) =>
      Object.fromEntries(
        shapes.flatMap(({ name: key, shape }) =>
          arrays[key] ? [[key, { shape, values: Array.from(arrays[key]) }]] : [],
        ),
      );
    const { pair, hyperparameters } = given;
    return [name, { pair, hyperparameters, tensors: entries(state), inputs: entries(inputs) }];
  });
  const run = spawnSync(python!, [script], {
    input: JSON.stringify(Object.fromEntries(described)),
    encoding: 'utf8',
    maxBuffer: 2 ** 27,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as Record<string, Result>;
}

const fewDigits = (_key: string, value: unknown) =>
  typeof value === 'number' ? Number(value.toPrecision(8)) : value;

if (process.env['GANVAS_RECORD'] === '1')
  writeFileSync(fixture, `${JSON.stringify(inPyTorch(), fewDigits)}\n`);
const recorded = JSON.parse(readFileSync(fixture, 'utf8')) as Record<string, Result>;

test.skipIf(python === null)('the recorded numbers are what PyTorch gives here', { timeout: 60_000 }, () => {
  const live = inPyTorch();
  expect(Object.keys(live)).toEqual(Object.keys(recorded));
  for (const [name, given] of Object.entries(cases))
    expect(far(apart(given, live[name]!, recorded[name]!), 1e-4)).toEqual({});
});

describe("losses, gradients and the next state are PyTorch's", () => {
  test.for(Object.entries(cases))('%s', async ([name, given]) => {
    const expected = recorded[name]!;
    const plan = stepPlan(given.design, given.hyperparameters);
    expect(Object.keys(expected.gradients).sort()).toEqual(
      [...plan.trainable.discriminator, ...plan.trainable.generator].sort(),
    );
    const changed = [
      ...networkTensors(given.design, 'discriminator'),
      ...networkTensors(given.design, 'generator'),
    ].map((spec) => spec.name);
    const networks = Object.keys(expected.state).filter((key) => !key.startsWith('adam.'));
    expect(networks.sort()).toEqual(changed.sort());
    expect(far(apart(given, await step(onnxEngine(2), given), expected), 2e-4)).toEqual({});
    expect(far(apart(given, await step(await reference(), given), expected), 2e-4)).toEqual({});
  });
});
