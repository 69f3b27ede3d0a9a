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
  return Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round((value + 1) * 127.5))));
}

/** The pixels of the grid; cells without an image are black. */
export function layOut(
  images: Float32Array,
  count: number,
  image: Shape,
): { width: number; height: number; pixels: Uint8Array } {
  const columns = gridColumns(count);
  const rows = Math.ceil(count / columns);
  const line = image.width * image.channels;
  const width = columns * image.width;
  const pixels = new Uint8Array(rows * image.height * columns * line);
  const bytes = toBytes(images);
  for (let i = 0; i < count; i += 1) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    for (let y = 0; y < image.height; y += 1) {
      const from = (i * image.height + y) * line;
      const to = ((row * image.height + y) * columns + column) * line;
      pixels.set(bytes.subarray(from, from + line), to);
    }
  }
  return { width, height: rows * image.height, pixels };
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
  const { width, height, pixels } = layOut(images, count, image);
  const channels = image.channels as 1 | 2 | 3 | 4;
  // Else grey would be written three times over.
  const colours = channels < 3 ? 'b-w' : 'srgb';
  const png = await sharp(pixels, { raw: { width, height, channels } })
    .toColourspace(colours)
    .png()
    .toBuffer();
  await writeWhole(file, 'file', (beside) => writeSynced(beside, png));
  return gridColumns(count);
}
