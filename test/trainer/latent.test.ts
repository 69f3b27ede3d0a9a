import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plane, slerp, toLatents } from '../../src-main/trainer/latent.ts';
import { latents } from '../../src-main/trainer/sampler.ts';
import type { LatentPoint } from '../../src-shared/latent-point.ts';
import { AppError } from '../../src-shared/errors.ts';
import { difference, numbers } from './measure.ts';

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
const norm = (a: ArrayLike<number>) => Math.sqrt(dot(a, a));
const seed = (n: number, along?: number[]): LatentPoint => ({
  kind: 'seed',
  seed: n,
  ...(along && { along }),
});
const z = (point: LatentPoint, latentDim = 16) => toLatents([point], latentDim, []);

const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const dims = fc.integer({ min: 1, max: 130 });
const part = fc.double({ min: 0, max: 1, noNaN: true });

describe('slerp', () => {
  const vectors = fc.tuple(dims, seeds, fc.double({ min: 0.1, max: 10, noNaN: true }));

  test('its ends are the given vectors to the bit, and its length goes evenly between theirs', () => {
    fc.assert(
      fc.property(vectors, part, ([dim, s, scale], t) => {
        const low = latents(s, 1, dim);
        const high = numbers(`high ${s}`, dim, scale);
        expect(Float32Array.from(slerp(low, high, 0))).toEqual(low);
        expect(Float32Array.from(slerp(low, high, 1))).toEqual(high);
        // In one dimension there is no arc.
        if (dim === 1) return;
        const length = (1 - t) * norm(low) + t * norm(high);
        expect(Math.abs(norm(slerp(low, high, t)) - length)).toBeLessThan(1e-6 * length);
      }),
    );
  });

  test("is White's formula for vectors of equal length, and turns evenly", () => {
    const low = Float64Array.from(numbers('low', 50));
    const other = Float64Array.from(numbers('high', 50));
    const high = other.map((value) => (value * norm(low)) / norm(other));
    const angle = Math.acos(dot(low, high) / (norm(low) * norm(high)));
    for (const t of [0.1, 0.25, 0.5, 0.9]) {
      const white = low.map(
        (value, i) => (Math.sin((1 - t) * angle) * value + Math.sin(t * angle) * high[i]!) / Math.sin(angle),
      );
      const given = slerp(low, high, t);
      expect(difference(given, white)).toBeLessThan(1e-12);
      expect(Math.acos(dot(low, given) / (norm(low) * norm(given)))).toBeCloseTo(t * angle, 10);
    }
  });

  test.each([
    ['the same vector', [3, 4], [3, 4], [3, 4]],
    ['one direction', [3, 4], [6, 8], [4.5, 6]],
    ['opposite', [3, 4], [-6, -8], [-1.5, -2]],
    ['from nothing', [0, 0], [2, 4], [1, 2]],
    ['one dimension', [2], [-3], [-0.5]],
  ])('%s: a line', (_, low, high, middle) => {
    expect(Array.from(slerp(Float64Array.from(low), Float64Array.from(high), 0.5))).toEqual(middle);
  });

  test('nearly one direction, nearly opposite: no jump from arc to line', () => {
    for (const apart of [1e-9, 1e-7, 1e-6, 2e-6, 1e-5]) {
      expect(
        difference(slerp(Float64Array.of(1, 0), Float64Array.of(1, apart), 0.5), [1, apart / 2]),
      ).toBeLessThan(1e-10);
      const opposite = slerp(Float64Array.of(1, 0), Float64Array.of(-1, apart), 0.25);
      expect(norm(opposite)).toBeLessThanOrEqual(1 + 1e-9);
    }
  });
});

describe('a plane', () => {
  test('has two directions of length 1 at right angles, the same for the same seed', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 2, max: 130 }), (s, dim) => {
        const [u, v] = plane(s, dim);
        expect(norm(u)).toBeCloseTo(1, 12);
        expect(norm(v)).toBeCloseTo(1, 12);
        expect(Math.abs(dot(u, v))).toBeLessThan(1e-12);
        expect(plane(s, dim)).toEqual([u, v]);
      }),
    );
    expect(plane(1, 8)).not.toEqual(plane(2, 8));
  });

  test('x and y move the centre along them', () => {
    const centre = seed(4);
    const moved = (x: number, y: number) => z({ kind: 'plane', centre, seed: 9, x, y });
    const [u, v] = plane(9, 16);
    expect(moved(0, 0)).toEqual(z(centre));
    const by = moved(2, -3).map((value, i) => value - z(centre)[i]!);
    expect(dot(by, u)).toBeCloseTo(2, 5);
    expect(dot(by, v)).toBeCloseTo(-3, 5);
    expect(norm(by)).toBeCloseTo(Math.sqrt(13), 5);
  });

  test('in one dimension there is but one direction', () => {
    const [[u], [v]] = plane(3, 1);
    expect(Math.abs(u!)).toBe(1);
    expect(v).toBe(0);
  });
});

describe('z of points', () => {
  test('a seed has the z of its first sample, whatever the dimension', () => {
    fc.assert(
      fc.property(seeds, dims, (s, dim) => {
        expect(z(seed(s), dim)).toEqual(latents(s, 9, dim).slice(0, dim));
      }),
    );
  });

  test('points in points, one after the other', () => {
    const from: LatentPoint = { kind: 'plane', centre: seed(1), seed: 5, x: 1, y: 2 };
    const to: LatentPoint = { kind: 'between', from: seed(2), to: seed(3), t: 0.25 };
    const both: LatentPoint = { kind: 'between', from, to, t: 0.5 };
    const all = toLatents([from, to, both], 16, []);
    expect(all).toEqual(Float32Array.from([...z(from), ...z(to), ...z(both)]));
    expect(difference(z(both), slerp(z(from), z(to), 0.5))).toBeLessThan(1e-6);
    expect(z({ kind: 'between', from, to, t: 1 })).toEqual(z(to));
  });

  test('every kind is moved along the directions, in their order', () => {
    const directions = [Float64Array.of(1, 0, 0), Float64Array.of(0, 0.6, 0.8)];
    const given = [
      seed(1),
      { kind: 'between', from: seed(1), to: seed(2), t: 0.3 },
      { kind: 'plane', centre: seed(1), seed: 2, x: 1, y: 1 },
    ] satisfies LatentPoint[];
    for (const point of given) {
      const [a, b, c] = toLatents([point], 3, directions) as unknown as [number, number, number];
      const moved = toLatents([{ ...point, along: [2, -5] }], 3, directions);
      expect(difference(moved, [a + 2, b - 3, c - 4])).toBeLessThan(1e-6);
    }
    // Also inside of another point.
    const inside = toLatents([{ kind: 'plane', centre: seed(1, [2]), seed: 2, x: 0, y: 0 }], 3, directions);
    expect(inside).toEqual(toLatents([seed(1, [2])], 3, directions));
  });

  test('more directions than there are: refused in words', () => {
    const move = () => toLatents([seed(1, [0, 1])], 3, [Float64Array.of(1, 0, 0)]);
    expect(move).toThrow(AppError);
    expect(move).toThrow(/2 directions.* has 1/);
  });
});
