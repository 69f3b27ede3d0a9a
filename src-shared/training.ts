/** What a training run is told, and the states it can be in. */
import * as v from 'valibot';

const integer = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const real = (min: number, max: number) => v.pipe(v.number(), v.minValue(min), v.maxValue(max));

/** `ns`: non-saturating (the original GAN's), `ls`: least squares, `hinge`, `wasserstein`. Formulas: src-main/trainer/losses.ts. */
export const LossName = v.picklist(['ns', 'ls', 'hinge', 'wasserstein']);
export type LossName = v.InferOutput<typeof LossName>;

/** How weights follow their gradients. Formulas: src-main/trainer/optimizer.ts. */
export const OptimizerName = v.picklist(['adam', 'adamw', 'rmsprop', 'sgd']);
export type OptimizerName = v.InferOutput<typeof OptimizerName>;

/** How one network follows its gradients. */
const Optimizer = v.strictObject({
  kind: v.optional(OptimizerName, 'adam'),
  learningRate: real(0, 1),
  /** How much of the former gradients stays: of their mean (Adam, AdamW) or of their sum (SGD's momentum). */
  beta1: real(0, 0.9999),
  /** How much of the former squares of gradients stays (Adam, AdamW, RMSprop). */
  beta2: real(0, 0.999999),
  epsilon: real(1e-16, 1),
  /** Share of each weight, times the learning rate, that an update takes away (AdamW). */
  weightDecay: v.optional(real(0, 1), 0),
  /** Gradients are scaled down where all of a network's together are longer than this; null: never. */
  clipNorm: v.optional(v.nullable(real(1e-6, 1_000_000)), null),
});
export type Optimizer = v.InferOutput<typeof Optimizer>;

export const ScheduleName = v.picklist(['constant', 'linear', 'cosine']);
export type ScheduleName = v.InferOutput<typeof ScheduleName>;

/** How both learning rates change while training goes on. */
const Schedule = v.strictObject({
  /** `linear`: evenly to zero; `cosine`: along half a wave to zero. */
  kind: ScheduleName,
  /** Thousands of real images after which the rates are zero; says nothing with `constant`. */
  kimg: real(0.001, 1_000_000),
});

/** Exponential moving average of the generator's weights. */
const Ema = v.strictObject({
  /** Thousands of images after which an old weight counts half; null switches the average off. */
  halfLifeKimg: v.nullable(real(0, 100_000)),
  /** While training is young, the half-life is at most this share of the images seen so far; null: no such limit. */
  rampUp: v.nullable(real(0, 1)),
});

/** What is changed at random in everything that the discriminator sees. Formulas: src-main/trainer/augment.ts. */
export const Augmentation = v.strictObject({
  /** Brightness, saturation and contrast. */
  colour: v.boolean(),
  /** Shifts of up to an eighth of the image; grey comes in. */
  translation: v.boolean(),
  /** A square of half the image's side, which becomes grey. */
  cutout: v.boolean(),
  /** How likely each kind changes an image; where it adapts, at the start. */
  probability: real(0, 1),
  /** The probability follows how sure the discriminator is of the reals (StyleGAN2-ADA); null: it stays. */
  adaptive: v.nullable(
    v.strictObject({
      /** Mean sign of the verdicts on reals that is aimed at: above it the probability grows, below it shrinks. */
      target: real(-1, 1),
      /** Thousands of images in which it can go from 0 to 1. */
      kimg: real(0.001, 1_000_000),
    }),
  ),
});
export type Augmentation = v.InferOutput<typeof Augmentation>;

/** A gradient penalty on the discriminator. Formulas: src-main/trainer/penalties.ts. */
export const PenaltyName = v.picklist(['gp', 'r1', 'r2']);
export type PenaltyName = v.InferOutput<typeof PenaltyName>;

const weight = real(0, 1_000_000);

/** What the gradient penalties weigh; 0 switches one off. */
const Penalties = v.strictObject({
  gp: weight,
  r1: weight,
  r2: weight,
  /** Steps from one with penalties to the next; they weigh as many times as much there (lazy regularisation, StyleGAN2). */
  every: integer(1, 1000),
});

