/** Trainings: started, stopped, gone on with, forked and deleted. Every change is told to all windows, as it then is in the library. */
import { randomInt } from 'node:crypto';
import type { ApiEvent } from '../../src-shared/api.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import { startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import type { Run } from '../../src-shared/library.ts';
import { nameAfter, parseName } from '../../src-shared/name.ts';
import { requireTrainable } from '../../src-shared/readiness.ts';
import type { Measuring } from '../../src-shared/measures.ts';
import type { EngineName, Hyperparameters, Limits } from '../../src-shared/training.ts';
import type { Store } from '../store/open-store.ts';
import type { Datasets, MovedSource, PrepareOptions } from './datasets.ts';
import { chooseCheckpoint, requireWhole } from './checkpoint-choice.ts';
import { requireExperiment, requireRun } from './deleted.ts';
import { createFork } from './fork.ts';
import type { TrainerHost } from './trainer-host.ts';
import { hasGoneBack, type TrainingQueue } from './training-queue.ts';

export interface NewTraining {
  /** Null: after its images. */
  name: string | null;
  design: Design;
  hyperparameters: Hyperparameters;
  measuring: Measuring;
  limits: Limits;
  dataset: PreparedDataset;
  /** Decides every random number of the run: 0 to 2^53 - 1. */
  seed: number;
  engine: EngineName;
}

export interface ForkSettings {
  name: string;
  /** Null keeps the run's own; likewise the others. */
  hyperparameters: Hyperparameters | null;
  measuring: Measuring | null;
  limits: Limits | null;
}

export interface ResumeOptions extends PrepareOptions, MovedSource {
  /** The run's own when absent. */
  engine?: EngineName;
}

/** Everything throws AppError `run.missing`. */
export interface Runs {
  /**
   * Makes an experiment with one run and queues it.
   * @throws AppError `name.invalid`, of {@link requireTrainable}
   */
  startNew(training: NewTraining): Run;
  /**
   * Queues a new run of an experiment, as the experiment is now; its images are prepared first where they are not in the cache.
   * @param seed null: by chance
   * @throws AppError `experiment.missing`, `experiment.deleted`, `experiment.no-images`, of {@link requireTrainable}, and what
   * `prepareDataset` throws
   */
  start(experiment: string, name: string, seed: number | null, options?: PrepareOptions): Promise<Run>;
  /**
   * Queues a run again, from a checkpoint (from the beginning when it has none). Its images are prepared again where they are
   * gone from the cache or damaged there; they must be the same.
   * @param step of an earlier checkpoint, 0 for the beginning: what came after it is forgotten; null is the newest
   * @param limits null keeps the run's own
   * @throws AppError `run.active`, `run.deleted`, `run.at-its-end`, `checkpoint.*`, `dataset.changed`, `dataset.gone`, and what
   * `prepareDataset` throws; the run stays as it was
   */
  resume(id: string, step: number | null, limits: Limits | null, options?: ResumeOptions): Promise<Run>;
  /**
   * Queues a new run that goes on from a checkpoint of another one. It keeps the checkpoint itself, so the other may be deleted.
   * @throws AppError as {@link resume}, and of {@link requireTrainable}
   */
  fork(id: string, step: number, settings: ForkSettings, options?: PrepareOptions): Promise<Run>;
  /** Ends a running run with a checkpoint; the broadcast tells when. A waiting one is `stopped`, others are left alone. */
  interrupt(id: string, as: 'paused' | 'stopped'): void;
  /** @throws AppError `name.invalid` */
  rename(id: string, name: string): Run;
  /** Deletes it until it is restored. @throws AppError `run.active` */
  delete(id: string): void;
  /** Brings it back, with its experiment where that was deleted. */
  restore(id: string): void;
}

