/** A grid of images. */
import sharp from 'sharp';
import { size } from '../../../src-shared/gan/shape.ts';
import { writeSynced } from '../files.ts';
import { gridColumns, layOut } from '../sample-grid.ts';
import type { Format } from './format.ts';
import type { Trial } from './trained-generator.ts';
import { largestDifference } from './trained-generator.ts';

/** Where an image's channels are in decoded pixels, which are always red, green, blue and, where there is one, alpha. */
const places: Record<number, readonly number[]> = { 1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3] };

/** The images of a grid, -1..1. */
async function readGrid(file: string, { count, image }: Trial): Promise<Float32Array> {
  const { data, info } = await sharp(file).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  const columns = gridColumns(count);
  const images = new Float32Array(count * size(image));
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    const [top, left] = [Math.floor(i / columns) * image.height, (i % columns) * image.width];
    for (let y = top; y < top + image.height; y += 1) {
      for (let x = left; x < left + image.width; x += 1) {
        for (const place of places[image.channels]!) {
          images[at] = data[(y * info.width + x) * info.channels + place]! / 127.5 - 1;
          at += 1;
        }
      }
    }
  }
  return images;
}

export const png: Format = {
  kind: 'file',
  trials: 64,
  // Half a grey level of 2/255, and what rounding in between may add.
  tolerance: 1 / 255 + 1e-6,
  async write(target, { image }, { images, count }) {
    const { width, height, pixels } = layOut(images, count, image);
    const channels = image.channels as 1 | 2 | 3 | 4;
    const grid = sharp(pixels, { raw: { width, height, channels } });
    // Grey would be written as three equal colours.
    if (channels < 3) grid.toColourspace('b-w');
    await writeSynced(target, await grid.png().toBuffer());
  },
  async difference(target, trial) {
    const visible = trial.images.map((value) => Math.min(1, Math.max(-1, value)));
    return largestDifference(visible, await readGrid(target, trial));
  },
};
