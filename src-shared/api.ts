/**
 * The one contract between the interface and the core: what can be asked, what is told. The interface never sees a tensor, SQL or a
 * process; pictures are loaded from addresses, see {@link pictures}.
 */
import * as v from 'valibot';
import type { PreparedDataset } from './dataset.ts';
import { ImageSettings } from './dataset.ts';
import { Design } from './gan/block.ts';
import { PackedHistory } from './gan/history-json.ts';
import { LatentPoint } from './latent-point.ts';
import type { ErrorData } from './errors.ts';
import type {
  CachedDataset,
  Experiment,
  Export,
  Metric,
  OpenExperiment,
  Run,
  RunDetails,
  Series,
  SeriesName,
} from './library.ts';
import { fewestImages, Measuring } from './measures.ts';
import type { LongTask } from './long-task.ts';
import { Name } from './name.ts';
import type { Contract, Handlers, ParamsOf, ResultOf } from './rpc.ts';
import { method } from './rpc.ts';
import type { EngineReport } from './trainer-protocol.ts';
import { AnimationFormat, ExportFormat } from './trainer-protocol.ts';
import type { StepStats } from './training.ts';
import { EngineName, Hyperparameters, Limits } from './training.ts';

const id = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,128}$/, 'not an id'));
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const isFirst = <T>(item: T, index: number, all: T[]) => all.indexOf(item) === index;
const upTo = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max));

/** Light or dark; `system`: as the system has it. */
export const Theme = v.picklist(['system', 'light', 'dark']);
export type Theme = v.InferOutput<typeof Theme>;

/** What a person chose: `sample`, `sample:<count>`, `upload:<id>` (also of what `datasets.select` took), or a path (where the shell allows it). */
const source = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));

/** The part of an experiment that is edited. */
const draft = {
  history: PackedHistory,
  hyperparameters: Hyperparameters,
  measuring: Measuring,
  limits: Limits,
  engine: EngineName,
  imageSettings: v.nullable(ImageSettings),
  source: v.nullable(source),
};

/** Any of it, but nothing that is there and undefined. */
const changes = {
  history: v.exactOptional(draft.history),
  hyperparameters: v.exactOptional(draft.hyperparameters),
  measuring: v.exactOptional(draft.measuring),
  limits: v.exactOptional(draft.limits),
  engine: v.exactOptional(draft.engine),
  imageSettings: v.exactOptional(draft.imageSettings),
  source: v.exactOptional(draft.source),
};

export interface DatasetView extends Omit<PreparedDataset, 'dir'> {
  /** What people call its source: the name of an upload, a folder or a file. */
  sourceName: string;
}

/** What the machine and the shell are. */
export interface SystemInfo {
  version: string;
  shell: 'desktop' | 'server';
  platform: string;
  /** Name of the library's folder. */
  library: string;
  /** Whether datasets can be chosen from folders of the machine with `datasets.browse`. */
  canBrowse: boolean;
  /** Whether files are chosen and saved in the system's own dialogs, and the methods for it are there. */
  dialogs: boolean;
  cores: number;
  memoryBytes: number;
}

export interface StepTime {
  /** Seconds for a thousand real images. */
  kimgSeconds: number;
  /** Name of what computed. */
  engine: string;
}

export interface Resources {
  /** Free bytes where the library is. */
  diskFree: number;
  memoryFree: number;
  /** Bytes of the whole library. */
  libraryBytes: number;
  /** Bytes of each run by its id: its checkpoints and grids, as {@link RunDetails.diskUse}. */
  runBytes: Record<string, number>;
}

export interface FolderListing {
  /** Null where the data roots themselves are listed. */
  path: string | null;
  parent: string | null;
  /** Folders, and files that are images or hold some; folders first, in natural order. Bytes are 0 for folders. */
  entries: { name: string; path: string; kind: 'folder' | 'file'; bytes: number }[];
  /** How many more there are than are listed. */
  more: number;
}

/** A few images as the network would see them; their pictures are at `pictures.preview`. */
export interface Preview {
  id: string;
  /** See {@link DatasetView.sourceName}. */
  sourceName: string;
  /** At most as many as were asked for: fewer where the source has no more, or where they are huge. */
  count: number;
  /** Files that may be images, in all. */
  files: number;
  /** `[width, height, count]` among those that were looked at, most frequent first. */
  sizes: [number, number, number][];
  settings: ImageSettings;
}

