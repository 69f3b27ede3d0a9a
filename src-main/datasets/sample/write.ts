import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import sharp from 'sharp';
import { diskFull, saysDiskFull } from '../../../src-shared/disk-full.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { OnProgress } from '../../../src-shared/progress.ts';
import { decodeInOrder } from '../decode-in-order.ts';
import { DecodeWorker } from '../decode-workers.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { ProgressMeter } from '../progress-meter.ts';
import { systemCode } from '../unusable.ts';
import { SAMPLE_CLASSES, SAMPLE_SEED, sampleClassOf } from './draw-face.ts';

export interface SampleDatasetOptions {
  /** Images in all, shared out evenly among the classes. */
  count: number;
  /** Height and width in pixels. */
  size: number;
  /** A whole number; the same seed gives the same images. */
  seed?: number;
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

const MOST_WORKERS = 8;

/**
 * Writes the sample dataset as PNG files, one folder a class, to `dir`, which must not exist or be empty. It appears
 * there whole or not at all.
 * @throws {AppError} `sample.folder-not-empty`, `disk.full`, `sample.unwritable`, `cancelled`.
 */
export async function writeSampleDataset(dir: string, options: SampleDatasetOptions): Promise<void> {
  const { signal } = options;
  const target = resolve(dir);
  const parent = dirname(target);
  const unfinished = join(parent, `.${basename(target)}.unfinished-${process.pid}`);
  try {
    await checkEmpty(target);
    await rm(unfinished, { recursive: true, force: true });
    for (const name of SAMPLE_CLASSES) await makeFolder(join(unfinished, name));
    await writeImages(unfinished, options);
    await rmdir(target).catch((cause: unknown) => {
      if (systemCode(cause) !== 'ENOENT') throw cause;
    });
    await rename(unfinished, target);
  } catch (thrown) {
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined);
    if (signal?.aborted === true) throw cancelled();
    throw thrown instanceof AppError ? thrown : cannotWrite(target, thrown);
  }
}

/** With those above it. Not `mkdir`'s `recursive`, which never comes back under /proc: nothing appears there, nor is anything missing. */
async function makeFolder(dir: string): Promise<void> {
  if (existsSync(dir)) return;
  if (dirname(dir) !== dir) await makeFolder(dirname(dir));
  await mkdir(dir);
}

async function writeImages(folder: string, options: SampleDatasetOptions): Promise<void> {
  const { count, size, seed = SAMPLE_SEED, signal } = options;
  const meter = new ProgressMeter(options.onProgress);
  meter.start('drawing images', count);
  const workers = Array.from(
    { length: Math.min(MOST_WORKERS, availableParallelism()) },
    () => new DecodeWorker(),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.stop(cancelled())));
  };
  const onAbort = (): void => void stop();
  signal?.addEventListener('abort', onAbort);
  try {
    throwIfAborted(signal);
    const settings = { height: size, width: size, channels: 3, fit: 'stretch' } as const;
    const source = { kind: 'sample', size, seed } as const;
    const bytes = size * size * 3;
    for await (const { first, end, answer: decoded } of decodeInOrder(workers, {
      source,
      settings,
      limits: DEFAULT_LIMITS,
      count,
    })) {
      const writeOne = async (index: number): Promise<void> => {
        const pixels = decoded.pixels.subarray((index - first) * bytes, (index - first + 1) * bytes);
        await writePng(join(folder, nameOf(index)), pixels, size);
      };
      const indices = Array.from({ length: end - first }, (_, at) => first + at);
      for (let at = 0; at < indices.length; at += 16) {
        await Promise.all(indices.slice(at, at + 16).map(writeOne));
        meter.update(Math.min(end, first + at + 16));
        throwIfAborted(signal);
      }
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await stop();
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled();
}

function nameOf(index: number): string {
  const name = SAMPLE_CLASSES[sampleClassOf(index)]!;
  const number = Math.floor(index / SAMPLE_CLASSES.length) + 1;
  return join(name, `${name}-${String(number).padStart(5, '0')}.png`);
}

async function writePng(path: string, pixels: Uint8Array, size: number): Promise<void> {
  const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
  await writeFile(path, png, { flag: 'wx' });
}

async function checkEmpty(target: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(target);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return;
    throw cause;
  }
  if (names.length === 0) return;
  throw new AppError(
    'sample.folder-not-empty',
    `${target} is not empty, and nothing in it is overwritten. Choose a new or an empty folder.`,
    { dir: target },
  );
}

function cannotWrite(target: string, cause: unknown): AppError {
  const system = systemCode(cause);
  return saysDiskFull(system)
    ? diskFull(
        target,
        cause,
        'Free some space on that disk, or ask for fewer or smaller images. Nothing was left behind.',
      )
    : new AppError(
        'sample.unwritable',
        `The sample images cannot be written to ${target} (${system || String(cause)}). Choose a folder that you may write to.`,
        { dir: target },
        { cause },
      );
}

const cancelled = (): AppError =>
  new AppError('cancelled', 'Writing the sample images was cancelled; nothing was left behind.');
