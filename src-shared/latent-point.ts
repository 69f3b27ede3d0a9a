import * as v from 'valibot';

/**
 * A point of the latent space, in terms that can be repeated. `seed`: the latent of the first image that `ganvas sample` draws with that
 * seed. `between`: on the arc from one to the other (slerp, White 2016), t from 0 to 1. `plane`: the centre moved by x and y along
 * two directions at right angles that `seed` draws, in standard deviations of the prior along a direction: 1 is small, two
 * seeds lie about sqrt(2 latentDim) apart. Every kind can then be moved along the generator's own directions, the strongest first, in the same
 * unit (`along`).
 */
export type LatentPoint =
  | { kind: 'seed'; seed: number; along?: number[] }
  | { kind: 'between'; from: LatentPoint; to: LatentPoint; t: number; along?: number[] }
  | { kind: 'plane'; centre: LatentPoint; seed: number; x: number; y: number; along?: number[] };

/** Most directions that a point can be moved along. */
export const maxDirections = 64;

/** Points lie in points at most so deep. */
const maxDepth = 32;

const between = (min: number, max: number) => v.pipe(v.number(), v.minValue(min), v.maxValue(max));
const seed = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const along = v.exactOptional(v.pipe(v.array(between(-20, 20)), v.maxLength(maxDirections)));

const Seed = v.strictObject({ kind: v.literal('seed'), seed, along });

// Not one schema that refers to itself: what is read from outside must not decide how deep the reader's stack goes.
function nested(depth: number): v.GenericSchema<LatentPoint> {
  if (depth === 0) return v.variant('kind', [Seed], `more than ${maxDepth} points in points`);
  const inner = nested(depth - 1);
  return v.variant('kind', [
    Seed,
    v.strictObject({ kind: v.literal('between'), from: inner, to: inner, t: between(0, 1), along }),
    v.strictObject({
      kind: v.literal('plane'),
      centre: inner,
      seed,
      x: between(-100, 100),
      y: between(-100, 100),
      along,
    }),
  ]);
}

export const LatentPoint = nested(maxDepth);
