/** Points of the latent space as z. The arithmetic is done in float64; z is float32 as everywhere. */
import { AppError } from '../../src-shared/errors.ts';
import type { LatentPoint } from '../../src-shared/latent-point.ts';
import { Random } from './random.ts';
import { latents } from './sampler.ts';

type Vector = Float32Array | Float64Array;

function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}

/** a * x + b * y */
function combine(a: number, x: Vector, b: number, y: Vector): Float64Array {
  return Float64Array.from(x, (value, i) => a * value + b * y[i]!);
}

const norm = (x: Vector) => Math.sqrt(dot(x, x));

/** Angles whose sine is below this have no arc that could be told from a line. */
const straight = 1e-6;

/**
 * From `low` (t = 0) to `high` (t = 1) along an arc: spherical interpolation (White 2016, "Sampling Generative Networks", section 2.1;
 * the formula is Shoemake's 1985) of the directions, while the length goes evenly from one to the other. For vectors of
 * equal length this is White's formula; for others his leaves the range of the two lengths. Vectors that are parallel, opposite or zero lie
 * on no arc: those are interpolated linearly. At 0 and 1 the result is `low` and `high` to the bit.
 */
export function slerp(low: Vector, high: Vector, t: number): Float64Array {
  if (t === 0) return Float64Array.from(low);
  if (t === 1) return Float64Array.from(high);
  const [a, b] = [norm(low), norm(high)];
  if (a === 0 || b === 0) return combine(1 - t, low, t, high);
  // Kahan's form: exact for small and for wide angles, where the arc cosine is not.
  const angle =
    2 * Math.atan2(norm(combine(1 / a, low, -1 / b, high)), norm(combine(1 / a, low, 1 / b, high)));
  const sine = Math.sin(angle);
  if (sine < straight) return combine(1 - t, low, t, high);
  const length = (1 - t) * a + t * b;
  return combine(
    (length * Math.sin((1 - t) * angle)) / (sine * a),
    low,
    (length * Math.sin(t * angle)) / (sine * b),
    high,
  );
}

function direction(values: Float64Array): Float64Array {
  const length = norm(values);
  return length < straight ? values.fill(0) : values.map((value) => value / length);
}

/**
 * Two directions of length 1 at right angles, drawn evenly from all of them (Gram and Schmidt on two normal vectors). Moving along one of
 * them by 1 is one standard deviation of the prior N(0, I), whose spread is 1 along every direction. In a space of one dimension there is no
 * second direction: it is zero.
 */
export function plane(seed: number, latentDim: number): [Float64Array, Float64Array] {
  const drawn = new Random(seed, 'plane').normal(new Float32Array(2 * latentDim));
  const u = direction(Float64Array.from(drawn.subarray(0, latentDim)));
  const v = Float64Array.from(drawn.subarray(latentDim));
  if (latentDim === 1) return [u, v.fill(0)];
  // Twice is enough (Kahan, Parlett): once may leave what rounding put back.
  const once = combine(1, v, -dot(u, v), u);
  return [u, direction(combine(1, once, -dot(u, once), u))];
}

/**
 * z of points. The z of a seed is that of the first image of `ganvas sample --seed`.
 * @param directions that points can be moved along: of length 1, the strongest first; see `directions.ts`
 * @returns [points, latentDim]
 * @throws AppError `explore.no-direction` when a point is moved along more directions than there are
 */
export function toLatents(
  points: readonly LatentPoint[],
  latentDim: number,
  directions: readonly Vector[],
): Float32Array {
  const unmoved = (point: LatentPoint): Float64Array => {
    switch (point.kind) {
      case 'seed':
        return Float64Array.from(latents(point.seed, 1, latentDim));
      case 'between':
        return slerp(place(point.from), place(point.to), point.t);
      case 'plane': {
        const [u, v] = plane(point.seed, latentDim);
        return combine(1, place(point.centre), 1, combine(point.x, u, point.y, v));
      }
    }
  };
  const place = (point: LatentPoint): Float64Array => {
    const { along = [] } = point;
    if (along.length > directions.length) {
      throw new AppError(
        'explore.no-direction',
        `A point is to be moved along ${along.length} directions, but this generator has ${directions.length}.`,
        { directions: directions.length },
      );
    }
    return along.reduce((z, by, i) => (by === 0 ? z : combine(1, z, by, directions[i]!)), unmoved(point));
  };
  const all = new Float32Array(points.length * latentDim);
  points.forEach((point, i) => all.set(place(point), i * latentDim));
  return all;
}