/** A generator that is ready to draw. */
export interface Explorer {
  id: string;
  run: string;
  step: number;
  latentDim: number;
  image: { height: number; width: number; channels: number };
  /** How many directions the generator's first layer offers for sliders (SeFa, Shen and Zhou 2021), the strongest first. */
  directions: number;
}

/** A picture of an explorer, at `pictures.explored`. It stays until many newer ones have come, or the explorer ends. */
export interface Explored {
  picture: string;
  columns: number;
  count: number;
}

export const api = {
  'system.info': method({}).gives<SystemInfo>(),
  'system.engines': method({}).gives<EngineReport[]>(),
  /**
   * Long. How long the engine takes to train a design here, measured.
   * @throws `trial.busy` while a run trains or waits for it; `cancelled` also when another one is asked for, or a run begins
   */
  'system.stepTime': method({
    design: Design,
    hyperparameters: Hyperparameters,
    engine: EngineName,
  }).gives<StepTime>(),
  'system.resources': method({}).gives<Resources>(),
  /** Makes space: what was deleted is gone for good. */
  'system.purge': method({}).gives<Resources>(),

  /** What the shell draws itself takes these colours too, from its first picture on; desktop only. @throws `shell.not-here` */
  'system.setTheme': method({ theme: Theme }).gives<null>(),

  /** What is under way: prepared, started, resumed, forked, exported or uploaded, from whatever window. */
  'tasks.list': method({}).gives<LongTask[]>(),
  /** For all windows. One that is not under way any more is no error. */
  'tasks.cancel': method({ id }).gives<null>(),

  'datasets.list': method({}).gives<CachedDataset[]>(),
  /** @throws `dataset.not-allowed` outside the data roots */
  'datasets.browse': method({ path: v.nullable(source) }).gives<FolderListing>(),
  /** Path of what was chosen in the system's dialog, null when it was closed; desktop only. @throws `shell.not-here` */
  'datasets.choose': method({ kind: v.picklist(['folder', 'file']) }).gives<string | null>(),
  /**
   * Several files and folders of this machine as one source, read where they lie; null where they do not lie in one folder, or where the
   * shell does not allow all of the machine.
   */
  'datasets.select': method({ paths: v.pipe(v.array(source), v.minLength(1), v.maxLength(20_000)) }).gives<{
    source: string | null;
  }>(),
  /** `settings` null: suggested by what is found. */
  'datasets.preview': method({
    source,
    settings: v.nullable(ImageSettings),
    count: upTo(64),
  }).gives<Preview>(),
  /** Long. Decodes everything into the cache, or finds it there. */
  'datasets.prepare': method({ source, settings: ImageSettings }).gives<DatasetView>(),
  /** The prepared dataset if it is in the cache, without looking at the images. */
  'datasets.find': method({ source, settings: ImageSettings }).gives<DatasetView | null>(),
  'datasets.delete': method({ key: id }).gives<null>(),
  /** Files then go to `uploads.file` and `uploads.batch`. `bytes` null: nobody has counted them. */
  'datasets.beginUpload': method({ name: Name, files: count, bytes: v.nullable(count) }).gives<{
    id: string;
  }>(),
  /**
   * To be called when the connection is back: files go on coming. An upload whose window has gone is removed after a while.
   * @throws `upload.missing`
   */
  'datasets.continueUpload': method({ id }).gives<null>(),
  /** May be called again. */
  'datasets.finishUpload': method({ id }).gives<{ source: string }>(),
  'datasets.cancelUpload': method({ id }).gives<null>(),

  'experiments.list': method({}).gives<Experiment[]>(),
  'experiments.get': method({ id }).gives<OpenExperiment>(),
  'experiments.create': method({ name: Name, ...draft }).gives<OpenExperiment>(),
  /** @throws `experiment.changed` when `revision` is not the present one: somebody else has changed it since */
  'experiments.save': method({
    id,
    revision: count,
    draft: v.strictObject(changes),
  }).gives<OpenExperiment>(),
  'experiments.rename': method({ id, name: Name }).gives<null>(),
  'experiments.tag': method({
    id,
    tags: v.pipe(v.array(Name), v.maxLength(50), v.checkItems(isFirst, 'there twice')),
  }).gives<null>(),
  /** A new experiment with the same content, or with that of one of its runs. */
  'experiments.duplicate': method({ id, run: v.nullable(id), name: Name }).gives<OpenExperiment>(),
  'experiments.delete': method({ id }).gives<null>(),
  'experiments.restore': method({ id }).gives<null>(),
  /**
   * A new experiment from a file that is chosen in the system's dialog, null when it was closed; desktop only.
   * @throws `shell.not-here`, and what `parseExperiment` throws
   */
  'experiments.openFile': method({}).gives<OpenExperiment | null>(),
  /** Design and settings as a file, where the system's dialog says; whether it was saved. Desktop only. @throws `shell.not-here` */
  'experiments.saveFile': method({ id }).gives<boolean>(),

  'runs.list': method({}).gives<Run[]>(),
  'runs.get': method({ id }).gives<RunDetails>(),
  /** Long when the images are not prepared yet. Trains the experiment as it is now. `seed` null: a new one. */
  'runs.start': method({ experiment: id, name: Name, seed: v.nullable(count) }).gives<Run>(),
  'runs.pause': method({ id }).gives<null>(),
  'runs.stop': method({ id }).gives<null>(),
  /** Long when the images are gone from the cache. `step`: an earlier checkpoint; what came after it is forgotten. */
  'runs.resume': method({
    id,
    step: v.nullable(count),
    limits: v.nullable(Limits),
    /** The run's own when absent. */
    engine: v.exactOptional(EngineName),
  }).gives<Run>(),
  /** A new run of the same experiment that goes on from a checkpoint, with other settings if given. */
  'runs.fork': method({
    id,
    step: count,
    name: Name,
    hyperparameters: v.nullable(Hyperparameters),
    measuring: v.nullable(Measuring),
    limits: v.nullable(Limits),
  }).gives<Run>(),
  'runs.rename': method({ id, name: Name }).gives<null>(),
  'runs.delete': method({ id }).gives<null>(),
  'runs.restore': method({ id }).gives<null>(),
  'runs.series': method({
    id,
    columns: v.array(
      v.picklist(['lossD', 'lossG', 'dReal', 'dFake', 'imagesPerSecond'] satisfies SeriesName[]),
    ),
    /** First and last step; null for the run's own. */
    from: v.nullable(count),
    to: v.nullable(count),
    bins: upTo(5000),
  }).gives<Series>(),
  'runs.metrics': method({ id }).gives<Metric[]>(),
  /**
   * Long. Measures a checkpoint against the run's images and keeps the numbers. `step` null: the newest one.
   * @throws `measure.too-few`
   */
  'runs.measure': method({
    id,
    step: v.nullable(count),
    images: v.pipe(v.number(), v.integer(), v.minValue(fewestImages), v.maxValue(16_384)),
  }).gives<Metric[]>(),

  /**
   * Starts a process that holds the generator of a checkpoint (null: the newest one), also of a run that trains. It ends with the
   * connection or `explore.close`; the one that was used longest ago makes room for a fifth.
   * @throws `explore.ended` by whatever asks it later: it can be opened again
   */
  'explore.open': method({ run: id, step: v.nullable(count) }).gives<Explorer>(),
  'explore.draw': method({
    explorer: id,
    points: v.pipe(v.array(LatentPoint), v.minLength(1), v.maxLength(1024)),
    columns: upTo(64),
  }).gives<Explored>(),
  /**
   * Long. The training images with the least mean squared difference from a point's image, bytes scaled to -1..1; those larger than 32
   * pixels are averaged down for it. The nearest first.
   */
  'explore.nearest': method({ explorer: id, point: LatentPoint, count: upTo(64) }).gives<{
    dataset: string;
    images: { index: number; distance: number }[];
  }>(),
  /** Long. A walk through points, as an animated picture that goes round; images smaller than 256 pixels are enlarged by a whole number. */
  'explore.animate': method({
    explorer: id,
    points: v.pipe(v.array(LatentPoint), v.minLength(2), v.maxLength(2000)),
    framesPerSecond: upTo(60),
    format: AnimationFormat,
  }).gives<Explored>(),
  'explore.close': method({ explorer: id }).gives<null>(),

  'exports.list': method({}).gives<Export[]>(),
  /** Long. `step` null: the newest checkpoint. */
  'exports.create': method({ run: id, step: v.nullable(count), format: ExportFormat }).gives<Export>(),
  'exports.delete': method({ id: count }).gives<null>(),
  /** Shows it in the system's file browser; desktop only. @throws `shell.not-here` */
  'exports.reveal': method({ id: count }).gives<null>(),
} satisfies Contract;

