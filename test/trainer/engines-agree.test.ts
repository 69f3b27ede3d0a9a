/** The recorded step on ONNX Runtime against the same step, operation by operation, in plain JavaScript. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { errorsOf } from '../../src-shared/gan/check.ts';
import { arbitraryCase } from './arbitrary-case.ts';
import { spread } from './designs.ts';
import { reference } from './measure.ts';
import { beyond, distances, runSteps } from './steps.ts';

describe('three steps agree in losses and state', { timeout: 60_000 }, () => {
  test.for(Object.entries(spread))('%s', async ([, given]) => {
    expect(errorsOf(given.design)).toEqual([]);
    const expected = await runSteps(await reference(), given, 3);
    const actual = await runSteps(onnxEngine(2), given, 3);
    expect(beyond(distances(given, actual, expected), () => 1e-4)).toEqual({});
    // Something was learned at all: the comparison is not one of standing still.
    expect(Object.values(expected.state).every((values) => values.every(Number.isFinite))).toBe(true);
    expect(new Set(expected.losses.map((losses) => losses[0])).size).toBe(3);
  });
});

/**
 * Random designs may magnify rounding without bound: batch norm over three numbers that are nearly equal divides by next to nothing. So the
 * yardstick runs a second time from numbers moved by 1e-5: what that changes, the engines may differ by. The first move, of 0.1,
 * keeps shifts away from zero, where a constant input would sit just on the kink of a ReLU.
 */
test(
  'random designs: one step agrees as far as the design lets rounding be',
  { timeout: 120_000 },
  async () => {
    const yardstick = await reference();
    await fc.assert(
      fc.asyncProperty(arbitraryCase, async (given) => {
        const expected = await runSteps(yardstick, given, 1, [0.1]);
        const moved = distances(given, await runSteps(yardstick, given, 1, [0.1, 1e-5]), expected, 1e-3);
        const actual = distances(given, await runSteps(onnxEngine(2), given, 1, [0.1]), expected, 1e-3);
        expect(beyond(actual, (name) => Math.max(1e-2, 10 * (moved[name] ?? 0)))).toEqual({});
      }),
      // Always the same designs: a kink within rounding of an activation is rare, but would fail a run for nothing.
      { numRuns: 40, seed: 20 },
    );
  },
);
