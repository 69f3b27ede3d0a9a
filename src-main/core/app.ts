/** The application: what a person can do with a library, whatever shell they do it in. It knows no window, no SQL and no tensor. */
import type { ImageSettings, PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError, fromErrorData, toErrorData } from '../../src-shared/errors.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import type { OnProgress } from '../../src-shared/progress.ts';
import { requireTrainable } from '../../src-shared/readiness.ts';
import type { ExportFormat } from '../../src-shared/trainer-protocol.ts';
import type { EngineName, Hyperparameters, Limits } from '../../src-shared/training.ts';
import { findEntry } from '../datasets/cache-entry.ts';
import { prepareDataset } from '../datasets/prepare-dataset.ts';
import type { Checkpoint } from '../store/checkpoints.ts';
import type { DatasetUser } from '../store/datasets.ts';
import type { Store } from '../store/open-store.ts';
import { openStore } from '../store/open-store.ts';
import type { Run } from '../store/runs.ts';
import { askTrainer } from './ask-trainer.ts';
import { chooseCheckpoint, tellEarlier } from './checkpoint-choice.ts';
import type { AppEvent } from './events.ts';
import type { TrainerHost } from './trainer-host.ts';
import { TrainingQueue } from './training-queue.ts';

export type { Run } from '../store/runs.ts';

export interface NewTraining {
  name: string;
  design: Design;
  hyperparameters: Hyperparameters;
  limits: Limits;
  dataset: PreparedDataset;
  /** Decides every random number of the run: 0 to 2^53 - 1. */
  seed: number;
  engine: EngineName;
}

