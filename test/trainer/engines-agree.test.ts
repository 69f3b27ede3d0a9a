/** The recorded step on ONNX Runtime against the same step, operation by operation, in plain JavaScript. */
import { describe, expect, test } from 'vitest';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { errorsOf } from '../../src-shared/gan/check.ts';
import { spread } from './designs.ts';
import { reference } from './measure.ts';
import { differences, runSteps } from './steps.ts';

describe('three steps agree in losses and state', { timeout: 60_000 }, () => {
  test.for(Object.entries(spread))('%s', async ([, given]) => {
    expect(errorsOf(given.design)).toEqual([]);
    const expected = await runSteps(await reference(), given, 3);
    const actual = await runSteps(onnxEngine(2), given, 3);
    expect(differences(given, actual, expected, 1e-4)).toEqual({});
    // Something was learned at all: the comparison is not one of standing still.
    expect(Object.values(expected.state).every((values) => values.every(Number.isFinite))).toBe(true);
    expect(new Set(expected.losses.map((losses) => losses[0])).size).toBe(3);
  });
});