export function createRuns(
  store: Store,
  host: TrainerHost,
  queue: TrainingQueue,
  datasets: Datasets,
  broadcast: (event: ApiEvent) => void,
): Runs {
  const tell = (id: string) => broadcast({ type: 'run', run: store.runs.get(id) });

  /** Queues a run that is in the state `queued`. */
  const enqueue = (
    id: string,
    dataset: PreparedDataset,
    checkpoint: { step: number; folder: string } | null,
  ): Run => {
    const run = store.runs.get(id);
    store.datasets.touch(dataset.key);
    tell(id);
    broadcast({ type: 'datasets' });
    queue.add(run, {
      type: 'train',
      design: run.design,
      hyperparameters: run.hyperparameters,
      dataset,
      seed: run.seed,
      engine: run.engineWanted,
      limits: run.limits,
      runDir: store.paths.runFolder(id),
      checkpoint: checkpoint?.folder ?? null,
      trials: store.paths.engineTrials,
      graphs: store.paths.graphs,
      ...(checkpoint !== null && (checkpoint.step === run.forkedFrom?.step || hasGoneBack(store, id))
        ? { changedSettings: true }
        : {}),
    });
    return store.runs.get(id);
  };

  /** The checkpoint to go on from; null for the run's very beginning, which a fork has none of. */
  const beginning = ({ id, name, forkedFrom }: Run, step: number | null) => {
    const checkpoint = chooseCheckpoint(store, id, step);
    if (checkpoint !== null || forkedFrom === null) return checkpoint;
    throw new AppError(
      'checkpoint.none',
      `The run "${name}" began with a checkpoint of another run, and has none any more. Fork it again.`,
      { run: id },
    );
  };

  return {
    startNew({ name: wanted, design, hyperparameters, measuring, limits, dataset, seed, engine }) {
      requireTrainable(design, dataset, hyperparameters);
      const name = wanted ?? nameAfter(datasets.view(dataset).sourceName, namesIn(store));
      const { id, experiment } = store.transaction(() => {
        const { id } = store.experiments.create({
          name,
          history: packHistory(startHistory(design)),
          hyperparameters,
          measuring,
          limits,
          engine,
          imageSettings: dataset.settings,
          source: dataset.source,
        });
        return store.runs.create({
          experiment: id,
          name,
          design,
          hyperparameters,
          measuring,
          limits,
          dataset,
          seed,
          engineWanted: engine,
          forkedFrom: null,
        });
      });
      broadcast({ type: 'experiment', experiment: store.experiments.get(experiment) });
      return enqueue(id, dataset, null);
    },

    async start(experiment, name, seed, options) {
      const wanted = store.experiments.get(experiment);
      requireExperiment(wanted);
      const { design, hyperparameters, measuring, limits, engine, imageSettings, source } = wanted;
      if (imageSettings === null || source === null) {
        throw new AppError(
          'experiment.no-images',
          `"${wanted.name}" has no images to learn from yet. Choose them first.`,
          { experiment },
        );
      }
      // What cannot be right with any images is said before hours are spent on preparing them.
      requireTrainable(design, { settings: imageSettings, count: Infinity }, hyperparameters);
      const dataset = await datasets.ready(source, imageSettings, options);
      requireTrainable(design, dataset, hyperparameters);
      requireExperiment(store.experiments.get(experiment));
      const { id } = store.runs.create({
        experiment,
        name,
        design,
        hyperparameters,
        measuring,
        limits,
        dataset,
        seed: seed ?? randomInt(2 ** 47),
        engineWanted: engine,
        forkedFrom: null,
      });
      return enqueue(id, dataset, null);
    },

    async resume(id, step, limits, options) {
      const run = store.runs.get(id);
      const wanted = limits ?? run.limits;
      requireRun(run);
      requireIdle(run);
      const found = beginning(run, step);
      const from = found?.step ?? 0;
      requireWayToGo(run, wanted, from, store.runs.progressAt(id, from).imagesSeen);
      if (found !== null) await requireWhole(store, host, { run: id, step: from }, options?.signal);
      const dataset = await datasets.ofRun(run, options);
      // Somebody else may have resumed or deleted it while the images were prepared.
      const now = store.runs.get(id);
      requireRun(now);
      requireIdle(now);
      const checkpoint = beginning(now, step);
      store.runs.rewind(id, checkpoint?.step ?? 0);
      store.transaction(() => {
        store.runs.setLimits(id, wanted);
        if (options?.engine !== undefined) store.runs.setEngineWanted(id, options.engine);
        if (dataset.source !== now.dataset.source) store.runs.setSource(id, dataset.source);
        store.runs.setState(id, 'queued');
      });
      return enqueue(id, dataset, checkpoint);
    },

    async fork(id, step, { name, hyperparameters, measuring, limits }, options) {
      const parent = store.runs.get(id);
      const settings = hyperparameters ?? parent.hyperparameters;
      const until = limits ?? parent.limits;
      const progress = store.runs.progressAt(id, step);
      requireRun(parent);
      if (chooseCheckpoint(store, id, step) === null) {
        throw new AppError('checkpoint.none', 'Before its first step a run has nothing to go on from.', {
          run: id,
        });
      }
      requireWayToGo(parent, until, step, progress.imagesSeen);
      const release = store.checkpoints.hold(id, step);
      try {
        await requireWhole(store, host, { run: id, step }, options?.signal);
        const dataset = await datasets.ofRun(parent, options);
        requireTrainable(parent.design, dataset, settings);
        const { experiment, design, seed, engineWanted } = parent;
        const wanted = {
          experiment,
          name,
          design,
          hyperparameters: settings,
          measuring: measuring ?? parent.measuring,
          limits: until,
          dataset: parent.dataset,
          seed,
          engineWanted,
          forkedFrom: { run: id, step },
        };
        const run = await createFork(store, wanted, progress);
        return enqueue(run, dataset, chooseCheckpoint(store, run, step));
      } finally {
        release();
      }
    },

    interrupt(id, as) {
      const { state } = store.runs.get(id);
      if (state === 'paused' && as === 'stopped') {
        store.runs.setState(id, 'stopped');
        tell(id);
      } else {
        queue.interrupt(id, as);
      }
    },
    rename(id, name) {
      store.runs.rename(id, parseName(name));
      tell(id);
      return store.runs.get(id);
    },
    delete(id) {
      if (store.runs.get(id).deletedAt !== null) return;
      store.runs.setDeleted(id, Date.now());
      tell(id);
    },
    restore(id) {
      const { experiment } = store.runs.get(id);
      const along = store.experiments.setDeleted(experiment, null);
      store.runs.setDeleted(id, null);
      broadcast({ type: 'experiment', experiment: store.experiments.get(experiment) });
      for (const run of new Set([...along, id])) tell(run);
    },
  };
}

/** Names that people see: those of deleted things are free again. */
function namesIn(store: Store): string[] {
  const named = [...store.experiments.list(), ...store.runs.list()];
  return named.filter(({ deletedAt }) => deletedAt === null).map(({ name }) => name);
}

function requireIdle({ id, name, state }: Run): void {
  if (state !== 'queued' && state !== 'running') return;
  throw new AppError('run.active', `The run "${name}" is ${state} already.`, { run: id });
}

/** A run that has reached its limit would end again at once. */
function requireWayToGo({ id, name }: Run, limits: Limits, step: number, imagesSeen: number): void {
  const over =
    (limits.steps !== null && step >= limits.steps) ||
    (limits.kimg !== null && imagesSeen >= limits.kimg * 1000);
  if (!over) return;
  throw new AppError(
    'run.at-its-end',
    `The run "${name}" has reached its end at step ${step}. Give a higher limit to go on.`,
    { run: id, step },
  );
}
