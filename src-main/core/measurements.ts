/**
 * How good a run's checkpoints are: measured when somebody asks for it, and beside a training by a process of its own that takes what is left
 * over of the machine. What follows from it is done here, too: the best checkpoint stays, and a run that gets no better ends.
 */
import type { ApiEvent } from '../../src-shared/api.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { toErrorData } from '../../src-shared/errors.ts';
import type { Metric, Reason, Run } from '../../src-shared/library.ts';
import {
  bestOf,
  comparable,
  fewestImages,
  measureLabel,
  measuringSeed,
  noBetterSince,
} from '../../src-shared/measures.ts';
import type { TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { StoredCheckpoint } from '../store/checkpoints.ts';
import type { Store } from '../store/open-store.ts';
import { askTrainer } from './ask-trainer.ts';
import type { PrepareOptions } from './datasets.ts';
import { askWithCheckpoint } from './checkpoint-choice.ts';
import type { TrainerHost } from './trainer-host.ts';

export interface MeasureSettings {
  images: number;
  /** Decides patches, directions, latents and real images. */
  seed: number;
  /** ONNX file of an Inception network for FID and KID; null: neither. */
  inception: string | null;
}

export interface MeasurementsOptions {
  store: Store;
  host: TrainerHost;
  broadcast: (event: ApiEvent) => void;
  /** See `Exports`. */
  checkpointOf: (run: string, step: number | null) => StoredCheckpoint;
  datasetOf: (run: string, options: PrepareOptions) => Promise<PreparedDataset>;
  /** Whether a run trains, or waits for it. */
  isTraining: () => boolean;
  /** Ends a run that trains. */
  finish: (run: string, reason: Reason) => void;
}

export interface Measurements {
  /**
   * Measures a checkpoint and keeps the numbers. `step` null is the newest one.
   * @throws AppError `run.missing`, `checkpoint.*`, `dataset.*`, `measure.*`, `cancelled`
   */
  measure(
    run: string,
    step: number | null,
    settings: MeasureSettings,
    options?: PrepareOptions,
  ): Promise<Metric[]>;
  /** Has a new checkpoint measured where it is its turn, and deletes those that do not stay. */
  hear(run: Run, dataset: PreparedDataset, step: number): void;
  /**
   * Resolves when nothing is measured beside a training, and nothing waits for it. What is measured then has the machine for itself, unless
   * something trains.
   */
  settled(): Promise<void>;
  close(): void;
}

/** Bytes of the images of either kind that are measured beside a training: the memory for it is some twenty times as much. */
const mostBytes = 2 ** 25;

/** A checkpoint that is to be measured beside the training. */
interface Waiting {
  run: Run;
  dataset: PreparedDataset;
  step: number;
  release: () => void;
}

export function createMeasurements({
  store,
  host,
  broadcast,
  checkpointOf,
  datasetOf,
  isTraining,
  finish,
}: MeasurementsOptions): Measurements {
  const ending = new AbortController();
  /** By run, one each: who falls behind measures the newest next, and those between never. */
  const waiting = new Map<string, Waiting>();
  /** `hurry` ends a process that makes way for others, to begin again with one that does not. */
  let active: (Waiting & { background: boolean; hurry: AbortController }) | null = null;
  const onSettled: (() => void)[] = [];

  const metricsOf = (run: Run) => comparable(store.metrics.list(run.id), run.measuring.best);

  const keep = (run: Run) => {
    const { measuring, hyperparameters } = run;
    const best = bestOf(metricsOf(run), measuring.best)?.step ?? null;
    const bytes = measuring.checkpointMegabytes * 1e6;
    const steps = store.checkpoints.prune(run.id, hyperparameters.keepCheckpoints, { best, bytes });
    if (steps.length > 0) broadcast({ type: 'pruned', run: run.id, steps });
  };

  /** What real images give is the same for every checkpoint: it is measured once. */
  const hasReals = (run: string, { images, seed }: Pick<MeasureSettings, 'images' | 'seed'>) =>
    store.metrics
      .list(run, { name: 'ms-ssim-real' })
      .some(({ protocol }) => protocol['images'] === images && protocol['seed'] === seed);

  const command = (
    run: string,
    checkpoint: string,
    dataset: PreparedDataset,
    { images, seed, inception }: MeasureSettings,
    background: boolean,
  ) => {
    const counted = Math.min(images, Math.floor(dataset.count / 2));
    return {
      type: 'measure',
      checkpoint,
      dataset,
      engine: 'onnx',
      images,
      seed,
      reals: !hasReals(run, { images: counted, seed }),
      inception,
      background,
    } as const;
  };

  const write = (run: string, { step, values }: Extract<TrainerEvent, { type: 'measured' }>): Metric[] => {
    const metrics = values.map((value) => ({ step, ...value }));
    store.transaction(() => {
      for (const metric of metrics) store.metrics.add(run, metric);
    });
    broadcast({ type: 'metrics', run, metrics });
    return metrics;
  };

  const isThere = (run: string, step: number) =>
    store.checkpoints.list(run).some((checkpoint) => checkpoint.step === step);

  /** A run that is bettered by none of its last checkpoints ends. */
  const endWhereNoBetter = (run: Run) => {
    const { best: name, patience } = run.measuring;
    if (patience === null) return;
    const metrics = metricsOf(run);
    const since = noBetterSince(metrics, name, run.step);
    const best = bestOf(metrics, name);
    if (best === null || since < patience) return;
    finish(run.id, {
      code: 'run.no-better',
      message: `It ended since it got no better: ${measureLabel(name)} was best at step ${best.step} (${best.value.toPrecision(3)}), and ${since} checkpoints measured since were no better. The best one was kept.`,
    });
  };

  const measureBeside = async ({
    run,
    dataset,
    step,
    release,
    background,
    hurry,
  }: NonNullable<typeof active>) => {
    const tell = (phase: string | null, problem: string | null = null) =>
      broadcast({ type: 'measuring', run: run.id, step, phase, problem });
    try {
      const { height, width, channels } = dataset.settings;
      const fitting = Math.max(fewestImages, Math.floor(mostBytes / (height * width * channels)));
      const images = Math.min(run.measuring.images, fitting);
      const settings = { images, seed: measuringSeed, inception: null };
      const folder = store.paths.checkpointFolder(run.id, step);
      tell('starting');
      const measured = await askTrainer(
        host,
        command(run.id, folder, dataset, settings, background),
        'measured',
        {
          signal: AbortSignal.any([ending.signal, hurry.signal]),
          onProgress: ({ phase }) => tell(phase),
        },
      );
      // It may have gone back to an earlier step, or have been deleted, in the meantime.
      if (isThere(run.id, step)) write(run.id, measured);
      release();
      keep(run);
      tell(null);
      endWhereNoBetter(run);
    } catch (error) {
      if (hurry.signal.aborted) return;
      release();
      if (!ending.signal.aborted) tell(null, toErrorData(error).message);
    }
  };

  const next = () => {
    if (active !== null || ending.signal.aborted) return;
    const [first] = waiting.values();
    if (first === undefined) {
      for (const resolve of onSettled.splice(0)) resolve();
      return;
    }
    waiting.delete(first.run.id);
    active = { ...first, background: isTraining(), hurry: new AbortController() };
    void measureBeside(active).finally(() => {
      active = null;
      next();
    });
  };

  const isDue = (run: Run, dataset: PreparedDataset, step: number): boolean => {
    const { every } = run.measuring;
    if (every === null || Math.floor(dataset.count / 2) < fewestImages) return false;
    const measured = store.metrics.list(run.id, { name: 'ms-ssim' }).map((metric) => metric.step);
    const taken = [0, ...measured, ...(active?.run.id === run.id ? [active.step] : [])];
    return step - Math.max(...taken) >= every;
  };

  return {
    async measure(id, wanted, settings, options = {}) {
      const { folder, step } = checkpointOf(id, wanted);
      const place = { run: store.runs.get(id).id, step };
      const release = store.checkpoints.hold(id, step);
      try {
        const dataset = await datasetOf(id, options);
        const asked = command(id, folder, dataset, settings, false);
        const measured = await askWithCheckpoint(store, host, place, asked, 'measured', options);
        store.runs.get(id);
        return write(id, measured);
      } finally {
        release();
      }
    },
    hear(run, dataset, step) {
      if (isDue(run, dataset, step)) {
        waiting.get(run.id)?.release();
        const release = store.checkpoints.hold(run.id, step);
        waiting.set(run.id, { run, dataset, step, release });
      }
      keep(run);
      next();
    },
    settled() {
      if (active === null && waiting.size === 0) return Promise.resolve();
      if (active?.background === true && !isTraining()) {
        const { run, dataset, step, release, hurry } = active;
        if (waiting.has(run.id)) release();
        else waiting.set(run.id, { run, dataset, step, release });
        hurry.abort();
      }
      return new Promise((resolve) => onSettled.push(resolve));
    },
    close() {
      ending.abort();
      for (const resolve of onSettled.splice(0)) resolve();
    },
  };
}
