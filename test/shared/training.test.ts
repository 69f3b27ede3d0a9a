import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import {
  canBecome,
  defaultHyperparameters,
  Hyperparameters,
  Limits,
  RunState,
} from '../../src-shared/training.ts';

describe('the defaults', () => {
  const defaults = defaultHyperparameters();

  test('are hyperparameters, and stay the same through JSON', () => {
    expect(v.parse(Hyperparameters, JSON.parse(JSON.stringify(defaults)))).toEqual(defaults);
  });

  test("are the DCGAN tutorial's", () => {
    const adam = { learningRate: 0.0002, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
    expect(defaults).toMatchObject({
      loss: 'ns',
      discriminator: adam,
      generator: adam,
      initStddev: 0.02,
      batch: 64,
    });
  });

  test("average like StyleGAN2-ADA's auto configuration: ten thirty-seconds of a kimg for each image of the batch", () => {
    expect(defaults.ema).toEqual({ halfLifeKimg: (defaults.batch * 10) / 32, rampUp: 0.05 });
  });

  test('are given anew each time: who changes them changes nobody else', () => {
    const changed = defaultHyperparameters();
    changed.discriminator.learningRate = 1;
    expect(changed.generator.learningRate).toBe(2e-4);
    expect(defaultHyperparameters()).toEqual(defaults);
  });
});

test.each([
  { batch: 0 },
  { batch: 1.5 },
  { loss: 'gan' },
  { discriminatorSteps: 0 },
  { penalties: { gp: 10, r1: 0, r2: 0 } },
  { labelSmoothing: 0.6 },
  { weightClip: 0 },
  { initStddev: -1 },
  { sampleEvery: 0 },
  { keepCheckpoints: 0 },
  { discriminator: { learningRate: 2e-4, beta1: 1, beta2: 0.999, epsilon: 1e-8 } },
  { generator: { learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 0 } },
  { ema: { halfLifeKimg: Number.NaN, rampUp: null } },
  { unknown: 1 },
])('%j is refused', (wrong) => {
  expect(v.safeParse(Hyperparameters, { ...defaultHyperparameters(), ...wrong }).success).toBe(false);
});

test('settings from before there were other methods mean what they meant', () => {
  const { loss, batch, discriminator, generator, ema, initStddev, ...others } = defaultHyperparameters();
  const { sampleEvery, sampleCount, checkpointEvery, keepCheckpoints } = others;
  const adam = ({ learningRate, beta1, beta2, epsilon }: typeof discriminator) => ({
    learningRate,
    beta1,
    beta2,
    epsilon,
  });
  const old = {
    ...{ loss, batch, ema, initStddev, sampleEvery, sampleCount, checkpointEvery, keepCheckpoints },
    discriminator: adam(discriminator),
    generator: adam(generator),
  };
  expect(v.parse(Hyperparameters, old)).toEqual(defaultHyperparameters());
});

test('limits: null is none; fractions of a kimg and of a minute are fine, of a step not', () => {
  const none = { steps: null, kimg: null, minutes: null };
  const taken = (limits: object) => v.safeParse(Limits, { ...none, ...limits }).success;
  expect(taken({})).toBe(true);
  expect(taken({ kimg: 0.5, minutes: 0.25, steps: 1 })).toBe(true);
  expect(taken({ steps: 0 })).toBe(false);
  expect(taken({ steps: 0.5 })).toBe(false);
  expect(taken({ kimg: 0 })).toBe(false);
  expect(taken({ minutes: -1 })).toBe(false);
  expect(v.safeParse(Limits, { steps: 1 }).success).toBe(false);
});

describe('the states of a run', () => {
  const states = RunState.options;

  test('go on as they should, and in no other way', () => {
    const allowed = states.flatMap((from) =>
      states.filter((to) => canBecome(from, to)).map((to) => `${from} > ${to}`),
    );
    expect(allowed.sort()).toEqual(
      [
        'queued > running',
        'queued > stopped',
        'queued > failed',
        'queued > interrupted',
        'running > paused',
        'running > stopped',
        'running > done',
        'running > queued',
        'running > failed',
        'running > interrupted',
        'paused > queued',
        'paused > stopped',
        'stopped > queued',
        'done > queued',
        'failed > queued',
        'interrupted > queued',
      ].sort(),
    );
  });

  test('from every state a run can be brought to the end, and no state is its own successor', () => {
    for (const from of states) {
      expect(canBecome(from, from)).toBe(false);
      const reached = new Set<RunState>([from]);
      for (const state of reached) for (const to of states) if (canBecome(state, to)) reached.add(to);
      expect(reached).toContain('done');
    }
  });
});