export type Api = typeof api;
export type ApiName = keyof Api;
export type ApiParams<Name extends ApiName> = ParamsOf<Api[Name]>;
export type ApiResult<Name extends ApiName> = ResultOf<Api[Name]>;
export type ApiHandlers = Handlers<Api>;

/** What happens in the application, told to every open window. */
export type ApiEvent =
  /** It is new, or anything of it has changed. */
  | { type: 'experiment'; experiment: Experiment }
  | { type: 'run'; run: Run }
  | {
      type: 'steps';
      run: string;
      steps: StepStats[];
      imagesSeen: number;
      trainingSeconds: number;
      remainingSeconds: number | null;
    }
  | { type: 'sample'; run: string; step: number; count: number; columns: number }
  | { type: 'checkpoint'; run: string; step: number; bytes: number }
  /** These checkpoints of the run have made room for others. */
  | { type: 'pruned'; run: string; steps: number[] }
  /** A checkpoint has been measured. */
  | { type: 'metrics'; run: string; metrics: Metric[] }
  /** What is being measured beside the training; `phase` null: nothing any more, and `problem` says why where it went wrong. */
  | { type: 'measuring'; run: string; step: number; phase: string | null; problem: string | null }
  /** What the trainer of a run uses: share of all cores (0 to 1), resident bytes. */
  | { type: 'resources'; run: string; cpu: number; memoryBytes: number }
  | { type: 'export'; export: Export }
  /** It has begun, or is further. */
  | { type: 'task'; task: LongTask }
  /** `error`: why it failed; null when it did not. `told`: whether a window that waited for it is told so by the answer to its call. */
  | { type: 'task-ended'; task: string; error: ErrorData | null; told: boolean }
  /** These were deleted before, and cannot be brought back any more. */
  | { type: 'purged'; experiments: string[]; runs: string[] }
  /** The list of prepared datasets, or of exports, is another one now. */
  | { type: 'datasets' }
  | { type: 'exports' }
  /** Chosen outside of the page, in the desktop app's menu say; told to one window. */
  | { type: 'wish'; wish: Wish };

