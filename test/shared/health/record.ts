/**
 * Records the courses that the health rules are tested on: real trainings on drawn faces, one as it should be, others made sick on purpose.
 * `node test/shared/health/record.ts` records all of them, with names only those: about a minute each on two cores.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareDataset } from '../../../src-main/datasets/prepare-dataset.ts';
import { readCheckpoint } from '../../../src-main/trainer/checkpoint.ts';
import { onnxEngine } from '../../../src-main/trainer/engines/onnx/engine.ts';
import { measure } from '../../../src-main/trainer/measures/measure.ts';
import { train } from '../../../src-main/trainer/training-loop.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { Design } from '../../../src-shared/gan/block.ts';
import { convBlock } from '../../../src-shared/gan/block.ts';
import type { Metric } from '../../../src-shared/library.ts';
import type { Hyperparameters, StepStats } from '../../../src-shared/training.ts';
import { defaultHyperparameters } from '../../../src-shared/training.ts';
import type { Recorded, RecordedName } from './recorded.ts';
import { binSteps, fileOf, recordedNames, signals } from './recorded.ts';

const leaky = { kind: 'leakyRelu', slope: 0.2 } as const;
/** DCGAN at 16 pixels. */
const designOf = (batchNorm: boolean): Design => ({
  name: 'faces',
  latentDim: 16,
  discriminator: {
    image: { height: 16, width: 16, channels: 3 },
    blocks: [
      convBlock({ id: 'b1', outChannels: 16, activation: leaky }),
      convBlock({ id: 'b2', outChannels: 32, norm: batchNorm ? 'batch' : 'none', activation: leaky }),
      convBlock({ id: 'b3', outChannels: 1, stride: [1, 1], padding: [0, 0] }),
    ],
  },
});

interface Course {
  images: number;
  steps: number;
  settings: Partial<Hyperparameters>;
  /** Absent: as usual. */
  batchNorm?: false;
}

const adam = (learningRate: number, beta1 = 0.5) => ({
  ...defaultHyperparameters().generator,
  learningRate,
  beta1,
});
const usual: Course = { images: 600, steps: 1500, settings: {} };
const brief: Course = { ...usual, steps: 1000 };

const courses: Record<RecordedName, Course> = {
  healthy: usual,
  // A discriminator that is certain nearly from the first step on, and a slow generator that gets better all the same.
  certain: { ...brief, settings: { discriminator: adam(4e-3), generator: adam(4e-5) } },
  // Rates fifty times too high: the generator goes astray, and everybody could tell its images from real ones.
  'far-ahead': { ...brief, settings: { discriminator: adam(1e-2, 0.9), generator: adam(1e-2, 0.9) } },
  frozen: { ...brief, settings: { generator: adam(1e-9) } },
  // A generator that moves far faster than the discriminator, with the usual beta1 of classifiers.
  collapsed: { ...brief, settings: { discriminator: adam(1e-4, 0.9), generator: adam(2e-2, 0.9) } },
  // Rates thirty times too high, and no average that would hide how the generator swings.
  oscillating: {
    ...brief,
    settings: {
      discriminator: adam(6e-3, 0.9),
      generator: adam(6e-3, 0.9),
      ema: { halfLifeKimg: null, rampUp: null },
    },
  },
  exploding: {
    ...brief,
    // Nothing holds the weights.
    batchNorm: false,
    settings: { discriminator: adam(1, 0.9) },
  },
  overfitting: { images: 40, steps: 2000, settings: { discriminator: adam(4e-4), generator: adam(4e-4) } },
};

async function record(name: RecordedName): Promise<void> {
  const { images, steps, settings, batchNorm = true } = courses[name];
  const folder = mkdtempSync(join(tmpdir(), 'ganvas-health-'));
  try {
    const imageSettings = { height: 16, width: 16, channels: 3, fit: 'crop' } as const;
    const dataset = await prepareDataset(`sample:${images}x16`, imageSettings, {
      cacheDir: join(folder, 'cache'),
    });
    const hyperparameters: Hyperparameters = {
      ...defaultHyperparameters(),
      batch: 20,
      ema: { halfLifeKimg: 1, rampUp: 0.05 },
      sampleEvery: null,
      checkpointEvery: binSteps,
      ...settings,
    };
    const engine = onnxEngine();
    const stats: StepStats[] = [];
    const checkpoints: string[] = [];
    let ended = 'done';
    try {
      await train(
        {
          type: 'train',
          design: designOf(batchNorm),
          hyperparameters,
          dataset,
          seed: 1,
          engine: 'onnx',
          limits: { steps, kimg: null, minutes: null },
          runDir: join(folder, 'run'),
          checkpoint: null,
          trials: join(folder, 'trials.json'),
          graphs: join(folder, 'graphs'),
        },
        engine,
        {
          emit(event) {
            if (event.type === 'steps') stats.push(...event.steps);
            if (event.type === 'checkpoint') checkpoints.push(event.folder);
          },
          interrupted: () => null,
        },
      );
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      ended = error.code;
    }
    const metrics: Metric[] = [];
    for (const [i, path] of checkpoints.entries()) {
      const checkpoint = await readCheckpoint(path);
      const options = { images: 256, seed: 0, reals: i === 0, inception: null };
      for (const value of await measure(engine, checkpoint, dataset, options, () => undefined))
        metrics.push({ step: checkpoint.info.step, ...value });
    }
    const bins = Array.from({ length: Math.floor(stats.length / binSteps) }, (_, bin) => {
      const inside = stats.slice(bin * binSteps, (bin + 1) * binSteps);
      const means = signals.map((signal) => {
        const mean = inside.reduce((sum, step) => sum + step[signal], 0) / inside.length;
        return [signal, Number(mean.toPrecision(5))] as const;
      });
      return { step: (bin + 1) * binSteps, ...Object.fromEntries(means) };
    });
    const recorded = {
      command: `node test/shared/health/record.ts ${name}`,
      loss: hyperparameters.loss,
      images,
      batch: hyperparameters.batch,
      ended,
      bins,
      metrics: metrics.map((metric) => ({ ...metric, value: Number(metric.value.toPrecision(5)) })),
    } as Recorded;
    writeFileSync(fileOf(name), `${JSON.stringify(recorded)}\n`);
    console.log(`${name}: ${stats.length} steps, ${ended}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
for (const name of recordedNames) if (wanted.length === 0 || wanted.includes(name)) await record(name);
