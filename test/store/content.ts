/** What libraries are filled with in tests. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../src-main/store/open-store.ts';
import type { ForkOrigin } from '../../src-main/store/runs.ts';
import type { ImageSettings, PreparedDataset } from '../../src-shared/dataset.ts';
import { convBlock, type Design } from '../../src-shared/gan/block.ts';
import { startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import type { NewRun, Run } from '../../src-shared/library.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters, type StepStats } from '../../src-shared/training.ts';

export const design: Design = {
  name: 'tiny',
  latentDim: 8,
  discriminator: {
    image: { height: 8, width: 8, channels: 1 },
    blocks: [
      convBlock({ id: 'b1', outChannels: 4 }),
      convBlock({ id: 'b2', outChannels: 1, padding: [0, 0] }),
    ],
  },
};

/** Its history as it is opened. */
export const history = packHistory(startHistory(design));

export const imageSettings: ImageSettings = { height: 8, width: 8, channels: 1, fit: 'crop' };

export function newRun(store: Store, changes: Partial<NewRun> = {}, fork?: ForkOrigin): Run {
  const hyperparameters = { ...defaultHyperparameters(), batch: 4 };
  const experiment =
    changes.experiment ?? store.experiments.create({ name: 'faces', history, hyperparameters }).id;
  return store.runs.create(
    {
      name: 'first try',
      design,
      hyperparameters,
      measuring: defaultMeasuring(),
      limits: { steps: 100, kimg: null, minutes: null },
      dataset: {
        key: 'abc123',
        fingerprint: 'f00d',
        source: '/pictures',
        count: 50,
        classes: ['cats', 'dogs'],
        settings: imageSettings,
      },
      seed: 2 ** 53 - 1,
      engineWanted: 'auto',
      forkedFrom: null,
      ...changes,
      experiment,
    },
    fork,
  );
}

/** A run in the state `running`. */
export function startedRun(store: Store, changes: Partial<NewRun> = {}): Run {
  const { id } = newRun(store, changes);
  store.runs.setState(id, 'running');
  return store.runs.get(id);
}

/** Steps `from` to `to`, each different; with a batch of 4 each took 2 seconds. */
export function steps(from: number, to: number): StepStats[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const step = from + index;
    return { step, lossD: 1 / step, lossG: step / 3, dReal: 0.75, dFake: 0.25, imagesPerSecond: 2 };
  });
}

/** Writes what the trainer would write for a checkpoint, and notes it. */
export function addCheckpoint(store: Store, run: string, step: number): void {
  const folder = store.paths.checkpointFolder(run, step);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'state.safetensors'), Buffer.alloc(1000));
  writeFileSync(join(folder, 'checkpoint.json'), '{}');
  store.checkpoints.add(run, step);
}

/** Writes what the trainer would write for a sample grid, and notes it. */
export function addSample(store: Store, run: string, step: number): void {
  mkdirSync(store.paths.samplesFolder(run), { recursive: true });
  writeFileSync(store.paths.sampleFile(run, step), 'png');
  store.samples.add(run, { step, count: 16, columns: 4 });
}

/** A cache entry of 100 bytes, noted. */
export function addDataset(store: Store, key: string, source = '/pictures'): PreparedDataset {
  const dir = store.paths.cacheFolder(key);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'images.u8'), Buffer.alloc(100));
  const prepared: PreparedDataset = {
    dir,
    key,
    source,
    settings: imageSettings,
    count: 50,
    classes: [],
    classCounts: [],
    fingerprint: 'f00d',
    sizes: [[8, 8, 50]],
    leftOut: [{ file: 'a/b.png', code: 'broken', reason: 'It ends too early.' }],
    leftOutCount: 1,
  };
  store.datasets.put(prepared);
  return prepared;
}