export interface PrepareOptions {
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

export interface ResumeOptions extends PrepareOptions {
  /** Step of the checkpoint to go on from, 0 for the beginning; the newest unless given. What came after it is forgotten. */
  step?: number;
}

/** A dataset in the library's cache. */
export interface CacheEntry {
  key: string;
  /** Where its images came from. */
  source: string;
  settings: ImageSettings;
  /** Images. */
  count: number;
  /** What it takes on the disk. */
  bytes: number;
  /** Milliseconds since 1970. */
  lastUsedAt: number;
  /** The runs made with it. To resume one of them when it is gone, its images are prepared again. */
  runs: DatasetUser[];
}

/** A run with what is usually wanted beside it. */
export interface RunDetails {
  run: Run;
  history: ReturnType<Store['runs']['history']>;
  last: ReturnType<Store['steps']['last']>;
  samples: ReturnType<Store['samples']['list']>;
  checkpoints: ReturnType<Store['checkpoints']['list']>;
  exports: ReturnType<Store['exports']['list']>;
  /** Bytes of its files. */
  diskUse: number;
  /** Its dataset in the cache; null when it is not there, or other runs use it as well. */
  ownDataset: { key: string; bytes: number } | null;
}

export interface SampleOptions {
  /** Images in the grid. */
  count: number;
  /** Chooses the latents. */
  seed: number;
  /** PNG to write; must not be there yet. */
  file: string;
  /** Step of the checkpoint to take; the newest unless given. */
  step?: number;
}

export interface ExportOptions {
  format: ExportFormat;
  /** File or folder to write; must not be there yet. */
  path: string;
  /** Step of the checkpoint to take; the newest unless given. */
  step?: number;
}

/** What an export has become. */
export interface Exported {
  path: string;
  bytes: number;
  /** Largest difference of a pixel from the trainer's own images, on a scale of -1 to 1. */
  difference: number;
  /** Step of the generator. */
  step: number;
}

export interface App {
  /** Absolute path of the library. */
  libraryDir: string;
  datasets: {
    /** Decodes images into the library's cache, or finds them there. See `prepareDataset`. */
    prepare(source: string, settings: ImageSettings, options?: PrepareOptions): Promise<PreparedDataset>;
    /** What is in the cache, the last used first. */
    list(): CacheEntry[];
    /** Deletes one from the cache; the images that it was made from stay. @throws AppError `dataset.in-use` by a queued or running run */
    delete(key: string): void;
  };
  runs: {
    list(): Run[];
    /** By id, number, or name where only one has it. @throws AppError `run.missing`, `run.ambiguous` */
    find(text: string): Run;
    details(id: string): RunDetails;
    /**
     * Makes an experiment with one run and queues it.
     * @throws AppError of {@link requireTrainable}
     */
    start(training: NewTraining): Run;
    /**
     * Queues a run again, from a checkpoint (from the beginning when it has none). Its images are prepared again where they are gone from
     * the cache; they must be the same.
     * @param limits null keeps the run's own
     * @throws AppError `run.missing`, `run.active`, `run.at-its-end`, `dataset.changed`, what `prepareDataset` throws, and, when a step
     * is given, `checkpoint.*`; the run stays as it was
     */
    resume(id: string, limits: Limits | null, options?: ResumeOptions): Promise<Run>;
    /**
     * Ends a running run with a checkpoint; the broadcast tells when. One that has told no step yet ends at once, with nothing lost: it
     * is `stopped` unless it has a checkpoint from before. A waiting one is `stopped`, others are left alone.
     */
    interrupt(id: string, as: 'paused' | 'stopped'): void;
    /** Gives a run another name, which is broadcast. @throws AppError `run.missing`, `run.no-name` */
    rename(id: string, name: string): Run;
    /** Deletes a run with its files. @throws AppError `run.missing`, `run.active` */
    delete(id: string): void;
  };
  generator: {
    /** Writes a grid of images of a run's generator as PNG. @throws AppError `checkpoint.*`, `disk.*`, `cancelled` */
    sample(id: string, options: SampleOptions, signal?: AbortSignal): Promise<void>;
    /**
     * Writes a run's generator for use elsewhere.
     * @throws AppError `checkpoint.*`, `export.*`, `disk.*`, `cancelled`
     */
    export(id: string, options: ExportOptions, signal?: AbortSignal): Promise<Exported>;
  };
  /** Ends whatever trains at once (it can be resumed from its last checkpoint) and lets the library go. */
  close(): void;
}

export interface AppOptions {
  libraryDir: string;
  /** `read` only looks: lists and details work, everything else is refused. */
  access?: 'write' | 'read';
  trainerHost: TrainerHost;
  broadcast: (event: AppEvent) => void;
}

/** @throws AppError what `openStore` throws */
export function createApp({ libraryDir, access = 'write', trainerHost, broadcast }: AppOptions): App {
  const store = openStore(libraryDir, { access });
  const queue = new TrainingQueue(store, trainerHost, broadcast);

  const enqueue = (run: Run, dataset: PreparedDataset, checkpoint: string | null): void => {
    queue.add(run, {
      type: 'train',
      design: run.design,
      hyperparameters: run.hyperparameters,
      dataset,
      seed: run.seed,
      engine: run.engineWanted,
      limits: run.limits,
      runDir: store.paths.runFolder(run.id),
      checkpoint,
    });
  };

  const prepare = async (source: string, settings: ImageSettings, options: PrepareOptions = {}) => {
    const prepared = await prepareDataset(source, settings, { cacheDir: store.paths.cache, ...options });
    store.datasets.put(prepared);
    return prepared;
  };

  const datasetOf = async (run: Run, options?: PrepareOptions): Promise<PreparedDataset> => {
    const { source, settings, fingerprint, key, count } = run.dataset;
    // The cache is asked first: the images themselves may be gone or on a drive that is not connected.
    const cached = await findEntry(store.paths.cache, key);
    if (cached !== null) store.datasets.put(cached);
    const prepared = cached ?? (await prepare(source, settings, options));
    if (prepared.fingerprint === fingerprint) return prepared;
    throw new AppError(
      'dataset.changed',
      `The images in ${source} are not those that the run began with (${count} then, ${prepared.count} now). Bring them back, or start a new run.`,
      { source },
    );
  };

  /** Does something with a checkpoint; where that cannot be used, the error says which earlier ones there are. */
  const tellingEarlier = async <Result>(
    id: string,
    checkpoint: Checkpoint,
    work: (checkpoint: Checkpoint) => Promise<Result>,
  ): Promise<Result> => {
    try {
      return await work(checkpoint);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      throw fromErrorData(tellEarlier(toErrorData(error), store, id, checkpoint.step));
    }
  };

  const requireCheckpoint = (id: string, step: number | undefined): Checkpoint => {
    const checkpoint = chooseCheckpoint(store, id, step);
    if (checkpoint !== null) return checkpoint;
    throw new AppError(
      'checkpoint.none',
      'The run has no checkpoint yet: nothing has been trained that could be used.',
      { run: id },
    );
  };

  const ownDataset = (run: Run) => {
    const { key } = run.dataset;
    const isShared = store.datasets.users(key).some((user) => user.id !== run.id);
    return isShared || store.datasets.find(key) === null ? null : { key, bytes: store.datasets.diskUse(key) };
  };

  return {
    libraryDir: store.paths.dir,
    datasets: {
      prepare,
      list: () =>
        store.datasets.list().map(({ prepared: { key, source, settings, count }, lastUsedAt }) => ({
          key,
          source,
          settings,
          count,
          bytes: store.datasets.diskUse(key),
          lastUsedAt,
          runs: store.datasets.users(key),
        })),
      delete: (key) => store.datasets.delete(key),
    },
    runs: {
      list: () => store.runs.list(),
      find: (text) => store.runs.find(text),
      details(id) {
        const run = store.runs.get(id);
        return {
          run,
          history: store.runs.history(id),
          last: store.steps.last(id),
          samples: store.samples.list(id),
          checkpoints: store.checkpoints.list(id),
          exports: store.exports.list(id),
          diskUse: store.diskUse(id),
          ownDataset: ownDataset(run),
        };
      },
      start({ name, design, hyperparameters, limits, dataset, seed, engine }) {
        requireTrainable(design, dataset, hyperparameters);
        const run = store.transaction(() => {
          const { settings, source } = dataset;
          const experiment = store.experiments.create({
            name,
            design,
            hyperparameters,
            imageSettings: settings,
            source,
          });
          return store.runs.create({
            experiment: experiment.id,
            name,
            design,
            hyperparameters,
            limits,
            dataset,
            seed,
            engineWanted: engine,
          });
        });
        enqueue(run, dataset, null);
        return store.runs.get(run.id);
      },
      async resume(id, limits, { step: from, ...preparing } = {}) {
        const run = store.runs.get(id);
        const wanted = limits ?? run.limits;
        const checkpoint = chooseCheckpoint(store, id, from);
        const step = checkpoint?.step ?? 0;
        requireIdle(run);
        requireWayToGo(run, wanted, step);
        if (from !== undefined && checkpoint !== null) {
          // What came after it is forgotten for its sake: it must be worth that.
          const inspect = { type: 'inspect', checkpoint: checkpoint.folder } as const;
          await tellingEarlier(id, checkpoint, () =>
            askTrainer(trainerHost, inspect, 'inspected', preparing.signal),
          );
        }
        const dataset = await datasetOf(run, preparing);
        // Somebody else may have resumed or deleted it while the images were prepared.
        requireIdle(store.runs.get(id));
        store.runs.rewind(id, step);
        store.runs.setLimits(id, wanted);
        store.runs.setState(id, 'queued');
        enqueue(store.runs.get(id), dataset, checkpoint?.folder ?? null);
        return store.runs.get(id);
      },
      interrupt: (id, as) => queue.interrupt(id, as),
      rename(id, name) {
        const trimmed = name.trim();
        if (trimmed === '')
          throw new AppError('run.no-name', 'A run needs a name: give one with a letter or a digit.');
        store.runs.rename(id, trimmed);
        const run = store.runs.get(id);
        broadcast({ type: 'run', run });
        return run;
      },
      delete: (id) => store.runs.delete(id),
    },
    generator: {
      sample: async (id, { count, seed, file, step: wanted }, signal) =>
        tellingEarlier(id, requireCheckpoint(id, wanted), async ({ folder }) => {
          const command = { type: 'sample', checkpoint: folder, engine: 'auto', count, seed, file } as const;
          await askTrainer(trainerHost, command, 'sampled', signal);
        }),
      export: async (id, { format, path, step: wanted }, signal) =>
        tellingEarlier(id, requireCheckpoint(id, wanted), async ({ folder, step }) => {
          const command = { type: 'export', checkpoint: folder, engine: 'auto', format, path } as const;
          const { bytes, difference } = await askTrainer(trainerHost, command, 'exported', signal);
          store.exports.add(id, { step, format, path, difference });
          return { path, bytes, difference, step };
        }),
    },
    close() {
      queue.close();
      store.close();
    },
  };
}

function requireIdle({ id, name, state }: Run): void {
  if (state !== 'queued' && state !== 'running') return;
  throw new AppError('run.active', `The run "${name}" is ${state} already.`, { run: id });
}

/** A run that has reached its limit would end again at once. */
function requireWayToGo(run: Run, limits: Limits, step: number): void {
  const kimg = (step * run.hyperparameters.batch) / 1000;
  const over =
    (limits.steps !== null && step >= limits.steps) || (limits.kimg !== null && kimg >= limits.kimg);
  if (!over) return;
  throw new AppError(
    'run.at-its-end',
    `The run "${run.name}" has reached its end at step ${step}. Give a higher limit to go on.`,
    { run: run.id, step },
  );
}
