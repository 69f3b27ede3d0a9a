import type { LatentPoint } from '../../src-shared/latent-point.ts';
import { maxDirections } from '../../src-shared/latent-point.ts';

/** How far a point can be moved along a direction, in standard deviations of the prior. */
export const farthest = 10;
/** Half of the widest and of the narrowest plane. */
export const ranges = [0.25, 0.5, 1, 2, 4, 8, 16, 32] as const;
/** Points lie in points; the contract takes 32 of them, and a way lies in one more. */
const deepest = 24;
/** What the contract takes along one direction. */
const most = 20;

/**
 * Half the side of a plane that shows a good part of what there is and yet goes evenly: at most half the way to another seed, which
 * is sqrt(2 latentDim) away.
 */
export function suitableRange(latentDim: number): number {
  const half = Math.sqrt(2 * latentDim) / 2;
  return ranges.findLast((range) => range <= half) ?? ranges[0];
}

/** A point moved further along directions: moves along the same one add up. */
export function moved(point: LatentPoint, along: readonly number[]): LatentPoint {
  const before = point.along ?? [];
  const sum = Array.from({ length: Math.max(before.length, along.length) }, (_, i) =>
    Math.min(most, Math.max(-most, (before[i] ?? 0) + (along[i] ?? 0))),
  );
  const end = sum.findLastIndex((by) => by !== 0) + 1;
  const { along: _, ...still } = point;
  return end === 0 ? still : { ...still, along: sum.slice(0, end) };
}

function depth(point: LatentPoint): number {
  switch (point.kind) {
    case 'seed':
      return 0;
    case 'between':
      return 1 + Math.max(depth(point.from), depth(point.to));
    case 'plane':
      return 1 + depth(point.centre);
  }
}

/**
 * The point that is looked at: on the way from one point to another, moved on a plane around it, and along the generator's own directions. Each of
 * the three can be changed while the others stay.
 */
export class LatentWalk {
  #from: LatentPoint = $state.raw({ kind: 'seed', seed: 0 });
  #to: LatentPoint | null = $state.raw(null);
  #t = $state(0);
  #plane = $state(0);
  #place: { x: number; y: number } = $state.raw({ x: 0, y: 0 });
  #peek: { x: number; y: number } | null = $state.raw(null);
  #along: readonly number[] = $state.raw([]);

  get from(): LatentPoint {
    return this.#from;
  }
  /** Where the way leads; null while it leads nowhere. */
  get to(): LatentPoint | null {
    return this.#to;
  }
  /** How much of the way is behind, 0 to 1. */
  get t(): number {
    return this.#t;
  }
  /** Seed of the plane's two directions. */
  get plane(): number {
    return this.#plane;
  }
  /** Where on the plane, in standard deviations of the prior. */
  get place(): { x: number; y: number } {
    return this.#place;
  }
  /** By how much the point is moved along each of the generator's directions, the strongest first. */
  get along(): readonly number[] {
    return this.#along;
  }

  /** What was chosen. */
  readonly point: LatentPoint = $derived(this.#made(this.#t, this.#place));
  /** What is looked at: that, or what lies under the pointer meanwhile. */
  readonly seen: LatentPoint = $derived(this.#made(this.#t, this.#peek ?? this.#place));

  /** Starts from another point: no way, the middle of the plane. Directions stay, to be compared. */
  start(from: LatentPoint): void {
    this.#from = from;
    this.#to = null;
    this.#t = 0;
    this.#place = { x: 0, y: 0 };
  }

  /** Another first end of the way, whose other end stays. */
  leaveFrom(from: LatentPoint): void {
    this.#from = from;
  }

  leadTo(to: LatentPoint | null): void {
    this.#to = to;
    if (to === null) this.#t = 0;
  }

  turn(): void {
    if (this.#to === null) return;
    [this.#from, this.#to] = [this.#to, this.#from];
    this.#t = 1 - this.#t;
  }

  goTo(t: number): void {
    this.#t = Math.min(1, Math.max(0, t));
  }

  put(x: number, y: number): void {
    this.#place = { x, y };
  }

  /** Looks at another place of the plane for a moment; null looks back. */
  peek(at: { x: number; y: number } | null): void {
    this.#peek = at;
  }

  onPlane(seed: number): void {
    this.#plane = seed;
    this.#place = { x: 0, y: 0 };
  }

  move(direction: number, by: number): void {
    const along = Array.from({ length: maxDirections }, (_, i) =>
      i === direction ? Math.min(farthest, Math.max(-farthest, by)) : (this.#along[i] ?? 0),
    );
    this.#along = along.slice(0, along.findLastIndex((value) => value !== 0) + 1);
  }

  resetDirections(): void {
    this.#along = [];
  }

  /** Whether the point can become the middle of the plane. */
  get canCentre(): boolean {
    const { x, y } = this.#place;
    return (x !== 0 || y !== 0) && depth(this.point) < deepest;
  }

  /** The point becomes the middle of the plane, so that one can walk on. */
  centre(): void {
    if (!this.canCentre) return;
    const { point } = this;
    this.resetDirections();
    this.start(point);
  }

  /** The point for another place on the way. */
  on(t: number): LatentPoint {
    return this.#made(t, this.#place);
  }

  /** The point for another place on the plane. */
  at(x: number, y: number): LatentPoint {
    return this.#made(this.#t, { x, y });
  }

  #made(t: number, { x, y }: { x: number; y: number }): LatentPoint {
    const base: LatentPoint =
      this.#to === null ? this.#from : { kind: 'between', from: this.#from, to: this.#to, t };
    const placed: LatentPoint =
      x === 0 && y === 0 ? base : { kind: 'plane', centre: base, seed: this.#plane, x, y };
    return moved(placed, this.#along);
  }
}
