import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import { imageBytes } from './cache-entry.ts';

/**
 * Images of a prepared dataset, exactly as the network sees them: height x width x channels bytes each, in the order of
 * `indices`.
 * @throws {AppError} `dataset.no-such-image` for an index that is none; `dataset.cache-lost` when the cache entry is gone.
 */
export async function readImages(dataset: PreparedDataset, indices: readonly number[]): Promise<Uint8Array> {
  const bytes = imageBytes(dataset);
  const wrong = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= dataset.count);
  if (wrong !== undefined) {
    const text = `There is no image ${wrong}: the dataset has images 0 to ${dataset.count - 1}.`;
    throw new AppError('dataset.no-such-image', text, { index: wrong, count: dataset.count });
  }
  const pixels = new Uint8Array(indices.length * bytes);
  try {
    const images = await open(join(dataset.dir, 'images.u8'), 'r');
    try {
      for (const [at, index] of indices.entries()) {
        const { bytesRead } = await images.read(pixels, at * bytes, bytes, index * bytes);
        if (bytesRead !== bytes) throw new Error('images.u8 is shorter than it was');
      }
    } finally {
      await images.close();
    }
  } catch (cause) {
    throw new AppError(
      'dataset.cache-lost',
      `The prepared images in ${dataset.dir} cannot be read. Prepare the dataset again from ${dataset.source}.`,
      { dir: dataset.dir },
      { cause },
    );
  }
  return pixels;
}
