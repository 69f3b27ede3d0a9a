import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { LatentWalk, moved, suitableRange } from '../../src-renderer/state/latent-walk.svelte.ts';
import { LatentPoint } from '../../src-shared/latent-point.ts';

const seed = (number: number): LatentPoint => ({ kind: 'seed', seed: number });

/** A walk that starts from seed 3. */
function walkFrom3(): LatentWalk {
  const walk = new LatentWalk();
  walk.start(seed(3));
  return walk;
}

describe('a walk through the latent space', () => {
  it('is at the seed that was chosen', () => expect(walkFrom3().point).toEqual(seed(3)));

  it('goes along a way, over a plane and along directions, each by itself', () => {
    const walk = walkFrom3();
    walk.leadTo(seed(9));
    walk.goTo(0.25);
    walk.onPlane(7);
    walk.put(1, -2);
    walk.move(2, 4);
    const way = { kind: 'between', from: seed(3), to: seed(9), t: 0.25 };
    expect(walk.point).toEqual({ kind: 'plane', centre: way, seed: 7, x: 1, y: -2, along: [0, 0, 4] });
    walk.goTo(1);
    walk.put(0, 0);
    expect(walk.point).toEqual({ ...way, t: 1, along: [0, 0, 4] });
    walk.resetDirections();
    walk.leadTo(null);
    expect(walk.point).toEqual(seed(3));
  });

  it('says what is at other places of its way and its plane', () => {
    const walk = walkFrom3();
    walk.leadTo(seed(9));
    walk.put(1, 1);
    expect(walk.on(0.5)).toMatchObject({ kind: 'plane', centre: { kind: 'between', t: 0.5 }, x: 1, y: 1 });
    expect(walk.at(2, 3)).toMatchObject({ kind: 'plane', centre: { kind: 'between', t: 0 }, x: 2, y: 3 });
  });

  it('looks under the pointer without going there', () => {
    const walk = walkFrom3();
    walk.peek({ x: 1, y: 2 });
    expect(walk.seen).toMatchObject({ kind: 'plane', x: 1, y: 2 });
    expect(walk.point).toEqual(seed(3));
    walk.peek(null);
    expect(walk.seen).toEqual(seed(3));
  });

  it('turns around and stays where it is', () => {
    const walk = walkFrom3();
    walk.leadTo(seed(9));
    walk.goTo(0.25);
    walk.turn();
    expect(walk.point).toEqual({ kind: 'between', from: seed(9), to: seed(3), t: 0.75 });
  });

  it('keeps to its way and to the length of directions', () => {
    const walk = walkFrom3();
    walk.goTo(1.01);
    expect(walk.t).toBe(1);
    walk.move(0, 99);
    expect(walk.along).toEqual([10]);
    walk.move(0, 0);
    expect(walk.along).toEqual([]);
  });

  it('walks on from where it is: that becomes the middle', () => {
    const walk = walkFrom3();
    expect(walk.canCentre).toBe(false);
    walk.put(1, 2);
    walk.move(0, 3);
    const before = walk.point;
    walk.centre();
    expect(walk.point).toEqual(before);
    expect(walk.place).toEqual({ x: 0, y: 0 });
    walk.move(0, 1);
    expect(walk.point.along).toEqual([4]);
  });

  it('never goes where the contract takes it no further', () => {
    const walk = walkFrom3();
    let steps = 0;
    for (; steps < 100; steps += 1) {
      walk.put(1, 1);
      walk.move(0, 10);
      if (!walk.canCentre) break;
      walk.centre();
    }
    expect(steps).toBeGreaterThan(10);
    walk.leadTo(walk.point);
    walk.goTo(0.5);
    expect(v.is(LatentPoint, walk.point)).toBe(true);
  });
});

describe('moves along directions', () => {
  it('add up, and end with the last that is not zero', () => {
    expect(moved({ kind: 'seed', seed: 1, along: [1, 2] }, [0, -2, 0])).toEqual({
      kind: 'seed',
      seed: 1,
      along: [1],
    });
    expect(moved({ kind: 'seed', seed: 1, along: [1] }, [-1])).toEqual(seed(1));
  });
});

describe('the range of a plane', () => {
  it('goes at most half the way to another seed', () => {
    expect(suitableRange(64)).toBe(4);
    expect(suitableRange(100)).toBe(4);
    expect(suitableRange(512)).toBe(16);
    expect(suitableRange(1)).toBe(0.5);
  });
});
