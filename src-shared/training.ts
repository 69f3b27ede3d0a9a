/** What a training run is told, and the states it can be in. */
import * as v from 'valibot';

const integer = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const real = (min: number, max: number) => v.pipe(v.number(), v.minValue(min), v.maxValue(max));

/** `ns`: non-saturating (the original GAN's), `ls`: least squares, `hinge`. Formulas: src-main/trainer/losses.ts. */
export const LossName = v.picklist(['ns', 'ls', 'hinge']);
export type LossName = v.InferOutput<typeof LossName>;

/** Adam's rates for one network (Kingma and Ba). */
const Adam = v.strictObject({
  learningRate: real(0, 1),
  beta1: real(0, 0.9999),
  beta2: real(0, 0.999999),
  epsilon: real(1e-16, 1),
});

/** Exponential moving average of the generator's weights. */
const Ema = v.strictObject({
  /** Thousands of images after which an old weight counts half; null switches the average off. */
  halfLifeKimg: v.nullable(real(0, 100_000)),
  /** While training is young, the half-life is at most this share of the images seen so far; null: no such limit. */
  rampUp: v.nullable(real(0, 1)),
});

/** Everything beside the design, the data and the seed that decides the outcome of a run. */
export const Hyperparameters = v.strictObject({
  loss: LossName,
  /** Real images a step, and as many fakes. */
  batch: integer(1, 4096),
  discriminator: Adam,
  generator: Adam,
  ema: Ema,
  /** Standard deviation of the normal distribution that kernels start from; batch norm's scales start around 1 with it. */
  initStddev: real(0, 1),
  /** Steps between saved sample grids, with a few early ones before the first of them; null: none but the first and the last. */
  sampleEvery: v.nullable(integer(1, 1_000_000)),
  /** Images in a sample grid. */
  sampleCount: integer(1, 1024),
  /** Steps between checkpoints; null: only at the end, on a pause and on a stop. */
  checkpointEvery: v.nullable(integer(1, 1_000_000)),
  /** Checkpoints that stay on disk, the newest ones. */
  keepCheckpoints: integer(1, 1000),
});
export type Hyperparameters = v.InferOutput<typeof Hyperparameters>;

/**
 * The DCGAN tutorial's values (pytorch/tutorials dcgan_faces_tutorial.py), with a batch of 64 as in pytorch/examples dcgan, and
 * the average of StyleGAN2-ADA's `auto` configuration (train.py: half-life batch * 10 / 32 kimg, ramp-up 0.05).
 */
export function defaultHyperparameters(): Hyperparameters {
  const adam = { learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
  return {
    loss: 'ns',
    batch: 64,
    discriminator: adam,
    generator: { ...adam },
    ema: { halfLifeKimg: 20, rampUp: 0.05 },
    initStddev: 0.02,
    sampleEvery: 100,
    sampleCount: 64,
    checkpointEvery: 500,
    keepCheckpoints: 3,
  };
}

/**
 * When a run ends: at the first of these that is reached. Null is no limit; a run without any goes on until it is stopped.
 * `steps` and `kimg` count from the run's very beginning, `minutes` from this start or resume.
 */
export const Limits = v.strictObject({
  steps: v.nullable(integer(1, 1_000_000_000)),
  /** Thousands of real images seen. */
  kimg: v.nullable(real(0.001, 1_000_000)),
  minutes: v.nullable(real(0.01, 1_000_000)),
});
export type Limits = v.InferOutput<typeof Limits>;

/** What a new experiment begins with: something to look at on any machine, and a run that can be resumed. */
export function defaultLimits(): Limits {
  return { steps: null, kimg: null, minutes: 10 };
}

/** Name of what computes. `auto` picks one and says which. */
export const EngineName = v.picklist(['auto', 'cuda', 'webgpu', 'onnx', 'tensorflow-cpu', 'reference']);
export type EngineName = v.InferOutput<typeof EngineName>;

/**
 * `queued`: waits for the device. `running`. `paused`, `stopped`: a person's wish, with a checkpoint. `done`: a limit was reached.
 * `failed`: the run itself went wrong, `reason` says how. `interrupted`: its process or the machine died.
 */
export const RunState = v.picklist([
  'queued',
  'running',
  'paused',
  'stopped',
  'done',
  'failed',
  'interrupted',
]);
export type RunState = v.InferOutput<typeof RunState>;

const transitions: Record<RunState, readonly RunState[]> = {
  queued: ['running', 'stopped', 'failed', 'interrupted'],
  // Back into the queue: it has broken down and goes on from a checkpoint by itself.
  running: ['queued', 'paused', 'stopped', 'done', 'failed', 'interrupted'],
  paused: ['queued', 'stopped'],
  stopped: ['queued'],
  done: ['queued'],
  failed: ['queued'],
  interrupted: ['queued'],
};

/** Whether a run may go from one state to the other. */
export function canBecome(from: RunState, to: RunState): boolean {
  return transitions[from].includes(to);
}

/**
 * The numbers of one training step, means over the batch. `dReal` and `dFake` are what the discriminator thinks of reals and fakes:
 * probabilities of "real", 0 to 1, with the non-saturating loss, its plain verdicts with the others.
 */
export const StepStats = v.strictObject({
  /** 1 for the first step. */
  step: integer(1, 1_000_000_000),
  lossD: v.number(),
  lossG: v.number(),
  /** D(x) on the reals. */
  dReal: v.number(),
  /** D(G(z)) on the fakes, before this step changed the discriminator. */
  dFake: v.number(),
  /** Real images a second over this step, everything included. */
  imagesPerSecond: v.number(),
});
export type StepStats = v.InferOutput<typeof StepStats>;
