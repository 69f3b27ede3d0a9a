/** The application: what a person can do with a library, whatever shell they do it in. It knows no window, no SQL and no tensor. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiEvent, ApiHandlers, SystemInfo } from '../../src-shared/api.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Experiment, Metric, Run, RunDetails } from '../../src-shared/library.ts';
import type { ExportFormat } from '../../src-shared/trainer-protocol.ts';
import type { Limits } from '../../src-shared/training.ts';
import type { StoredCheckpoint } from '../store/checkpoints.ts';
import type { StoredExport } from '../store/exports.ts';
import type { Store } from '../store/open-store.ts';
import type { Purged } from '../store/purge.ts';
import { openStore } from '../store/open-store.ts';
import { leftOutFile } from '../datasets/cache-entry.ts';
import type { StoredSample } from '../store/samples.ts';
import { isUpload } from '../datasets/upload.ts';
import type { CacheEntry, Datasets } from './datasets.ts';
import { createDatasets } from './datasets.ts';
import type { Experiments } from './experiments.ts';
import { createExperiments } from './experiments.ts';
import type { SampleOptions, Written } from './exports.ts';
import { createExports } from './exports.ts';
import { createExplorers } from './explorers.ts';
import type { Files } from './files.ts';
import { createHandlers } from './handlers.ts';
import { createIntake } from './intake.ts';
import type { Measurements } from './measurements.ts';
import { createMeasurements } from './measurements.ts';
import type { NewTraining, ResumeOptions, Runs } from './runs.ts';
import type { RunAndExperiment } from './run-and-experiment.ts';
import { createRunAndExperiment } from './run-and-experiment.ts';
import { createRuns } from './runs.ts';
import { createSystem } from './system.ts';
import type { TrainerHost } from './trainer-host.ts';
import { TrainingQueue } from './training-queue.ts';
import { createTrials } from './trials.ts';

/** How long what was deleted can be brought back, in milliseconds, while the library stays open. */
const deletedFor = 24 * 3600_000;

/** `step` names the checkpoint to take, 0 the beginning; the newest unless given. */
interface AtStep {
  step?: number;
}

/** A run with what is wanted beside it, and where its files are: for the command line. */
export interface RunFiles extends RunDetails {
  samples: StoredSample[];
  checkpoints: StoredCheckpoint[];
  exports: StoredExport[];
  /** Its dataset in the cache; null when it is not there, or other runs use it as well. */
  ownDataset: { key: string; bytes: number } | null;
}

export interface App {
  /** Absolute path of the library. */
  libraryDir: string;
  /** What a shell serves to its windows; see `serve` in src-shared/rpc.ts. */
  handlers: ApiHandlers;
  /** What a shell serves at the addresses of `pictures` and `uploads` in src-shared/api.ts. */
  files: Files;
  datasets: Pick<Datasets, 'prepare' | 'delete'> & {
    /** What is in the cache, the last used first, then what nothing else knows of. */
    list(): CacheEntry[];
    /** Path of the list of all files that were left out, one JSON object a line; null where there is none. */
    leftOutFile(dataset: PreparedDataset): string | null;
  };
  /** A source as people call it: an upload by the name that was dropped, anything else as it is. */
  sourceName(source: string): string;
  experiments: Pick<Experiments, 'list'>;
  runs: Pick<Runs, 'interrupt'> & {
    /** What has been measured of it, in the order of steps. */
    metrics(id: string): Metric[];
    measure: Measurements['measure'];
    /** See {@link Measurements}. */
    measured: Measurements['settled'];
    /** See {@link Runs}. */
    resume(id: string, limits: Limits | null, options?: ResumeOptions & AtStep): Promise<Run>;
    /** Those that have not been deleted, the newest first. */
    list(): Run[];
    /** By id, number, or name where only one has it. @throws AppError `run.missing`, `run.ambiguous` */
    find(text: string): Run;
    details(id: string): RunFiles;
    /** Absolute path of the sample grid of a step. */
    sampleFile(id: string, step: number): string;
    /** Absolute path of the checkpoint of a step. */
    checkpointFolder(id: string, step: number): string;
    /**
     * Makes an experiment with one run and queues it.
     * @throws AppError of `requireTrainable`
     */
    start(training: NewTraining): Run;
    /** See {@link RunAndExperiment}. */
    rename: RunAndExperiment['rename'];
    /**
     * Deletes a run with its files, and its experiment where it has no other, for good.
     * @returns that experiment
     * @throws AppError `run.missing`, `run.active`
     */
    delete(id: string): Experiment | null;
  };
  generator: {
    /** See {@link Exports}. */
    sample(run: string, options: SampleOptions & AtStep, signal?: AbortSignal): Promise<void>;
    /** To a path outside of the library, which must not be there yet; see {@link Exports}. */
    export(
      run: string,
      options: { format: ExportFormat; path: string } & AtStep,
      signal?: AbortSignal,
    ): Promise<Written>;
  };
  /** Ends whatever trains at once (it can be resumed from its last checkpoint) and lets the library go. */
  close(): void;
}

