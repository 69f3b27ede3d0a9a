/**
 * The one contract between the core and a trainer process. Messages are small JSON; images and weights are files in the library, and only
 * their paths travel. A trainer does one command at a time; while it trains it also listens to `interrupt`. After `explore` it holds a
 * generator and answers `draw`, `nearest` and `animate`, several at once if asked so, each with its `id`, until it is ended.
 */
import * as v from 'valibot';
import { PreparedDataset } from './dataset.ts';
import { Design, Shape } from './gan/block.ts';
import { LatentPoint } from './latent-point.ts';
import { fewestImages, MeasuredValue } from './measures.ts';
import { EngineName, Hyperparameters, Limits, StepStats } from './training.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const path = v.pipe(v.string(), v.minLength(1));

export const ExportFormat = v.picklist(['onnx', 'tfjs', 'safetensors', 'png']);
export type ExportFormat = v.InferOutput<typeof ExportFormat>;

export const TrainCommand = v.strictObject({
  type: v.literal('train'),
  design: Design,
  hyperparameters: Hyperparameters,
  dataset: PreparedDataset,
  seed: count,
  engine: EngineName,
  limits: Limits,
  /** Folder of the run: samples and checkpoints go below it. */
  runDir: path,
  /** Checkpoint folder to go on from; null starts anew. */
  checkpoint: v.nullable(path),
  /** File that remembers which engine was fastest at which step. */
  trials: path,
  /** Folder in which recorded steps are kept, so that the next start of the like is quicker. */
  graphs: path,
  /** The checkpoint's hyperparameters may be others: another run began with it, or this one had its learning rates lowered. */
  changedSettings: v.exactOptional(v.literal(true)),
});
export type TrainCommand = v.InferOutput<typeof TrainCommand>;

/** Reads a checkpoint to its end, to know that it can be gone on from. */
const InspectCommand = v.strictObject({ type: v.literal('inspect'), checkpoint: path });

/** Writes a grid of images from a checkpoint's generator. */
const SampleCommand = v.strictObject({
  type: v.literal('sample'),
  checkpoint: path,
  engine: EngineName,
  count: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)),
  /** Chooses the latents. */
  seed: count,
  /** PNG file to write; must not exist. */
  file: path,
});

/** Measures a checkpoint's generator against the images that it was trained on. */
const MeasureCommand = v.strictObject({
  type: v.literal('measure'),
  checkpoint: path,
  dataset: PreparedDataset,
  engine: EngineName,
  /** Generated images, and as many real ones. */
  images: v.pipe(v.number(), v.integer(), v.minValue(fewestImages)),
  seed: count,
  /** Also what real images give when they are measured against others. */
  reals: v.boolean(),
  /** ONNX file of an Inception network, for FID and KID; null: neither. */
  inception: v.nullable(path),
  /** Takes what the machine has left over, beside a training. */
  background: v.boolean(),
});

/** Writes a checkpoint's generator for use elsewhere, and tries what it wrote. */
const ExportCommand = v.strictObject({
  type: v.literal('export'),
  checkpoint: path,
  engine: EngineName,
  format: ExportFormat,
  /** File (onnx, png) or folder (tfjs, safetensors) to write; must not exist. */
  path,
});

/** Does a few training steps on made-up images, to know how long one takes. Nothing is kept. */
const TrialCommand = v.strictObject({
  type: v.literal('trial'),
  design: Design,
  hyperparameters: Hyperparameters,
  engine: EngineName,
  /** Both as in {@link TrainCommand}. */
  trials: path,
  graphs: path,
});

const EnginesCommand = v.strictObject({ type: v.literal('engines') });

/** Holds a checkpoint's generator ready for the requests below. The checkpoint may go away afterwards. */
const ExploreCommand = v.strictObject({ type: v.literal('explore'), checkpoint: path, engine: EngineName });

/** Chosen by whoever asks; comes back with the answer. */
const id = count;

/** Writes the images of points as one PNG, row by row. */
const DrawRequest = v.strictObject({
  type: v.literal('draw'),
  id,
  points: v.pipe(v.array(LatentPoint), v.minLength(1)),
  columns: v.pipe(v.number(), v.integer(), v.minValue(1)),
  file: path,
});

/** Finds the images of a dataset that look most like a point's. */
const NearestRequest = v.strictObject({
  type: v.literal('nearest'),
  id,
  point: LatentPoint,
  dataset: PreparedDataset,
  count: v.pipe(v.number(), v.integer(), v.minValue(1)),
});

export const AnimationFormat = v.picklist(['gif', 'webp']);
export type AnimationFormat = v.InferOutput<typeof AnimationFormat>;