/** What a window is asked to do. */
export type Wish =
  | 'new-experiment'
  | 'open-file'
  | 'save-file'
  | { place: 'Data' | 'Design' | 'Train' | 'Explore' | 'Library'; experiment?: string; run?: string };

/** Addresses of pictures and files, relative to the page. */
export const pictures = {
  sample: (run: string, step: number) => `files/runs/${run}/samples/${step}.png`,
  /** An image of a prepared dataset, as the network sees it. */
  image: (dataset: string, index: number) => `files/datasets/${dataset}/${index}.png`,
  /** All files that were left out of it, one JSON object a line as `LeftOut`, to save. */
  leftOut: (dataset: string) => `files/datasets/${dataset}/left-out.jsonl`,
  preview: (preview: string, index: number) => `files/previews/${preview}/${index}.png`,
  explored: (explorer: string, picture: string) => `files/explored/${explorer}/${picture}`,
  /** A file, or a folder as a zip, to save. */
  export: (id: number) => `files/exports/${id}`,
} as const;

/** Address of the WebSocket that carries the calls where the page comes from a server, relative to the page. */
export const socket = 'socket';

/**
 * Addresses that take uploads (PUT for one large file, POST of form data for many small ones: its field names are paths). Both answer
 * with 204, or with an error as JSON.
 */
export const uploads = {
  file: (upload: string, path: string) =>
    `uploads/${upload}/file/${path.split('/').map(encodeURIComponent).join('/')}`,
  batch: (upload: string) => `uploads/${upload}/batch`,
} as const;

/** What one batch may hold; larger files go alone. */
export const batchLimits = { files: 500, bytes: 32 * 2 ** 20 } as const;
