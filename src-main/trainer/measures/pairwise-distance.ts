/** How different the images of one set are from each other. */
import type { Engine } from '../engines/engine.ts';
import { eachDistance } from './distances.ts';
import type { Features } from './features.ts';

/** The mean over all pairs of different rows of the root mean square difference of their values: 0 where all are the same, at most 2. */
export async function pairwiseDistance(engine: Engine, features: Features): Promise<number> {
  const { count, width } = features;
  let sum = 0;
  await eachDistance(engine, features, features, (i, j, squared) => {
    if (i < j) sum += Math.sqrt(squared / width);
  });
  return (2 * sum) / (count * (count - 1));
}