/** Writes the images of points as an animated picture. */
const AnimateRequest = v.strictObject({
  type: v.literal('animate'),
  id,
  points: v.pipe(v.array(LatentPoint), v.minLength(2)),
  framesPerSecond: v.pipe(v.number(), v.minValue(1), v.maxValue(60)),
  format: AnimationFormat,
  file: path,
});

export const ExploreRequest = v.variant('type', [DrawRequest, NearestRequest, AnimateRequest]);
export type ExploreRequest = v.InferOutput<typeof ExploreRequest>;

/** Ends a request early: it fails with `cancelled`, unless it was answered before. */
const CancelCommand = v.strictObject({ type: v.literal('cancel'), id });

/** Asks a training trainer to write a checkpoint and end; `done`: since it does not get better any more. */
const InterruptCommand = v.strictObject({
  type: v.literal('interrupt'),
  as: v.picklist(['paused', 'stopped', 'done']),
});

export const Command = v.variant('type', [
  TrainCommand,
  InspectCommand,
  SampleCommand,
  MeasureCommand,
  ExportCommand,
  TrialCommand,
  EnginesCommand,
  InterruptCommand,
  ExploreCommand,
  ExploreRequest,
  CancelCommand,
]);
export type Command = v.InferOutput<typeof Command>;

export const EngineReport = v.strictObject({
  name: v.picklist(['cuda', 'webgpu', 'onnx', 'tensorflow-cpu', 'reference']),
  available: v.boolean(),
  /** The device in words; null when not available. */
  device: v.nullable(v.string()),
  /** Of the device; null when not available, or when the system does not say. */
  memoryBytes: v.nullable(v.number()),
  /** What it is good for, or why it is missing and how to get it. */
  note: v.string(),
});
export type EngineReport = v.InferOutput<typeof EngineReport>;

export const TrainerEvent = v.variant('type', [
  /** The process listens. */
  v.strictObject({ type: v.literal('ready') }),
  /** What will really compute. */
  /** What computes; `device` in words, with how it was chosen where that was measured. */
  v.strictObject({ type: v.literal('engine'), name: v.string(), device: v.string() }),
  v.strictObject({
    type: v.literal('steps'),
    /** In order, without a gap. */
    steps: v.array(StepStats),
    imagesSeen: count,
    /** Seconds of training since the run's very beginning. */
    trainingSeconds: v.number(),
    /** Until the nearest limit; null without one. */
    remainingSeconds: v.nullable(v.number()),
  }),
  v.strictObject({
    type: v.literal('sample'),
    step: count,
    file: path,
    count,
    columns: count,
  }),
  v.strictObject({
    type: v.literal('checkpoint'),
    step: count,
    imagesSeen: count,
    trainingSeconds: v.number(),
    folder: path,
    bytes: count,
  }),
  /** What the process uses while it trains: share of all cores (0 to 1), resident bytes. */
  v.strictObject({ type: v.literal('resources'), cpu: v.number(), memoryBytes: count }),
  v.strictObject({ type: v.literal('trained'), as: v.picklist(['paused', 'stopped', 'done']) }),
  v.strictObject({ type: v.literal('engines'), engines: v.array(EngineReport) }),
  v.strictObject({ type: v.literal('inspected'), step: count }),
  v.strictObject({ type: v.literal('tried'), stepSeconds: v.number(), engine: v.string() }),
  v.strictObject({ type: v.literal('sampled'), file: path, columns: count }),
  v.strictObject({ type: v.literal('measured'), step: count, values: v.array(MeasuredValue) }),
  v.strictObject({
    type: v.literal('exported'),
    path,
    bytes: count,
    /** Largest difference of a pixel between what was written, run on fixed latents, and the trainer's own images; -1..1 scale. */
    difference: v.number(),
  }),
  v.strictObject({
    type: v.literal('exploring'),
    step: count,
    latentDim: count,
    image: Shape,
    /** Directions that points can be moved along. */
    directions: count,
  }),
  v.strictObject({
    type: v.literal('progress'),
    /** Of the request that it is about; absent for other commands. */
    id: v.exactOptional(id),
    phase: v.string(),
    done: count,
    total: v.nullable(count),
  }),
  /** Answers `draw` and `animate`. */
  v.strictObject({ type: v.literal('drawn'), id, columns: count, bytes: count }),
  v.strictObject({
    type: v.literal('nearest'),
    id,
    /** The nearest first; of two that are equally near, the one of the lower index. */
    images: v.array(v.strictObject({ index: count, distance: v.number() })),
  }),
  v.strictObject({
    type: v.literal('failed'),
    /** Of the request that failed; absent for other commands. */
    id: v.exactOptional(id),
    error: v.strictObject({
      code: v.string(),
      message: v.string(),
      details: v.record(v.string(), v.unknown()),
    }),
  }),
]);
export type TrainerEvent = v.InferOutput<typeof TrainerEvent>;
