/**
 * Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) by nearest neighbours, as
 * clovaai/generative-evaluation-prdc prdc/prdc.py has them: around every image lies a ball that reaches to its k-th nearest neighbour in its
 * own set. They depend on the features, so what these are belongs to every number.
 */
import type { Engine } from '../engines/engine.ts';
import { eachDistance } from './distances.ts';
import type { Features } from './features.ts';

/** Neighbours that a ball reaches to. */
export const neighbours = 5;

export interface PrecisionRecall {
  /** Share of fakes that lie in the ball of some real. */
  precision: number;
  /** Share of reals that lie in the ball of some fake. */
  recall: number;
  /** Balls of reals that a fake lies in, on average, divided by k: 1 for fakes like the reals, more for fakes at their centre. */
  density: number;
  /** Share of reals in whose ball some fake lies. */
  coverage: number;
}

/** Squared distance of each row to its k-th nearest other one. */
async function radii(engine: Engine, features: Features): Promise<Float64Array> {
  const { count } = features;
  /** The k + 1 least distances of each row so far, ascending: a row is its own nearest. */
  const kept = neighbours + 1;
  const nearest = new Float64Array(count * kept).fill(Infinity);
  await eachDistance(engine, features, features, (i, j, squared) => {
    const distance = i === j ? 0 : squared;
    const first = i * kept;
    let place = first + kept - 1;
    if (distance >= nearest[place]!) return;
    for (; place > first && nearest[place - 1]! > distance; place -= 1) nearest[place] = nearest[place - 1]!;
    nearest[place] = distance;
  });
  return Float64Array.from({ length: count }, (_, i) => nearest[(i + 1) * kept - 1]!);
}

/** @param reals, fakes more than {@link neighbours} of both */
export async function precisionRecall(
  engine: Engine,
  reals: Features,
  fakes: Features,
): Promise<PrecisionRecall> {
  const [ofReals, ofFakes] = [await radii(engine, reals), await radii(engine, fakes)];
  const fakeIsIn = new Uint8Array(fakes.count);
  const realIsIn = new Uint8Array(reals.count);
  const isCovered = new Uint8Array(reals.count);
  let inside = 0;
  await eachDistance(engine, reals, fakes, (real, fake, squared) => {
    if (squared < ofReals[real]!) {
      fakeIsIn[fake] = 1;
      isCovered[real] = 1;
      inside += 1;
    }
    if (squared < ofFakes[fake]!) realIsIn[real] = 1;
  });
  const share = (marks: Uint8Array) => marks.reduce((sum, mark) => sum + mark, 0) / marks.length;
  return {
    precision: share(fakeIsIn),
    recall: share(realIsIn),
    density: inside / (neighbours * fakes.count),
    coverage: share(isCovered),
  };
}
