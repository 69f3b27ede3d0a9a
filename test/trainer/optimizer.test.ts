import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { optimizers, rateLeft } from '../../src-main/trainer/optimizer.ts';
import { drawInputs, emaBeta } from '../../src-main/trainer/step-inputs.ts';
import { stepPlan } from '../../src-main/trainer/step-plan.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { difference, numbers, reference } from './measure.ts';

beforeAll(async () => {
  await reference();
});

describe('Adam', () => {
  test.for([
    { learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 },
    { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 0.05 },
    { learningRate: 0.01, beta1: 0, beta2: 0, epsilon: 1e-3 },
  ])('100 steps as in the paper, %o', (rates) => {
    const settings = { ...defaultHyperparameters().generator, ...rates };
    const { learningRate, beta1, beta2, epsilon } = settings;
    const size = 20;
    const start = numbers('parameter', size, 0.01);
    const plain = {
      parameter: Array.from(start),
      m: Array<number>(size).fill(0),
      v: Array<number>(size).fill(0),
    };
    let state = {
      parameter: tf.tensor1d(start) as tf.Tensor,
      m: tf.zeros<tf.Rank>([size]),
      v: tf.zeros<tf.Rank>([size]),
    };
    for (let step = 1; step <= 100; step += 1) {
      // From large to tiny, so that epsilon counts.
      const gradient = numbers(`gradient ${step}`, size).map((value, i) => value * 10 ** -(i / 3));
      const factors = Object.entries(optimizers.adam.factors(settings, step));
      const scalars = Object.fromEntries(factors.map(([name, value]) => [name, tf.scalar(value)]));
      state = optimizers.adam.follow(state, tf.tensor1d(gradient), settings, scalars);
      gradient.forEach((g, i) => {
        plain.m[i] = beta1 * plain.m[i]! + (1 - beta1) * g;
        plain.v[i] = beta2 * plain.v[i]! + (1 - beta2) * g * g;
        const m = plain.m[i] / (1 - beta1 ** step);
        const v = plain.v[i] / (1 - beta2 ** step);
        plain.parameter[i]! -= (learningRate * m) / (Math.sqrt(v) + epsilon);
      });
    }
    const moved = (values: ArrayLike<number>) => Array.from(values, (value, i) => value - start[i]!);
    // What is small has its own scale: each number is compared for itself.
    const [m, v] = [state.m.dataSync(), state.v.dataSync()];
    for (let i = 0; i < size; i += 1) {
      expect(difference([m[i]!], [plain.m[i]!], 10 ** -(i / 3) / 10)).toBeLessThan(1e-5);
      expect(difference([v[i]!], [plain.v[i]!])).toBeLessThan(1e-5);
    }
    expect(difference(moved(state.parameter.dataSync()), moved(plain.parameter))).toBeLessThan(1e-4);
  });
});

describe('the schedule of the learning rates', () => {
  const left = (kind: 'constant' | 'linear' | 'cosine') =>
    [0, 500, 1000, 2000, 5000].map((seen) =>
      rateLeft({ ...defaultHyperparameters(), schedule: { kind, kimg: 2 } }, seen),
    );

  test('ends at zero and stays there, unless it is constant', () => {
    expect(left('constant')).toEqual([1, 1, 1, 1, 1]);
    expect(left('linear')).toEqual([1, 0.75, 0.5, 0, 0]);
    expect(left('cosine').map((value) => value.toFixed(6))).toEqual(
      [1, (1 + Math.SQRT1_2) / 2, 0.5, 0, 0].map((value) => value.toFixed(6)),
    );
  });

  test('reaches the step', () => {
    const { design } = presets[0]!;
    const at = (kind: 'constant' | 'linear', seen: number) => {
      const hyperparameters = { ...defaultHyperparameters(), schedule: { kind, kimg: 2 } };
      return drawInputs(stepPlan(design, hyperparameters), 1, 8, seen)['generator.stepSize']![0]!;
    };
    expect(at('linear', 500) / at('constant', 500)).toBeCloseTo(0.75, 6);
  });
});

describe('the average of the generator', () => {
  const settings = (batch: number, halfLifeKimg: number | null, rampUp: number | null) => ({
    ...defaultHyperparameters(),
    batch,
    ema: { halfLifeKimg, rampUp },
  });

  test("is StyleGAN2-ADA's: batch 64 and its half-life of 20,000 images give 0.99778", () => {
    expect(defaultHyperparameters()).toMatchObject({
      batch: 64,
      ema: { halfLifeKimg: (64 * 10) / 32, rampUp: 0.05 },
    });
    expect(emaBeta(settings(64, 20, 0.05), 10_000_000)).toBeCloseTo(0.99778, 5);
  });

  test('half of an old weight is left after a half-life', () => {
    let left = 1;
    for (let seen = 0; seen < 20_000; seen += 50) left *= emaBeta(settings(50, 20, null), seen);
    expect(left).toBeCloseTo(0.5, 10);
  });

  test('while young it reaches back over a share of the images seen', () => {
    expect(emaBeta(settings(64, 20, 0.05), 0)).toBe(0);
    expect(emaBeta(settings(64, 20, 0.05), 6400)).toBeCloseTo(0.5 ** (64 / 320), 12);
    expect(emaBeta(settings(64, 20, 0.05), 400_000)).toBe(emaBeta(settings(64, 20, null), 0));
  });

  test('can be switched off', () => {
    expect(emaBeta(settings(64, null, 0.05), 1000)).toBe(0);
  });
});
