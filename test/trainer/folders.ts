/** Temporary folders, and tiny prepared datasets in them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Random } from '../../src-main/trainer/random.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Design } from '../../src-shared/gan/block.ts';

/** A folder that goes away with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ganvas-trainer-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A dataset's description; `images.u8` is the caller's to write. */
export function described(
  dir: string,
  image: Design['discriminator']['image'],
  count: number,
): PreparedDataset {
  return {
    dir,
    key: 'tiny',
    source: '/pictures',
    settings: { ...image, channels: image.channels as 1 | 2 | 3 | 4, fit: 'crop' },
    count,
    classes: [],
    classCounts: [],
    fingerprint: `tiny ${count}`,
    sizes: [],
    leftOut: [],
    leftOutCount: 0,
  };
}

/** Random pixels for a design, as a prepared dataset in `<parent>/dataset`. */
export async function writeDataset(parent: string, design: Design, count: number): Promise<PreparedDataset> {
  const { image } = design.discriminator;
  const dir = join(parent, 'dataset');
  await mkdir(dir);
  const random = new Random(1, 'pixels');
  const bytes = Uint8Array.from({ length: count * image.height * image.width * image.channels }, () =>
    random.uint32(),
  );
  await writeFile(join(dir, 'images.u8'), bytes);
  return described(dir, image, count);
}

/** The AppError that `work` rejects with. */
export async function errorOf(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