/** Normal noise added to every image that the discriminator looks at, real or not. */
const InstanceNoise = v.strictObject({
  /** Standard deviation at the start, of values from -1 to 1; 0: no noise. */
  stddev: real(0, 10),
  /** Thousands of images over which it fades to nothing, evenly; null: it stays. */
  fadeKimg: v.nullable(real(0.001, 1_000_000)),
});

/** Nothing is augmented; what is switched on then changes every image, as in DiffAugment. */
export function noAugmentation(): Augmentation {
  return { colour: false, translation: false, cutout: false, probability: 1, adaptive: null };
}

/** Everything beside the design, the data and the seed that decides the outcome of a run. */
export const Hyperparameters = v.strictObject({
  loss: LossName,
  /** Real images, and as many fakes, that an update of a network sees. */
  batch: integer(1, 4096),
  // What is optional below is younger than the first runs: absent, it is as it was for them.
  /** Updates of the discriminator in a step, each on images of its own, before the one of the generator. */
  discriminatorSteps: v.optional(integer(1, 100), 1),
  penalties: v.optional(Penalties, () => ({ gp: 0, r1: 0, r2: 0, every: 1 })),
  /** Every weight of the discriminator is held between this and its negative (Wasserstein GAN); null: they are free. */
  weightClip: v.optional(v.nullable(real(1e-6, 100)), null),
  /** Reals are to be judged 1 minus this, not 1 (one-sided label smoothing); 0 switches it off. */
  labelSmoothing: v.optional(real(0, 0.5), 0),
  instanceNoise: v.optional(InstanceNoise, () => ({ stddev: 0, fadeKimg: null })),
  augmentation: v.optional(Augmentation, noAugmentation),
  /** Every other image of the data is shown as in a mirror. */
  mirrorFlips: v.optional(v.boolean(), false),
  discriminator: Optimizer,
  generator: Optimizer,
  schedule: v.optional(Schedule, () => ({ kind: 'constant' as const, kimg: 1000 })),
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
  const adam: Optimizer = {
    kind: 'adam',
    learningRate: 2e-4,
    beta1: 0.5,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    clipNorm: null,
  };
  return {
    loss: 'ns',
    batch: 64,
    discriminatorSteps: 1,
    penalties: { gp: 0, r1: 0, r2: 0, every: 1 },
    weightClip: null,
    labelSmoothing: 0,
    instanceNoise: { stddev: 0, fadeKimg: null },
    augmentation: noAugmentation(),
    mirrorFlips: false,
    discriminator: adam,
    generator: { ...adam },
    schedule: { kind: 'constant', kimg: 1000 },
    ema: { halfLifeKimg: 20, rampUp: 0.05 },
    initStddev: 0.02,
    sampleEvery: 100,
    sampleCount: 64,
    checkpointEvery: 500,
    keepCheckpoints: 3,
  };
}

/** Target and speed of StyleGAN2-ADA (training/training_loop.py, train.py). */
export const usualAdaptation = { target: 0.6, kimg: 500 } as const;

/** Ways in which an image is changed. */
export const augmentationKinds = ['colour', 'translation', 'cutout'] as const;

/** Whether anything is augmented. */
export function isAugmented(augmentation: Augmentation): boolean {
  return augmentationKinds.some((kind) => augmentation[kind]);
}

/** Real images that one step of a run sees. */
export function imagesPerStep({ batch, discriminatorSteps }: Hyperparameters): number {
  return batch * discriminatorSteps;
}

/** The settings that the time of a step depends on, the design's aside. */
export function workOf(hyperparameters: Hyperparameters): Partial<Record<keyof Hyperparameters, unknown>> {
  const { loss, batch, discriminatorSteps, penalties, weightClip, instanceNoise, ema } = hyperparameters;
  const { colour, translation, cutout } = hyperparameters.augmentation;
  const updates = ({ kind, clipNorm }: Optimizer) => ({ kind, clipNorm: clipNorm !== null });
  const { every, ...weights } = penalties;
  return {
    loss,
    batch,
    discriminatorSteps,
    penalties: { every, taken: Object.values(weights).map((weight) => weight > 0) },
    weightClip: weightClip !== null,
    instanceNoise: instanceNoise.stddev > 0,
    augmentation: { colour, translation, cutout },
    ema: ema.halfLifeKimg !== null,
    discriminator: updates(hyperparameters.discriminator),
    generator: updates(hyperparameters.generator),
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
