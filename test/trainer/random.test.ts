import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src-main/trainer/random.ts';

function moments(values: ArrayLike<number>) {
  const list = Array.from(values);
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
  const central = (power: number) =>
    list.reduce((sum, value) => sum + (value - mean) ** power, 0) / list.length;
  const variance = central(2);
  return { mean, variance, skew: central(3) / variance ** 1.5, kurtosis: central(4) / variance ** 2 };
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ma, mb] = [moments(a), moments(b)];
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i]! - ma.mean) * (b[i]! - mb.mean);
  return sum / a.length / Math.sqrt(ma.variance * mb.variance);
}

const count = 100_000;
/** Five standard errors of a mean over `count` numbers. */
const near = 5 / Math.sqrt(count);

describe('normal numbers', () => {
  const values = new Random(1, 'z', 1).normal(new Float32Array(count));

  test('have the moments of the normal distribution', () => {
    const { mean, variance, skew, kurtosis } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(near);
    expect(Math.abs(variance - 1)).toBeLessThan(near * Math.SQRT2);
    expect(Math.abs(skew)).toBeLessThan(near * Math.sqrt(6));
    expect(Math.abs(kurtosis - 3)).toBeLessThan(near * Math.sqrt(24));
  });

  test('have its tails', () => {
    const share = (limit: number) => values.filter((value) => Math.abs(value) > limit).length / count;
    expect(share(1)).toBeCloseTo(0.3173, 2);
    expect(share(2)).toBeCloseTo(0.0455, 2);
    expect(share(3)).toBeGreaterThan(0.001);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  test('follow each other independently', () => {
    expect(Math.abs(correlation(values.subarray(1), values.subarray(0, -1)))).toBeLessThan(near);
    const even = values.filter((_, i) => i % 2 === 0);
    const odd = values.filter((_, i) => i % 2 === 1);
    expect(Math.abs(correlation(even, odd))).toBeLessThan(near * Math.SQRT2);
  });

  test('take a mean and a standard deviation', () => {
    const { mean, variance } = moments(new Random(1, 'init').normal(new Float32Array(count), 1, 0.02));
    expect(Math.abs(mean - 1)).toBeLessThan(near * 0.02);
    expect(Math.abs(Math.sqrt(variance) - 0.02)).toBeLessThan(near * 0.02);
  });

  test('an odd number of them begins as an even number does', () => {
    const five = new Random(3, 'z').normal(new Float32Array(5));
    expect(new Random(3, 'z').normal(new Float32Array(8)).subarray(0, 5)).toEqual(five);
  });
});

describe('streams', () => {
  const stream = (seed: number, purpose: string, index?: number) =>
    new Random(seed, purpose, index).normal(new Float32Array(count));
  const first = stream(1, 'z', 1);

  test.for<[string, Float32Array]>([
    ['seed', stream(2, 'z', 1)],
    ['seed above 32 bits', stream(1 + 2 ** 32, 'z', 1)],
    ['purpose', stream(1, 'y', 1)],
    ['longer purpose', stream(1, 'zz', 1)],
    ['index', stream(1, 'z', 2)],
    ['index above 32 bits', stream(1, 'z', 1 + 2 ** 32)],
  ])('differ and are independent by %s', ([, other]) => {
    expect(other).not.toEqual(first);
    expect(Math.abs(correlation(first, other))).toBeLessThan(near);
  });

  test('of neighbouring steps begin with independent numbers', () => {
    const begin = (offset: number) =>
      Float64Array.from({ length: 20_000 }, (_, step) => new Random(5, 'z', step + offset).uniform());
    expect(Math.abs(correlation(begin(0), begin(1)))).toBeLessThan(5 / Math.sqrt(20_000));
    const { mean, variance } = moments(begin(0));
    expect(mean).toBeCloseTo(0.5, 1);
    expect(variance).toBeCloseTo(1 / 12, 2);
  });

  test('are the same numbers on every machine', () => {
    const random = new Random(42, 'z', 7);
    expect(Array.from({ length: 4 }, () => random.uint32())).toEqual(recorded.uint32);
    expect(Array.from(new Random(2 ** 52, 'order', 3).permutation(10))).toEqual(recorded.permutation);
    const normal = new Random(0, 'init discriminator.0.weight').normal(new Float32Array(3));
    normal.forEach((value, i) => expect(value).toBeCloseTo(recorded.normal[i]!, 6));
  });
});

/** What this code gave when it was written: runs of then must go on the same now. */
const recorded = {
  uint32: [2380896615, 2168976245, 2597772229, 213163771],
  permutation: [2, 1, 6, 9, 8, 5, 0, 7, 4, 3],
  normal: [0.2036563903093338, -1.2594058513641357, 0.13257776200771332],
};

test('uniform numbers fill [0, 1) evenly', () => {
  const random = new Random(9, 'u');
  const bins = new Uint32Array(50);
  for (let i = 0; i < count; i += 1) bins[Math.floor(random.uniform() * 50)]! += 1;
  const expected = count / 50;
  const chiSquared = bins.reduce((sum, found) => sum + (found - expected) ** 2 / expected, 0);
  // 49 degrees of freedom: mean 49, standard deviation 9.9.
  expect(chiSquared).toBeLessThan(49 + 5 * 9.9);
});

test('dropout keeps the mean', () => {
  for (const rate of [0.1, 0.5, 0.95]) {
    const mask = new Random(1, 'dropout', 1).dropout(new Float32Array(count), rate);
    expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]));
    const dropped = mask.filter((value) => value === 0).length / count;
    expect(Math.abs(dropped - rate)).toBeLessThan(near * Math.sqrt(rate * (1 - rate)));
  }
});

test('dropout takes its numbers from the stream, one for each place, and leaves it where it then is', () => {
  const [mask, stream] = [new Random(3, 'dropout', 7), new Random(3, 'dropout', 7)];
  for (const rate of [0.3, 0, 0.75, 1 - 2 ** -20]) {
    const found = mask.dropout(new Float32Array(1000), rate);
    const expected = found.map(() => (stream.uint32() < rate * 2 ** 32 ? 0 : 1 / (1 - rate)));
    expect(found).toEqual(expected);
  }
  expect(mask.uint32()).toBe(stream.uint32());
});

describe('permutations', () => {
  test('hold every number once', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(1000), fc.nat(300), (seed, index, length) => {
        const order = new Random(seed, 'order', index).permutation(length);
        expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      }),
    );
  });

  test('of three are equally frequent', () => {
    const found = new Map<string, number>();
    for (let i = 0; i < 12_000; i += 1) {
      const key = new Random(1, 'order', i).permutation(3).join('');
      found.set(key, (found.get(key) ?? 0) + 1);
    }
    expect(found.size).toBe(6);
    for (const times of found.values()) expect(Math.abs(times - 2000)).toBeLessThan(5 * Math.sqrt(2000));
  });
});
