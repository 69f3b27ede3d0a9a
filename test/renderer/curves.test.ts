import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Curves } from '../../src-renderer/charts/curves.ts';
import {
  allPlaces,
  append,
  between,
  courseOf,
  curvesOf,
  nearest,
  noCurves,
  places,
  refine,
  smooth,
  spread,
  stepsBetween,
  thin,
  within,
} from '../../src-renderer/charts/curves.ts';
import type { StepStats } from '../../src-shared/training.ts';

const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });
const steps: fc.Arbitrary<StepStats[]> = fc
  .array(
    fc.record({
      lossD: value,
      lossG: value,
      dReal: value,
      dFake: value,
      speed: fc.integer({ min: 1, max: 500 }),
    }),
    {
      minLength: 1,
      maxLength: 400,
    },
  )
  .map((all) => all.map(({ speed, ...stats }, i) => ({ step: i + 1, ...stats, imagesPerSecond: speed })));

const sum = (values: readonly number[]) => values.reduce((total, one) => total + one, 0);
const weighted = ({ columns, count }: Curves) => sum(columns.lossD.mean.map((mean, i) => mean * count[i]!));

describe('curves', () => {
  it('hold each step once, whatever arrives twice', () => {
    fc.assert(
      fc.property(steps, fc.nat(400), (all, split) => {
        const first = append(noCurves, all.slice(0, split), 64);
        const whole = append(first, all, 64);
        expect(whole.step).toEqual(all.map(({ step }) => step));
        expect(whole.columns.lossG.mean).toEqual(all.map(({ lossG }) => lossG));
      }),
    );
  });

  it('count the time that the steps took', () => {
    const speeds = [64, 32, 0].map((imagesPerSecond, i) => ({
      ...{ step: i + 1, lossD: 0, lossG: 0, dReal: 0, dFake: 0 },
      imagesPerSecond,
    }));
    expect(append(noCurves, speeds, 64).seconds).toEqual([1, 3, 3]);
  });

  it('take finer bins in the place of those that they touch, and only of those', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 60 }), fc.nat(400), fc.nat(400), (all, most, a, b) => {
        const whole = append(noCurves, all, 64);
        const coarse = thin(whole, most);
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const finer = between(whole, from, to);
        const refined = refine(coarse, finer);
        expect(between(refined, from, to).step).toEqual(
          finer.step.length > 0 ? finer.step : between(coarse, from, to).step,
        );
        const starts = refined.step.map((step, i) => step - refined.count[i]!);
        for (const [i, start] of starts.entries())
          expect(start).toBeGreaterThanOrEqual(refined.step[i - 1] ?? 0);
        const touched = (step: number, count: number) => step > from - 1 && step - count < to;
        const untouched = coarse.step.filter((step, i) => !touched(step, coarse.count[i]!));
        expect(refined.step).toEqual(expect.arrayContaining(untouched));
        expect(refined.columns.dReal.max).toHaveLength(refined.step.length);
      }),
    );
  });

  it('keep what is shown of them inside of what there is', () => {
    const all = [10, 20, 30, 40];
    expect(within({ from: 5, to: 15 }, all)).toEqual({ from: 10, to: 20 });
    expect(within({ from: 35, to: 45 }, all)).toEqual({ from: 30, to: 40 });
    expect(within({ from: 15, to: 35 }, all)).toEqual({ from: 15, to: 35 });
    expect(within({ from: 0, to: 30 }, all)).toBeNull();
    expect(within({ from: 0, to: 1 }, [])).toBeNull();
  });

  it('stay bounded, with exact extremes, means and counts', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 50 }), (all, most) => {
        const whole = append(noCurves, all, 64);
        const thinned = thin(whole, most);
        expect(thinned.step.length).toBeLessThanOrEqual(most);
        expect(sum(thinned.count)).toBe(all.length);
        expect(thinned.step.at(-1)).toBe(all.length);
        expect(thinned.seconds.at(-1)).toBe(whole.seconds.at(-1));
        expect(Math.min(...thinned.columns.lossD.min)).toBe(Math.min(...whole.columns.lossD.min));
        expect(Math.max(...thinned.columns.lossD.max)).toBe(Math.max(...whole.columns.lossD.max));
        expect(weighted(thinned)).toBeCloseTo(weighted(whole), 5);
        // Every bin ends where its steps end.
        expect(thinned.step).toEqual(thinned.count.map((_, i) => sum(thinned.count.slice(0, i + 1))));
      }),
    );
  });

  it('come from what the core gives', () => {
    const column = { min: [1], max: [3], mean: [2] };
    const curves = curvesOf({ step: [10], count: [10], seconds: [5], columns: { lossD: column } });
    expect(curves.columns.lossD).toEqual(column);
    expect(curves.columns.lossG.mean).toEqual([]);
  });

  it('lie along steps, thousands of images or time', () => {
    const curves = { ...noCurves, step: [500, 1000], count: [500, 500], seconds: [4, 9] };
    expect(places(curves, 'step', 64)).toEqual([500, 1000]);
    expect(places(curves, 'kimg', 64)).toEqual([32, 64]);
    expect(places(curves, 'time', 64)).toEqual([4, 9]);
    expect(stepsBetween(curves, 'kimg', 64, 33, 70)).toEqual({ from: 501, to: 1000 });
    expect(stepsBetween(curves, 'time', 64, 5, 6)).toBeNull();
  });
});

