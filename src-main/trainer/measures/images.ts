/** Images as they are measured: bytes, as they would be saved. */
import type { PreparedDataset } from '../../../src-shared/dataset.ts';
import type { Shape } from '../../../src-shared/gan/block.ts';
import { size } from '../../../src-shared/gan/shape.ts';
import { openImages, readWhole } from '../prepared-images.ts';
import { Random } from '../random.ts';

export interface Images {
  count: number;
  shape: Shape;
  /** [count, height, width, channels] */
  bytes: Uint8Array;
}

/** Some of a dataset's images, by their indices. @throws AppError `dataset.cache-missing`, `dataset.cache-damaged` */
async function imagesAt(dataset: PreparedDataset, indices: Uint32Array): Promise<Images> {
  const { height, width, channels } = dataset.settings;
  const shape = { height, width, channels };
  const each = size(shape);
  const bytes = new Uint8Array(indices.length * each);
  const { file } = await openImages(dataset);
  try {
    for (let i = 0; i < indices.length; i += 1)
      await readWhole(file, bytes.subarray(i * each, (i + 1) * each), indices[i]! * each);
  } finally {
    await file.close();
  }
  return { count: indices.length, shape, bytes };
}

const order = (dataset: PreparedDataset, seed: number) =>
  new Random(seed, 'measured images').permutation(dataset.count);

/** `count` images of a dataset, each once, chosen by the seed alone. @throws AppError `dataset.cache-missing`, `dataset.cache-damaged` */
export function someImages(dataset: PreparedDataset, count: number, seed: number): Promise<Images> {
  return imagesAt(dataset, order(dataset, seed).subarray(0, count));
}

/**
 * {@link someImages}, and as many others.
 * @param count at most half of the dataset
 */
export async function twoSets(
  dataset: PreparedDataset,
  count: number,
  seed: number,
): Promise<[Images, Images]> {
  const others = order(dataset, seed).subarray(count, 2 * count);
  return [await someImages(dataset, count, seed), await imagesAt(dataset, others)];
}
