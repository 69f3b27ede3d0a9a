/** The file with the images of a prepared dataset. */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';

/**
 * Opens `images.u8`, and tells its size.
 * @throws AppError `dataset.cache-missing`, `dataset.cache-damaged`
 */
export async function openImages(dataset: PreparedDataset): Promise<{ file: FileHandle; bytes: number }> {
  const path = join(dataset.dir, 'images.u8');
  const { height, width, channels } = dataset.settings;
  const bytes = dataset.count * height * width * channels;
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw new AppError(
      'dataset.cache-missing',
      `The prepared images of ${dataset.source} are not in the library any more. Start the run from its images again.`,
      { path },
      { cause: error },
    );
  }
  try {
    if ((await file.stat()).size !== bytes) {
      throw new AppError(
        'dataset.cache-damaged',
        `The prepared images ${path} have the wrong size. Delete them and prepare the dataset again.`,
        { path },
      );
    }
    return { file, bytes };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Fills `into` from a position of the file on. @throws AppError `dataset.cache-damaged` when the file ends before */
export async function readWhole(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, Math.min(into.length - done, 2 ** 30), position + done);
    if (bytesRead === 0)
      throw new AppError(
        'dataset.cache-damaged',
        'The prepared images end too early. Prepare the dataset again.',
      );
    done += bytesRead;
  }
}
