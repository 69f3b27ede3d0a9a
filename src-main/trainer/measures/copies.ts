/**
 * How many generated images are copies of training images. One counts as a copy when it is nearer to its nearest training image than that is
 * to any other training image: the opposite of "authenticity" (Alaa et al. 2022, "How Faithful is your Synthetic Data?", section 4.3). Images
 * from the training images' own distribution are that near about half the time.
 */
import type { Engine } from '../engines/engine.ts';
import { eachDistance } from './distances.ts';
import type { Features } from './features.ts';

export interface Copies {
  /** Share of copies, 0 to 1. */
  share: number;
  /** Mean of the root mean square difference between an image and its nearest training image. */
  distance: number;
}

/** @param training all training images, two or more */
export async function copies(engine: Engine, training: Features, fakes: Features): Promise<Copies> {
  const nearest = new Uint32Array(fakes.count);
  const distances = new Float64Array(fakes.count).fill(Infinity);
  await eachDistance(engine, fakes, training, (fake, real, squared) => {
    if (squared >= distances[fake]!) return;
    distances[fake] = squared;
    nearest[fake] = real;
  });
  const { width } = training;
  const found = [...new Set(nearest)];
  const values = new Float32Array(found.length * width);
  found.forEach((real, i) =>
    values.set(training.values.subarray(real * width, (real + 1) * width), i * width),
  );
  const toOthers = new Map(found.map((real) => [real, Infinity]));
  await eachDistance(engine, { count: found.length, width, values }, training, (i, other, squared) => {
    const real = found[i]!;
    if (other !== real && squared < toOthers.get(real)!) toOthers.set(real, squared);
  });
  let copied = 0;
  let sum = 0;
  for (let fake = 0; fake < fakes.count; fake += 1) {
    if (distances[fake]! < toOthers.get(nearest[fake]!)!) copied += 1;
    sum += Math.sqrt(distances[fake]! / width);
  }
  return { share: copied / fakes.count, distance: sum / fakes.count };
}
