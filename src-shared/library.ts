/** What a library holds, as the plain data that the interface is given. Times are milliseconds since 1970, sizes are bytes. */
import type { ImageSettings, PreparedDataset } from './dataset.ts';
import type { Design } from './gan/block.ts';
import type { PackedHistory } from './gan/history-json.ts';
import type { MeasuredValue, Measuring } from './measures.ts';
import type { ExportFormat } from './trainer-protocol.ts';
import type { EngineName, Hyperparameters, Limits, RunState, StepStats } from './training.ts';

/** Name of an experiment that nobody has named yet: the first images that it is given name it. */
export const unnamed = 'New experiment';

/** What an experiment is called after its images. @param source what people call them; see {@link CachedDataset.sourceName} */
export const namedAfter = (source: string): string => source.replace(/(.)\.(zip|gz)$/i, '$1').slice(0, 200);

/** What a person is working on: a design, images and settings. Its runs keep their own copies of everything, as it was when they started. */
export interface Experiment {
  id: string;
  name: string;
  tags: string[];
  createdAt: number;
  /** When anything but its runs was last changed. */
  updatedAt: number;
  /** Counts the changes of what {@link ExperimentDraft} holds; a change that was made on an older one is refused. */
  revision: number;
  design: Design;
  hyperparameters: Hyperparameters;
  measuring: Measuring;
  limits: Limits;
  engine: EngineName;
  /** Null until images have been chosen. */
  imageSettings: ImageSettings | null;
  /** Where the images come from; null until they have been chosen. See `PreparedDataset.source`. */
  source: string | null;
  /** When it was deleted; it can be brought back until the library is opened the next time, or space is made. */
  deletedAt: number | null;
}

/** An experiment as it is edited: with all that can be undone. */
export interface OpenExperiment extends Experiment {
  history: PackedHistory;
}

/** The part of an experiment that is edited, and that its revision counts. Its design is the present state of the history. */
export type ExperimentDraft = Pick<
  OpenExperiment,
  'history' | 'hyperparameters' | 'measuring' | 'limits' | 'engine' | 'imageSettings' | 'source'
>;

/** Why a run came into a state that nobody asked for: a stable name and a sentence for a person. */
export interface Reason {
  code: string;
  message: string;
}

/** The images of a run, as they were. */
export interface RunDataset {
  key: string;
  fingerprint: string;
  source: string;
  count: number;
  classes: string[];
  settings: ImageSettings;
}

/**
 * What a run is started with; it never changes afterwards, save the name, the limits, where its images lie, and learning rates that are lowered
 * when it breaks down.
 */
export interface NewRun {
  /** Id of the experiment it belongs to. */
  experiment: string;
  name: string;
  design: Design;
  hyperparameters: Hyperparameters;
  measuring: Measuring;
  limits: Limits;
  dataset: RunDataset;
  /** 0 to 2^53 - 1. */
  seed: number;
  engineWanted: EngineName;
  /** The run and step whose checkpoint it began with; null when it began with fresh networks. */
  forkedFrom: { run: string; step: number } | null;
}

export interface Run extends NewRun {
  id: string;
  /** 1 for the library's first run, never given twice: what people call it by. */
  number: number;
  /** What really computed last; null before the first start. */
  engine: string | null;
  device: string | null;
  state: RunState;
  /** Steps trained. */
  step: number;
  /** Real images seen in those steps. */
  imagesSeen: number;
  /** Seconds spent in those steps. */
  trainingSeconds: number;
  createdAt: number;
  /** When it first trained. */
  startedAt: number | null;
  /** When it last left the state `running` or the queue; null while it is in one of them. */
  endedAt: number | null;
  /** Set while it is `failed` or `interrupted`, and while it is `done` without having reached a limit; else null. */
  reason: Reason | null;
  /** When it was deleted; see {@link Experiment.deletedAt}. */
  deletedAt: number | null;
}

/** One entry of a run's history. */
export interface StateChange {
  state: RunState;
  at: number;
  reason: Reason | null;
}

/** A saved grid of the fixed latents; its picture is at `pictures.sample`. */
export interface Sample {
  /** 0 for the grid before the first step. */
  step: number;
  /** Images in the grid. */
  count: number;
  /** Images in a row of it. */
  columns: number;
}

export interface Checkpoint {
  step: number;
  bytes: number;
}

/** A generator that was written for use elsewhere, and tried. */
export interface Export {
  id: number;
  run: string;
  step: number;
  format: ExportFormat;
  /** File or folder name. */
  name: string;
  bytes: number;
  createdAt: number;
  /** Largest difference between its images and the trainer's, in units of -1 to 1. */
  difference: number | null;
  /** Whether it is still where it was written. */
  present: boolean;
  /** Absolute path of one that was written outside of the library, where nobody can download it; null for all others. */
  outside: string | null;
}

export interface RunDetails {
  run: Run;
  history: StateChange[];
  last: StepStats | null;
  samples: Sample[];
  checkpoints: Checkpoint[];
  exports: Export[];
  diskUse: number;
}

/** A prepared dataset in the library's cache. */
export interface CachedDataset {
  prepared: Omit<PreparedDataset, 'dir'>;
  /** What people call its source: the name of an upload, a folder or a file. */
  sourceName: string;
  bytes: number;
  lastUsedAt: number;
  /** Ids of the runs that were trained with it. */
  runs: string[];
}

/** A measure of the quality of a checkpoint. */
export interface Metric extends MeasuredValue {
  step: number;
}

/** What one step says that can be drawn as a curve. */
export type SeriesName = Exclude<keyof StepStats, 'step'>;

/**
 * Curves of a run over a range of steps, in at most so many bins as were asked for; with few steps each bin is one step. All arrays have
 * one value a bin.
 */
export interface Series {
  /** Last step of each bin, ascending. */
  step: number[];
  /** Steps in each bin. */
  count: number[];
  /** Seconds of training since the run's beginning, at the end of each bin. */
  seconds: number[];
  columns: Partial<Record<SeriesName, { min: number[]; max: number[]; mean: number[] }>>;
}
