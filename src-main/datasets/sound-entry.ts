/** Whether the bytes of a cache entry are still those that were written: a disk may lose some without a word. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { OnProgress } from '../../src-shared/progress.ts';
import { imageBytes, LEFT_OUT_FILE, readDescription } from './cache-entry.ts';
import { ProgressMeter } from './progress-meter.ts';

/** Bytes hashed in one go: so few that whatever else waits gets its turn. */
const READ_AT_ONCE = 2 ** 20;

export interface SoundOptions {
  onProgress?: OnProgress | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Reads all files of an entry and compares them with the sums that were noted when it was made.
 * @throws {AppError} `cancelled`
 */
export async function isSound(
  entry: PreparedDataset,
  { onProgress, signal }: SoundOptions = {},
): Promise<boolean> {
  const description = await readDescription(entry.dir);
  if (description === null) return false;
  const meter = new ProgressMeter(onProgress);
  meter.start('checking prepared images', entry.count);
  const perImage = imageBytes(entry);
  let bytes = 0;
  const onBytes = (read: number): void => {
    bytes += read;
    meter.update(Math.min(entry.count, Math.floor(bytes / perImage)));
  };
  const pixels = entry.classes.length > 0 ? ['images.u8', 'labels.u16'] : ['images.u8'];
  const sumOf = (names: readonly string[], onRead?: (bytes: number) => void): Promise<string | null> =>
    sumOfFiles(
      names.map((name) => join(entry.dir, name)),
      signal,
      onRead,
    );
  if ((await sumOf(pixels, onBytes)) !== entry.fingerprint) return false;
  const { leftOutSum } = description;
  return leftOutSum === undefined || leftOutSum === null || (await sumOf([LEFT_OUT_FILE])) === leftOutSum;
}

/** SHA-256 (hex) over files, one after the other; null when one is gone or the disk cannot read it any more. */
async function sumOfFiles(
  paths: readonly string[],
  signal: AbortSignal | undefined,
  onRead: (bytes: number) => void = () => undefined,
): Promise<string | null> {
  const sum = createHash('sha256');
  try {
    for (const path of paths) {
      for await (const part of createReadStream(path, { highWaterMark: READ_AT_ONCE })) {
        if (signal?.aborted === true)
          throw new AppError('cancelled', 'Checking the prepared images was cancelled.');
        sum.update(part as Buffer);
        onRead((part as Buffer).length);
      }
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    return null;
  }
  return sum.digest('hex');
}