export interface AppOptions {
  libraryDir: string;
  /** `read` only looks: lists and details work, everything else is refused. */
  access?: 'write' | 'read';
  /** Refuses a place where no library is, instead of making one there. */
  mustExist?: boolean;
  trainerHost: TrainerHost;
  /** Hears all that happens, in order; for every window. */
  broadcast: (event: ApiEvent) => void;
  shell?: SystemInfo['shell'];
  /**
   * Folders whose images may be used, beside uploads, what Ganvas draws and what the library knows already; null, which is the default,
   * allows everything that the person may read.
   */
  roots?: readonly string[] | null;
  /** Shows a file or folder in the system's file browser; not there where a shell cannot. */
  reveal?: (path: string) => void;
}

/** @throws AppError what `openStore` throws */
export function createApp({
  libraryDir,
  access = 'write',
  mustExist = false,
  trainerHost,
  broadcast,
  shell = 'server',
  roots = null,
  reveal,
}: AppOptions): App {
  const store = openStore(libraryDir, { access, mustExist });
  const trials = createTrials(trainerHost, store.paths, () => queue.isBusy);
  const tell = (event: ApiEvent) => {
    if (event.type === 'run' && event.run.state === 'queued') trials.stop();
    broadcast(event);
  };
  const queue = new TrainingQueue(store, trainerHost, tell, (...heard) => measurements.hear(...heard));
  const isKnown = (source: string) => store.datasets.knows(source);
  const intake = createIntake({
    paths: store.paths,
    dataRoots: roots,
    findDataset: (key) => store.datasets.find(key)?.prepared ?? null,
    isKnown,
    isUsed: (source) => isKnown(source) || store.experiments.uses(source),
  });
  if (access === 'write') intake.sweep();
  const datasets = createDatasets(store, intake, broadcast);
  const experiments = createExperiments(store, intake, broadcast);
  const runs = createRuns(store, trainerHost, queue, datasets, tell);
  const together = createRunAndExperiment(store, experiments, runs);
  const exports = createExports(store, trainerHost, broadcast);
  const measurements = createMeasurements({
    store,
    host: trainerHost,
    broadcast,
    checkpointOf: (run, step) => exports.checkpointOf(run, step),
    datasetOf: (run, options) => datasets.ofRun(store.runs.get(run), options),
    isTraining: () => queue.isBusy,
    finish: (run, reason) => queue.finish(run, reason),
  });
  const canBrowse = roots === null || roots.length > 0;
  const system = createSystem({
    libraryDir: store.paths.dir,
    runsDir: store.paths.runs,
    shell,
    canBrowse,
    host: trainerHost,
  });

  const explorers = createExplorers({
    trainerHost,
    folder: join(store.paths.scratch, 'explored'),
    holdCheckpoint(id, wanted) {
      const { folder, step } = exports.checkpointOf(id, wanted);
      return { folder, release: store.checkpoints.hold(id, step) };
    },
    datasetOf: (run, options) => datasets.ofRun(store.runs.get(run), options),
  });

  const tellPurged = ({ experiments, runs, sources }: Purged) => {
    if (runs.length === 0 && experiments.length === 0) return;
    for (const source of sources) void intake.release(source);
    broadcast({ type: 'purged', experiments, runs });
    broadcast({ type: 'exports' });
    // Prepared datasets say which runs use them.
    broadcast({ type: 'datasets' });
  };
  const purge = (before: number) => tellPurged(store.purge(before));
  const purging = setInterval(() => {
    try {
      if (access === 'write') purge(Date.now() - deletedFor);
    } catch {
      // Nobody asked for it: an hour later it is tried again.
    }
  }, deletedFor / 24);
  purging.unref();

  const sourceName = (source: string) => (isUpload(source) ? intake.sourceName(source) : source);

  return {
    libraryDir: store.paths.dir,
    handlers: createHandlers({
      store,
      system,
      datasets,
      experiments,
      runs,
      exports,
      intake,
      explorers,
      measurements,
      trials,
      purge() {
        purge(Date.now());
        store.compact();
      },
      reveal: reveal ?? null,
    }),
    files: {
      ...intake.files,
      explored: (explorer, picture) => explorers.explored(explorer, picture),
      sample: (run, step) => sampleContent(store, run, step),
      export: async (id) => exports.content(id),
    },
    datasets: {
      prepare: (source, settings, options) => datasets.prepare(source, settings, options),
      list: () => datasets.entries(),
      leftOutFile,
      delete: (key) => datasets.delete(key),
    },
    sourceName,
    experiments: { list: () => experiments.list() },
    runs: {
      list: () => store.runs.list().filter(({ deletedAt }) => deletedAt === null),
      find: (text) => store.runs.find(text),
      details: (id) => ({
        run: store.runs.get(id),
        history: store.runs.history(id),
        last: store.steps.last(id),
        samples: store.samples.list(id),
        checkpoints: store.checkpoints.list(id),
        exports: store.exports.list({ run: id }),
        diskUse: store.diskUse(id),
        ownDataset: ownDataset(store, store.runs.get(id)),
      }),
      sampleFile: (id, step) => store.paths.sampleFile(id, step),
      checkpointFolder: (id, step) => store.paths.checkpointFolder(id, step),
      start: (training) => runs.startNew(training),
      resume: (id, limits, { step = null, ...options } = {}) => runs.resume(id, step, limits, options),
      rename: (id, name) => together.rename(id, name),
      interrupt: (id, as) => runs.interrupt(id, as),
      metrics: (id) => store.metrics.list(id),
      measure: (run, step, settings, options) => measurements.measure(run, step, settings, options),
      measured: () => measurements.settled(),
      delete(id) {
        const experiment = together.delete(id);
        purge(Date.now());
        return experiment;
      },
    },
    generator: {
      sample: (run, { step = null, ...options }, signal) => exports.sample(run, step, { ...options, signal }),
      export: (run, { step = null, format, path }, signal) =>
        exports.write(run, step, format, path, { signal }),
    },
    close() {
      clearInterval(purging);
      explorers.close();
      measurements.close();
      trials.stop();
      void intake.close();
      queue.close();
      store.close();
    },
  };
}

function ownDataset(store: Store, { id, dataset: { key } }: Run): RunFiles['ownDataset'] {
  const isShared = store.datasets.users(key).some((user) => user.id !== id);
  return isShared || store.datasets.find(key) === null ? null : { key, bytes: store.datasets.diskUse(key) };
}

async function sampleContent(store: Store, run: string, step: number): ReturnType<Files['sample']> {
  const path = store.samples.get(run, step)?.file;
  const found =
    path !== undefined &&
    (await stat(path).then(
      (stats) => stats.isFile(),
      () => false,
    ));
  if (found) return { kind: 'file', type: 'image/png', path };
  throw new AppError('sample.missing', `There is no sample grid of step ${step}.`, { run, step });
}
