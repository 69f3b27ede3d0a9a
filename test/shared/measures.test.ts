import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  bestOf,
  comparable,
  defaultMeasuring,
  isBetter,
  isRanking,
  Measuring,
  noBetterSince,
  RankingMeasure,
} from '../../src-shared/measures.ts';

const metric = (step: number, name: string, value: number, images = 64) => ({
  step,
  name,
  value,
  protocol: { images, seed: 0 },
});

describe('measures', () => {
  it('what keeps the best can rank; what is compared with real images cannot', () => {
    expect(RankingMeasure.options.every(isRanking)).toBe(true);
    expect(isRanking('ms-ssim')).toBe(false);
    expect(isBetter('swd', 3, 4)).toBe(true);
    expect(isBetter('coverage', 0.3, 0.4)).toBe(false);
    expect(isBetter('ms-ssim', 0.3, 0.4)).toBeNull();
  });

  it('the best is the earliest of equal ones', () => {
    const metrics = [metric(1, 'swd', 9), metric(2, 'swd', 3), metric(3, 'swd', 3), metric(3, 'recall', 1)];
    expect(bestOf(metrics, 'swd')?.step).toBe(2);
    expect(bestOf(metrics, 'recall')?.value).toBe(1);
    expect(bestOf(metrics, 'fid')).toBeNull();
    expect(bestOf([metric(1, 'ms-ssim', 1)], 'ms-ssim')).toBeNull();
  });

  it('only what was measured in one way is compared: that of most values, the newest of equally many', () => {
    const metrics = [metric(1, 'swd', 9), metric(1, 'swd', 2, 16), metric(2, 'swd', 8), metric(2, 'kid', 1)];
    expect(comparable(metrics, 'swd').map(({ value }) => value)).toEqual([9, 8]);
    expect(
      comparable([metric(1, 'swd', 9), metric(1, 'swd', 2, 16)], 'swd').map(({ value }) => value),
    ).toEqual([2]);
    const otherOrder = { ...metric(3, 'swd', 7), protocol: { seed: 0, images: 64 } };
    expect(comparable([...metrics, otherOrder], 'swd')).toHaveLength(3);
  });

  it('patience counts what came after the best, and after a step', () => {
    const metrics = [9, 5, 6, 7, 8].map((value, i) => metric(i + 1, 'swd', value));
    expect(noBetterSince(metrics, 'swd', 0)).toBe(3);
    expect(noBetterSince(metrics, 'swd', 4)).toBe(1);
    expect(noBetterSince(metrics.slice(0, 2), 'swd', 0)).toBe(0);
    expect(noBetterSince([], 'swd', 0)).toBe(0);
  });

  it('settings are bounded', () => {
    const taken = (changes: object) => v.safeParse(Measuring, { ...defaultMeasuring(), ...changes }).success;
    expect(taken({})).toBe(true);
    expect(taken({ every: null, patience: 3 })).toBe(true);
    for (const wrong of [
      { every: 0 },
      { images: 15 },
      { best: 'ms-ssim' },
      { patience: 0 },
      { checkpointMegabytes: 0 },
    ])
      expect(taken(wrong)).toBe(false);
  });
});
