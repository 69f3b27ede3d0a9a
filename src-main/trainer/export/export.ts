/** A trained generator for use elsewhere. Every format is written beside its target, tried, and only then put in place. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../../../src-shared/errors.ts';
import type { ExportFormat } from '../../../src-shared/trainer-protocol.ts';
import type { Checkpoint } from '../checkpoint.ts';
import type { Engine } from '../engines/engine.ts';
import { refuseExisting, writeWhole } from '../files.ts';
import { latents, Sampler } from '../sampler.ts';
import type { Format } from './format.ts';
import { onnx } from './onnx.ts';
import { png } from './png.ts';
import { safetensors } from './safetensors.ts';
import { tfjs } from './tfjs.ts';
import type { TrainedGenerator, Trial } from './trained-generator.ts';
import { trainedGenerator } from './trained-generator.ts';

const formats: Record<ExportFormat, Format> = { onnx, tfjs, safetensors, png };

/** Hears what is being done, and how far it is; `total` is null where that cannot be told. */
export type OnWork = (phase: string, done: number, total: number | null) => void;

export interface Exported {
  path: string;
  /** Size of all that was written. */
  bytes: number;
  /** Largest difference of a pixel between what was written, run, and the trainer's own images; on the scale -1..1. */
  difference: number;
}

async function bytesIn(path: string): Promise<number> {
  const entry = await stat(path);
  if (!entry.isDirectory()) return entry.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => bytesIn(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function prepare(
  { info, state }: Checkpoint,
  engine: Engine,
  count: number,
  onWork: OnWork,
): Promise<{ generator: TrainedGenerator; trial: Trial }> {
  onWork('loading the generator', 0, null);
  const sampler = await Sampler.create(engine, info.design);
  try {
    const measuring = (done: number, total: number) => onWork('measuring batch statistics', done, total);
    const weights = await sampler.weights(state, measuring);
    onWork('drawing images to compare with', 0, null);
    const z = latents(info.seed, count, info.design.latentDim);
    const images = await sampler.images(weights, z);
    return { generator: trainedGenerator(info, weights), trial: { z, count, image: sampler.image, images } };
  } finally {
    await sampler.dispose();
  }
}

/** Runs what was written. @throws AppError `export.unreadable`, `export.differs` */
async function proven(format: Format, written: string, trial: Trial, path: string): Promise<number> {
  const sorry = 'Nothing was kept. This is a fault in Ganvas: please report it, with the design.';
  let difference: number;
  try {
    difference = await format.difference(written, trial);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError(
      'export.unreadable',
      `What was written for ${path} cannot be run: ${reason} ${sorry}`,
      { path, reason },
      { cause: error },
    );
  }
  if (difference <= format.tolerance) return difference;
  throw new AppError(
    'export.differs',
    `What was written for ${path} gives other images than the trainer: pixels differ by up to ${difference.toPrecision(2)}, where rounding explains ${format.tolerance.toPrecision(1)}. ${sorry}`,
    { path, difference, tolerance: format.tolerance },
  );
}

/** {@link exportGenerator} in any format. */
export async function exportAs(
  format: Format,
  path: string,
  checkpoint: Checkpoint,
  engine: Engine,
  onWork: OnWork = () => undefined,
): Promise<Exported> {
  // Without a slash at the end, beside means beside.
  const target = resolve(path);
  await refuseExisting(target);
  return writeWhole(target, format.kind, async (beside) => {
    const { generator, trial } = await prepare(checkpoint, engine, format.trials, onWork);
    onWork('writing it', 0, null);
    await format.write(beside, generator, trial);
    onWork('running what was written', 0, null);
    const difference = await proven(format, beside, trial, target);
    const bytes = await bytesIn(beside);
    // Putting it in place would replace what has come there meanwhile.
    await refuseExisting(target);
    return { path: target, bytes, difference };
  });
}

/**
 * Writes a checkpoint's generator: the averaged weights where there are, else those of the last step; batch statistics measured for them.
 * @param path file (onnx, png) or folder (tfjs, safetensors) that is not there yet
 * @throws AppError `export.unreadable`, `export.differs`, `export.unsupported`, `disk.*`; nothing is left behind
 */
export async function exportGenerator(
  format: ExportFormat,
  path: string,
  checkpoint: Checkpoint,
  engine: Engine,
  onWork?: OnWork,
): Promise<Exported> {
  return exportAs(formats[format], path, checkpoint, engine, onWork);
}
