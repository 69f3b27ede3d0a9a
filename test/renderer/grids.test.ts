import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GridsOfRun } from '../../src-renderer/features/library/grids.ts';
import { gridAt, gridPlaces } from '../../src-renderer/features/library/grids.ts';

const runOf = (batch: number, ...steps: number[]): GridsOfRun => ({
  batch,
  samples: steps.map((step) => ({ step, count: 4, columns: 2 })),
});
const slow = runOf(10, 0, 5, 10);
const fast = runOf(20, 0, 4);

it('has a place for every grid of any run, by step or by images seen', () => {
  expect(gridPlaces([slow, fast], 'step')).toEqual([0, 4, 5, 10]);
  expect(gridPlaces([slow, fast], 'kimg')).toEqual([0, 50, 80, 100]);
  expect(gridPlaces([], 'step')).toEqual([]);
});

it('shows the newest grid that a run had by then', () => {
  expect([slow, fast].map((run) => gridAt(run, 'step', 5)?.step)).toEqual([5, 4]);
  expect([slow, fast].map((run) => gridAt(run, 'kimg', 79)?.step)).toEqual([5, 0]);
  expect([slow, fast].map((run) => gridAt(run, 'kimg', 80)?.step)).toEqual([5, 4]);
  expect(gridAt(runOf(10, 3), 'step', 2)).toBeNull();
});

it('never shows what came later, and at the last place the last of every run', () => {
  const run = fc
    .record({ batch: fc.integer({ min: 1, max: 9 }), steps: fc.uniqueArray(fc.nat(50), { minLength: 1 }) })
    .map(({ batch, steps }) => runOf(batch, ...steps.sort((a, b) => a - b)));
  fc.assert(
    fc.property(
      fc.array(run, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('step', 'kimg'),
      (runs, axis) => {
        const places = gridPlaces(runs, axis);
        for (const place of places)
          for (const { batch, samples } of runs) {
            const { step } = gridAt({ batch, samples }, axis, place) ?? { step: 0 };
            expect(axis === 'step' ? step : step * batch).toBeLessThanOrEqual(place);
          }
        for (const one of runs) expect(gridAt(one, axis, places.at(-1)!)).toBe(one.samples.at(-1));
      },
    ),
  );
});
