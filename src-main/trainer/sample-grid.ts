/** Many images in one PNG file, row by row, without gaps. */
import sharp from 'sharp';
import type { Shape } from '../../src-shared/gan/block.ts';
import { writeSynced, writeWhole } from './files.ts';

/** Columns of a grid that is about as wide as it is high. */
export function gridColumns(count: number): number {
  return Math.ceil(Math.sqrt(count));
}

/** -1..1 to 0..255, rounded, cut off outside. */
export function toBytes(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i += 1)
    bytes[i] = Math.min(255, Math.max(0, Math.round((values[i]! + 1) * 127.5)));
  return bytes;
}

export interface Grid {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/**
 * The pixels of the grid; cells without an image are black.
 * @param images bytes, [count, height, width, channels]
 */
export function layOutBytes(images: Uint8Array, count: number, image: Shape, columns: number): Grid {
  const rows = Math.ceil(count / columns);
  const line = image.width * image.channels;
  const width = columns * image.width;
  const pixels = new Uint8Array(rows * image.height * columns * line);
  for (let i = 0; i < count; i += 1) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    for (let y = 0; y < image.height; y += 1) {
      const from = (i * image.height + y) * line;
      const to = ((row * image.height + y) * columns + column) * line;
      pixels.set(images.subarray(from, from + line), to);
    }
  }
  return { width, height: rows * image.height, pixels };
}

/** As {@link layOutBytes}, of images in -1..1, about as wide as high. */
export function layOut(images: Float32Array, count: number, image: Shape): Grid {
  return layOutBytes(toBytes(images), count, image, gridColumns(count));
}

/** The grid as PNG. */
export function encodeGrid({ width, height, pixels }: Grid, image: Shape): Promise<Buffer> {
  const channels = image.channels as 1 | 2 | 3 | 4;
  // Else grey would be written three times over.
  const colours = channels < 3 ? 'b-w' : 'srgb';
  return sharp(pixels, { raw: { width, height, channels } }).toColourspace(colours).png().toBuffer();
}

/**
 * @param images [count, height, width, channels], -1..1
 * @returns the number of columns
 */
export async function writeGrid(
  file: string,
  images: Float32Array,
  count: number,
  image: Shape,
): Promise<number> {
  const png = await encodeGrid(layOut(images, count, image), image);
  await writeWhole(file, 'file', (beside) => writeSynced(beside, png));
  return gridColumns(count);
}
