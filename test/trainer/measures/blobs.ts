/** Images to measure: soft spots of colour, all different. */
import type { Images } from '../../../src-main/trainer/measures/images.ts';
import { Random } from '../../../src-main/trainer/random.ts';
import type { Shape } from '../../../src-shared/gan/block.ts';
import { size } from '../../../src-shared/gan/shape.ts';

/** @param spots of each image */
export function blobs(name: string, shape: Shape, count: number, spots: number): Images {
  const { height, width, channels } = shape;
  const random = new Random(11, name);
  const bytes = new Uint8Array(count * size(shape));
  for (let n = 0; n < count; n += 1) {
    const drawn = Array.from({ length: spots }, () => ({
      y: random.uniform() * height,
      x: random.uniform() * width,
      radius: (0.1 + 0.2 * random.uniform()) * height,
      colour: Array.from({ length: channels }, () => 255 * random.uniform()),
    }));
    for (let i = 0; i < size(shape); i += 1) {
      const [pixel, c] = [Math.floor(i / channels), i % channels];
      const [row, column] = [Math.floor(pixel / width), pixel % width];
      let value = 40 * random.uniform();
      for (const { y, x, radius, colour } of drawn)
        value += colour[c]! * Math.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * radius ** 2));
      bytes[n * size(shape) + i] = Math.min(255, Math.round(value));
    }
  }
  return { count, shape, bytes };
}
