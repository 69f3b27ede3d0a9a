import { describe, expect, it } from 'vitest';
import { sizeBins } from '../../src-renderer/features/data/size-bins.ts';
import { Meter } from '../../src-renderer/state/meter.ts';
import { formatRoute, parseRoute } from '../../src-renderer/state/route.ts';
import { minutesLeft, whenWords } from '../../src-renderer/features/train/words.ts';
import type { RunState } from '../../src-shared/training.ts';
import { ago, bytes, counted, duration, rate } from '../../src-renderer/ui/words.ts';

it.each([
  [0, '0 s'],
  [59.4, '59 s'],
  [59.6, '1 min'],
  [200, '3 min 20 s'],
  [3599, '59 min'],
  [7500, '2 h 5 min'],
  [7200, '2 h'],
  [260_000, '3 days'],
])('%d seconds are %s', (seconds, words) => expect(duration(seconds)).toBe(words));

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1 kB'],
  [1_536_000, '1.5 MB'],
  [15_360_000, '15 MB'],
  [999_400_000, '999 MB'],
  [2_000_000_000, '2 GB'],
])('%d bytes are %s', (count, words) => expect(bytes(count)).toBe(words));

it.each([
  [30, 'just now'],
  [50, '1 min ago'],
  [3000, '50 min ago'],
  [7200, '2 h ago'],
])('%d seconds ago is %s', (seconds, words) => expect(ago(0, seconds * 1000)).toBe(words));

it('says rates and counts as people do', () => {
  expect([0.354, 4.24, 1234.5].map(rate)).toEqual(['0.35', '4.2', '1,235']);
  expect([1, 5000].map((count) => counted(count, 'image'))).toEqual(['1 image', '5,000 images']);
});

describe('the address', () => {
  it.each([
    { place: 'Data', experiment: null, run: null },
    { place: 'Train', experiment: 'e-1', run: 'r_2' },
    { place: 'Library', experiment: 'e-1', run: null },
  ] as const)('says where one is, and leads back: %j', (route) => {
    expect(parseRoute(formatRoute(route))).toEqual(route);
  });

  it.each(['', '#', '#/nowhere/e', 'data/e', '#data'])('is none: %j', (hash) =>
    expect(parseRoute(hash)).toBeNull(),
  );

  it('names no experiment that cannot be one', () => {
    expect(parseRoute('#/data/%3Cscript%3E')).toEqual({ place: 'Data', experiment: null, run: null });
  });
});

describe('the sizes of images', () => {
  it('are counted by the shorter side, with the empty bins between', () => {
    const bins = sizeBins([
      [64, 64, 10],
      [300, 70, 5],
      [256, 512, 1],
    ]);
    expect(bins).toEqual([
      { from: 64, to: 90, count: 15 },
      { from: 91, to: 127, count: 0 },
      { from: 128, to: 181, count: 0 },
      { from: 182, to: 255, count: 0 },
      { from: 256, to: 362, count: 1 },
    ]);
    expect(sizeBins([])).toEqual([]);
  });

  it('from one pixel on are in bins that each begin elsewhere', () => {
    const bins = sizeBins([
      [1, 1, 1],
      [2, 9, 1],
      [5, 5, 1],
    ]);
    expect(bins.map(({ from }) => from)).toEqual([1, 2, 3, 4]);
    expect(bins.map(({ to }) => to)).toEqual([1, 2, 3, 5]);
  });

  it('are each in the bin that says so', () => {
    for (let side = 1; side <= 4096; side += 1) {
      const [bin] = sizeBins([[side, side, 1]]);
      expect(bin!.from <= side && side <= bin!.to).toBe(true);
    }
  });
});

describe('a meter', () => {
  it('measures over the last seconds, and tells what is left', () => {
    let now = 0;
    const meter = new Meter(1000, () => now);
    expect(meter.update(0)).toEqual({ done: 0, total: 1000, perSecond: 0, remainingSeconds: null });
    now = 2000;
    expect(meter.update(100)).toEqual({ done: 100, total: 1000, perSecond: 50, remainingSeconds: 18 });
    now = 7000;
    expect(meter.update(600)).toMatchObject({ perSecond: 100, remainingSeconds: 4 });
  });
});

it('a run tells when it ended, not when it was begun', () => {
  const now = 3600_000;
  expect(whenWords({ state: 'running', createdAt: 0, endedAt: null }, now)).toBe('begun 1 h ago');
  const endedAt = now - 120_000;
  expect(whenWords({ state: 'done', createdAt: 0, endedAt }, now)).toBe('ended 2 min ago');
  expect(whenWords({ state: 'paused', createdAt: 0, endedAt }, now)).toBe('paused 2 min ago');
});

it('a run that broke off has the rest of its minutes left, one that is done as many again', () => {
  const at = (minutes: number, state: RunState) => ({ state, at: minutes * 60_000 });
  const paused = [at(0, 'queued'), at(1, 'running'), at(4, 'paused')];
  expect(minutesLeft(10, paused)).toBe(7);
  // Resumed with the seven: the minutes count from there.
  expect(minutesLeft(7, [...paused, at(60, 'queued'), at(61, 'running'), at(63, 'interrupted')])).toBe(5);
  expect(minutesLeft(10, [at(1, 'running'), at(11, 'done')])).toBe(10);
  expect(minutesLeft(10, [at(1, 'running'), at(11, 'paused')])).toBe(10);
  expect(minutesLeft(10, [at(0, 'queued')])).toBe(10);
});
