/** An application over a library of its own, and things to train in it. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import type { App, AppOptions } from '../../src-main/core/app.ts';
import { createApp } from '../../src-main/core/app.ts';
import type { NewTraining } from '../../src-main/core/runs.ts';
import type { TrainerHost } from '../../src-main/core/trainer-host.ts';
import { prepareDataset } from '../../src-main/datasets/prepare-dataset.ts';
import { libraryFolder } from '../../src-main/store/library-folder.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import type { ImageSettings, PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import { convBlock } from '../../src-shared/gan/block.ts';
import type { Run } from '../../src-shared/library.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';

/** Looks at 8x8 colour images. */
export const tinyDesign: Design = {
  name: 'tiny',
  latentDim: 4,
  discriminator: {
    image: { height: 8, width: 8, channels: 3 },
    blocks: [
      convBlock({ id: 'b1', outChannels: 4, activation: { kind: 'leakyRelu', slope: 0.2 } }),
      convBlock({ id: 'b2', outChannels: 1, stride: [1, 1], padding: [0, 0] }),
    ],
  },
};

export const tinyImages: ImageSettings = { height: 8, width: 8, channels: 3, fit: 'crop' };

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ganvas-core-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

/** Opens an application for the length of the test. */
export function open(
  trainerHost: TrainerHost,
  libraryDir = join(temporaryFolder(), 'library'),
  broadcast: (event: ApiEvent) => void = () => undefined,
  options: Partial<AppOptions> = {},
): App {
  const app = createApp({ libraryDir, trainerHost, broadcast, ...options });
  let isOpen = true;
  const close = () => {
    if (isOpen) app.close();
    isOpen = false;
  };
  onTestFinished(close);
  return { ...app, close };
}

const drawn = mkdtempSync(join(tmpdir(), 'ganvas-faces-'));
afterAll(() => rmSync(drawn, { recursive: true, force: true }));

/** Twelve drawn faces, prepared in the library. They are drawn once for all the tests of a file. */
export async function faces(app: App): Promise<PreparedDataset> {
  const source = 'sample:12x8';
  await prepareDataset(source, tinyImages, { cacheDir: drawn });
  cpSync(drawn, libraryFolder(app.libraryDir).cache, { recursive: true });
  return app.datasets.prepare(source, tinyImages);
}

/** Starts a run of 6 steps with batches of 4. */
export function start(app: App, dataset: PreparedDataset, changes: Partial<NewTraining> = {}): Run {
  return app.runs.start({
    name: 'tiny run',
    design: tinyDesign,
    hyperparameters: {
      ...defaultHyperparameters(),
      batch: 4,
      sampleCount: 4,
      sampleEvery: null,
      checkpointEvery: 2,
    },
    measuring: defaultMeasuring(),
    limits: { steps: 6, kimg: null, minutes: null },
    dataset,
    seed: 7,
    engine: 'onnx',
    ...changes,
  });
}

/** The AppError that `work` throws, at once or later. */
export async function errorOf(work: () => unknown): Promise<AppError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
