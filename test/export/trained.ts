/** What the tests of all formats need: a place to write to, and the images that are right. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Checkpoint } from '../../src-main/trainer/checkpoint.ts';
import { openEngine } from '../../src-main/trainer/engines/find.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { latents, Sampler } from '../../src-main/trainer/sampler.ts';
import type { Shape } from '../../src-shared/gan/block.ts';
import { AppError } from '../../src-shared/errors.ts';

export const engine = onnxEngine(2);

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ganvas-export-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Right {
  z: Float32Array;
  /** [count, height, width, channels] */
  images: Float32Array;
}

/** Images of latents that no export has been tried on, by the yardstick: TensorFlow.js' own kernels, one by one. */
export async function rightImages({ info, state }: Checkpoint, count: number): Promise<Right> {
  const sampler = await Sampler.create(await openEngine('reference'), info.design);
  const z = latents(info.seed + 1, count, info.design.latentDim);
  const images = await sampler.images(await sampler.weights(state), z);
  await sampler.dispose();
  return { z, images };
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  return Array.from(a, (value, i) => Math.abs(value - b[i]!)).reduce((x, y) => (x >= y ? x : y), 0);
}

/** [count, channels, height, width] to [count, height, width, channels]. */
export function channelsLast(
  images: ArrayLike<number>,
  count: number,
  { height, width, channels }: Shape,
): Float32Array {
  const area = height * width;
  return Float32Array.from({ length: count * area * channels }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    const [image, place] = [Math.floor(pixel / area), pixel % area];
    return images[(image * channels + channel) * area + place]!;
  });
}

/** Standard deviation: images that are all alike would agree with anything. */
export function spreadOf(images: Float32Array): number {
  const mean = images.reduce((sum, value) => sum + value, 0) / images.length;
  return Math.sqrt(images.reduce((sum, value) => sum + (value - mean) ** 2, 0) / images.length);
}

/** The AppError that `work` rejects with. */
export async function errorOf(work: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof AppError) return thrown;
  throw thrown instanceof Error ? thrown : new Error('nothing was thrown');
}