describe('smoothing', () => {
  it('is the average itself where nothing changes, and nothing at weight 0', () => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (values, weight) => {
          const ones = values.map(() => 1);
          smooth(values, ones, 0).forEach((one, i) => expect(one).toBeCloseTo(values[i]!, 12));
          for (const one of smooth(ones, ones, weight)) expect(one).toBeCloseTo(1, 9);
        },
      ),
    );
  });

  it('weighs the past as written by hand', () => {
    // With weight 1/2: 4; (4/2 + 8/1) / (1/2 + 1) = 20/3; (4/4 + 8/2 + 0) / (7/4) = 20/7.
    const smoothed = smooth([4, 8, 0], [1, 1, 1], 0.5);
    expect(smoothed[0]).toBeCloseTo(4, 12);
    expect(smoothed[1]).toBeCloseTo(20 / 3, 12);
    expect(smoothed[2]).toBeCloseTo(20 / 7, 12);
  });

  it('does not change where bins of equal steps are merged', () => {
    const values = Array.from({ length: 64 }, (_, i) => (i < 32 ? 1 : 3));
    const fine = smooth(
      values,
      values.map(() => 1),
      0.9,
    );
    const coarse = smooth([1, 3], [32, 32], 0.9);
    expect(coarse[1]).toBeCloseTo(fine[63]!, 12);
  });
});

describe('the nearest bin', () => {
  it('is the one that a search through all of them finds', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 1 }),
        fc.integer(),
        (unsorted, place) => {
          const at = unsorted.toSorted((a, b) => a - b);
          const distances = at.map((one) => Math.abs(one - place));
          expect(distances[nearest(at, place)!]).toBe(Math.min(...distances));
        },
      ),
    );
    expect(nearest([], 3)).toBeNull();
  });
});

describe('lines of several runs', () => {
  const ascending = fc.uniqueArray(fc.integer({ min: 0, max: 60 })).map((list) => list.sort((a, b) => a - b));

  it('are drawn over all places, each with its own values in their order', () => {
    fc.assert(
      fc.property(fc.array(ascending, { minLength: 1, maxLength: 4 }), (lists) => {
        const all = allPlaces(lists);
        expect(all).toEqual([...new Set(lists.flat())].sort((a, b) => a - b));
        for (const at of lists) {
          const drawn = spread(at, at, all);
          expect(drawn).toHaveLength(all.length);
          expect(drawn.filter((value) => value !== null)).toEqual(at);
          for (const [i, value] of drawn.entries()) if (value !== null) expect(value).toBe(all[i]);
        }
      }),
    );
  });

  it('keep the places of one that all share, and the last of values at one place', () => {
    const at = [1, 2, 3];
    expect(allPlaces([at, [...at]])).toBe(at);
    expect(spread([7, 8, 9], [1, 1, 2], [0, 1, 2, 3])).toEqual([null, 8, 9, null]);
  });

  it('lie at thousands of images by their own batch', () => {
    const curves = append(
      noCurves,
      [{ step: 5, lossD: 1, lossG: 2, dReal: 0, dFake: 0, imagesPerSecond: 1 }],
      64,
    );
    expect(courseOf(curves, 'lossG', 'kimg', 200)).toMatchObject({ at: [1], mean: [2], count: [1] });
  });
});
