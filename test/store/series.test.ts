import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Series } from '../../src-shared/library.ts';
import type { StepStats } from '../../src-shared/training.ts';
import { newRun, startedRun } from './content.ts';
import { newStore } from './library.ts';

const columns = ['lossD', 'lossG', 'dReal', 'dFake', 'imagesPerSecond'] as const;

/** Steps whose numbers are whole, so that sums are exact in any order; a batch of 4 takes half a second or a whole one. */
function wavy(from: number, to: number): StepStats[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const step = from + index;
    return {
      step,
      lossD: (step * 7919) % 101,
      lossG: 50 - ((step * 104729) % 97),
      dReal: step % 5,
      dFake: step,
      imagesPerSecond: step % 3 === 0 ? 4 : 8,
    };
  });
}

/** What the bins that a series has must hold, from the steps themselves. */
function expected(steps: readonly StepStats[], from: number, to: number, ends: readonly number[]): Series {
  const bins = ends.map((end, index) =>
    steps.filter(({ step }) => step >= from && step <= to && step > (ends[index - 1] ?? 0) && step <= end),
  );
  const each = (name: (typeof columns)[number]) => bins.map((bin) => bin.map((step) => step[name]));
  return {
    step: [...ends],
    count: bins.map((bin) => bin.length),
    seconds: ends.map((end) =>
      steps
        .filter(({ step }) => step <= end)
        .reduce((sum, { imagesPerSecond }) => sum + 4 / imagesPerSecond, 0),
    ),
    columns: Object.fromEntries(
      columns.map((name) => [
        name,
        {
          min: each(name).map((values) => Math.min(...values)),
          max: each(name).map((values) => Math.max(...values)),
          mean: each(name).map((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
        },
      ]),
    ),
  };
}

test('bins hold what their steps hold, whatever the range, also after going back', () => {
  const store = newStore();
  const { id } = startedRun(store);
  const other = startedRun(store);
  store.steps.append(other.id, wavy(1, 50));
  let steps: StepStats[] = [];
  const check = (last: number) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: last }),
        fc.integer({ min: 1, max: last }),
        fc.integer({ min: 1, max: 300 }),
        (a, b, bins) => {
          const [from, to] = [Math.min(a, b), Math.max(a, b)];
          const series = store.steps.series(id, { columns, from, to, bins });
          expect(series.step.length).toBeLessThanOrEqual(bins);
          expect(series.step.at(-1)).toBe(to);
          expect(series.count.reduce((sum, count) => sum + count, 0)).toBe(to - from + 1);
          expect(series).toEqual(expected(steps, from, to, series.step));
        },
      ),
      { numRuns: 20 },
    );
  };
  for (const [from, to] of [
    [1, 3],
    [4, 700],
    [701, 9001],
  ] as const) {
    store.steps.append(id, wavy(from, to));
    steps = wavy(1, to);
    check(to);
  }
  for (const step of [8192, 4100, 256, 5]) {
    store.runs.rewind(id, step);
    steps = wavy(1, step);
    check(step);
  }
  store.steps.append(id, wavy(6, 300));
  steps = wavy(1, 300);
  check(300);
});

test('few steps are told one by one, only what is asked for, and no steps are none', () => {
  const store = newStore();
  const { id } = startedRun(store);
  const all = { from: null, to: null, bins: 100 };
  const none = { step: [], count: [], seconds: [] };
  expect(store.steps.series(id, { columns: ['lossD'], ...all })).toEqual({
    ...none,
    columns: { lossD: { min: [], max: [], mean: [] } },
  });
  store.steps.append(id, wavy(1, 3));
  expect(store.steps.series(id, { columns: ['dFake'], ...all })).toEqual({
    step: [1, 2, 3],
    count: [1, 1, 1],
    seconds: [0.5, 1, 2],
    columns: { dFake: { min: [1, 2, 3], max: [1, 2, 3], mean: [1, 2, 3] } },
  });
  expect(store.steps.series(id, { columns: [], from: 2, to: 2, bins: 100 })).toMatchObject({ step: [2] });
  expect(store.steps.series(id, { columns: [], from: 4, to: 9, bins: 100 })).toMatchObject(none);
});

test('the curves of a fork begin with its own first step, and its time goes on', () => {
  const store = newStore();
  const parent = startedRun(store);
  store.steps.append(parent.id, wavy(1, 20));
  const progress = store.runs.progressAt(parent.id, 10);
  expect(progress).toEqual({ imagesSeen: 40, trainingSeconds: 6.5 });
  const fork = newRun(
    store,
    {
      experiment: parent.experiment,
      hyperparameters: { ...parent.hyperparameters, batch: 8 },
      forkedFrom: { run: parent.id, step: 10 },
    },
    { id: 'aaaaaaaaaa', ...progress },
  );
  expect(fork).toMatchObject({ step: 10, ...progress, forkedFrom: { run: parent.id, step: 10 } });
  store.steps.append(fork.id, wavy(11, 13));
  expect(store.runs.get(fork.id)).toMatchObject({ step: 13, imagesSeen: 64, trainingSeconds: 10.5 });
  const options = { columns: [], from: null, to: null, bins: 2 };
  expect(store.steps.series(fork.id, options)).toMatchObject({
    step: [12, 13],
    count: [2, 1],
    seconds: [9.5, 10.5],
  });
  store.runs.rewind(fork.id, 10);
  expect(store.runs.get(fork.id)).toMatchObject({ step: 10, ...progress });
  expect(store.runs.progressAt(fork.id, 10)).toEqual(progress);
});
