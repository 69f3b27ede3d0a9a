import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { LatentPoint, maxDirections } from '../../src-shared/latent-point.ts';

const seed = (n: number): LatentPoint => ({ kind: 'seed', seed: n });
const accepts = (point: unknown) => v.is(LatentPoint, point);

/** A point with so many points around its innermost one. */
function nested(depth: number): LatentPoint {
  let point = seed(1);
  for (let i = 0; i < depth; i += 1) {
    point =
      i % 2 === 0
        ? { kind: 'plane', centre: point, seed: i, x: 1, y: -1 }
        : { kind: 'between', from: seed(i), to: point, t: 0.5 };
  }
  return point;
}

describe('a point', () => {
  test('comes back as it was', () => {
    const point = { ...nested(5), along: [0, -20, 20, 0.5] };
    expect(v.parse(LatentPoint, JSON.parse(JSON.stringify(point)))).toEqual(point);
  });

  test.each([
    ['no whole seed', seed(1.5)],
    ['a negative seed', seed(-1)],
    ['a seed that is no exact number', seed(2 ** 53)],
    ['past the end', { kind: 'between', from: seed(1), to: seed(2), t: 1.01 }],
    ['no number', { kind: 'plane', centre: seed(1), seed: 1, x: NaN, y: 0 }],
    ['far out', { kind: 'plane', centre: seed(1), seed: 1, x: 0, y: 101 }],
    ['too far along', { ...seed(1), along: [21] }],
    ['along too many', { ...seed(1), along: Array<number>(maxDirections + 1).fill(0) }],
    ['unknown', { kind: 'z', z: [1, 2] }],
    ['more than it says', { ...seed(1), t: 0 }],
  ])('%s: refused', (_, point) => {
    expect(accepts(point)).toBe(false);
  });

  test('32 points deep, and no deeper, however deep what is sent', () => {
    expect(accepts(nested(32))).toBe(true);
    const { success, issues } = v.safeParse(LatentPoint, nested(33));
    expect(success).toBe(false);
    expect(issues?.[0].message).toBe('more than 32 points in points');
    expect(accepts(nested(20_000))).toBe(false);
  });
});
