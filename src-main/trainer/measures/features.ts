/** Images as vectors between which distances mean something. */
import { size } from '../../../src-shared/gan/shape.ts';
import { boxAverage } from '../nearest.ts';
import type { Images } from './images.ts';

export interface Features {
  count: number;
  width: number;
  /** [count, width] */
  values: Float32Array;
}

/** Longest side of the images that are compared by their pixels. */
const comparedSide = 16;

/** What {@link pixelFeatures} makes of images, in words. */
export const pixelFeatureWords = `pixels, at most ${comparedSide} a side`;

/** Pixels as -1..1; of images larger than 16x16 the means over square cells. */
export function pixelFeatures({ count, shape, bytes }: Images): Features {
  const cell = Math.ceil(Math.max(shape.height, shape.width) / comparedSide);
  const average = boxAverage(shape, cell);
  const each = size(shape);
  const width = Math.ceil(shape.height / cell) * Math.ceil(shape.width / cell) * shape.channels;
  const values = new Float32Array(count * width);
  for (let i = 0; i < count; i += 1) {
    const averages = average(bytes.subarray(i * each, (i + 1) * each));
    for (let j = 0; j < width; j += 1) values[i * width + j] = averages[j]! / 127.5 - 1;
  }
  return { count, width, values };
}
