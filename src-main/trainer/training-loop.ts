/** A run from its first (or next) step to its end. It knows no process and no database: it is told what to do and tells what happened. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../src-shared/errors.ts';
import { fittingBatch, requireMemory } from '../../src-shared/memory.ts';
import { requireTrainable } from '../../src-shared/readiness.ts';
import { stepName } from '../../src-shared/step-name.ts';
import type { TrainCommand, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { Limits, StepStats } from '../../src-shared/training.ts';
import { imagesPerStep } from '../../src-shared/training.ts';
import { adaptedProbability } from './augment.ts';
import { Batches } from './batches.ts';
import type { CheckpointInfo } from './checkpoint.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import type { Engine } from './engines/engine.ts';
import { engineFailure, isEngineFailure } from './engines/failure.ts';
import { clearLeftovers, makeFolder } from './files.ts';
import { machineMemory } from './memory.ts';
import type { Arrays } from './parameters.ts';
import { initialState, stateTensors } from './parameters.ts';
import { ResourceMeter } from './resources.ts';
import { gridColumns, writeGrid } from './sample-grid.ts';
import { Sampler, latents } from './sampler.ts';
import { prepareStep } from './step-program.ts';
import type { StepPlan } from './step-plan.ts';
import { stepPlan } from './step-plan.ts';
import { lossOrder } from './train-step.ts';

export interface LoopControl {
  emit: (event: TrainerEvent) => void;
  /** Asked between steps; anything but null ends the run with a checkpoint. */
  interrupted: () => 'paused' | 'stopped' | 'done' | null;
}

/** Steps are told at most this often, in milliseconds, so that a fast run does not drown its listeners. */
const tellEvery = 200;
/** Milliseconds of the training speed that the remaining time is told from. */
const speedWindow = 10_000;

/** Steps whose grids show the beginning, where most happens, before the first of the usual ones. */
const earlyGrids: readonly number[] = [10, 25, 50, 100];

/** Whether a grid follows a step: every multiple of `every` has one, and before the first of these the early steps. */
function isSampled(step: number, every: number | null): boolean {
  return every !== null && (step % every === 0 || (step < every && earlyGrids.includes(step)));
}

/** A step whose checkpoint comes before the first of the usual ones, so that what is learned can soon be explored. */
const earlyCheckpoint = 100;

/** Whether a checkpoint follows a step: every multiple of `every` has one, and the early step before the first of these. */
function isCheckpointed(step: number, every: number | null): boolean {
  return every !== null && (step % every === 0 || (step < every && step === earlyCheckpoint));
}

/** Where a run stands between two steps. */
interface Position {
  step: number;
  imagesSeen: number;
  trainingSeconds: number;
  /** Of augmentation, which may adapt. */
  augmentProbability: number;
}

interface Beginning {
  position: Position;
  state: Arrays;
}

/**
 * The first state, or the checkpoint's; a checkpoint of other settings is refused, naming what differs. Where its
 * hyperparameters may be others, an average of the generator that it alone wants begins as the generator.
 */
async function begin(command: TrainCommand): Promise<Beginning> {
  const { design, hyperparameters, seed, dataset } = command;
  const ema = hyperparameters.ema.halfLifeKimg !== null;
  if (command.checkpoint === null) {
    const state = initialState(design, seed, ema, hyperparameters.initStddev);
    const { probability } = hyperparameters.augmentation;
    return {
      position: { step: 0, imagesSeen: 0, trainingSeconds: 0, augmentProbability: probability },
      state,
    };
  }
  const { info, state } = await readCheckpoint(command.checkpoint);
  const wanted: Record<string, unknown> = {
    design: design.discriminator,
    'latent dimension': design.latentDim,
    hyperparameters,
    seed,
    dataset: dataset.fingerprint,
  };
  const found: Record<string, unknown> = {
    design: info.design.discriminator,
    'latent dimension': info.design.latentDim,
    hyperparameters: info.hyperparameters,
    seed: info.seed,
    dataset: info.dataset.fingerprint,
  };
  const different = Object.keys(wanted).filter(
    (key) =>
      !isDeepStrictEqual(wanted[key], found[key]) &&
      !(command.changedSettings === true && key === 'hyperparameters'),
  );
  if (different.length > 0) {
    throw new AppError(
      'checkpoint.mismatch',
      `The checkpoint belongs to another ${different.join(', ')}. Going on would not be the same run: start a new one instead.`,
      { different },
    );
  }
  for (const { name } of stateTensors(design, ema))
    if (name.startsWith('ema.')) state[name] ??= state[name.slice('ema.'.length)]!.slice();
  const { step, imagesSeen, trainingSeconds } = info;
  const { adaptive, probability } = hyperparameters.augmentation;
  const augmentProbability = adaptive === null ? probability : (info.augmentProbability ?? probability);
  return { position: { step, imagesSeen, trainingSeconds, augmentProbability }, state };
}

/** Whether one of the limits is reached. */
function reached(limits: Limits, position: Position, startedAt: number): boolean {
  return (
    (limits.steps !== null && position.step >= limits.steps) ||
    (limits.kimg !== null && position.imagesSeen >= limits.kimg * 1000) ||
    (limits.minutes !== null && performance.now() - startedAt >= limits.minutes * 60_000)
  );
}

/** Seconds to the nearest limit at the present speed; null without a limit. */
function remaining(
  limits: Limits,
  position: Position,
  stepsPerSecond: number,
  batch: number,
  startedAt: number,
): number | null {
  const steps: number[] = [];
  if (limits.steps !== null) steps.push(limits.steps - position.step);
  if (limits.kimg !== null) steps.push(Math.ceil((limits.kimg * 1000 - position.imagesSeen) / batch));
  const seconds = steps.map((left) => Math.max(0, left) / stepsPerSecond);
  if (limits.minutes !== null)
    seconds.push(Math.max(0, limits.minutes * 60 - (performance.now() - startedAt) / 1000));
  return seconds.length === 0 ? null : Math.min(...seconds);
}

/** Gathers steps and tells them in batches. */
class StepLog {
  readonly #emit: LoopControl['emit'];
  readonly #limits: Limits;
  readonly #batch: number;
  readonly #startedAt = performance.now();
  #waiting: StepStats[] = [];
  #told = performance.now();
  #recent: number[] = [];

  constructor(emit: LoopControl['emit'], limits: Limits, batch: number) {
    this.#emit = emit;
    this.#limits = limits;
    this.#batch = batch;
  }

  add(stats: StepStats, position: Position): void {
    const now = performance.now();
    this.#waiting.push(stats);
    this.#recent.push(now);
    while (this.#recent.length > 2 && now - this.#recent[0]! > speedWindow) this.#recent.shift();
    if (now - this.#told >= tellEvery) this.flush(position);
  }

  flush(position: Position): void {
    if (this.#waiting.length === 0) return;
    const now = performance.now();
    const [first] = this.#recent as [number];
    const perSecond =
      this.#recent.length > 1
        ? ((this.#recent.length - 1) * 1000) / Math.max(this.#recent.at(-1)! - first, 1e-3)
        : this.#waiting.at(-1)!.imagesPerSecond / this.#batch;
    this.#emit({
      type: 'steps',
      steps: this.#waiting,
      imagesSeen: position.imagesSeen,
      trainingSeconds: position.trainingSeconds,
      remainingSeconds: remaining(this.#limits, position, perSecond, this.#batch, this.#startedAt),
    });
    this.#waiting = [];
    this.#told = now;
  }

  reached(position: Position): boolean {
    return reached(this.#limits, position, this.#startedAt);
  }
}

function stepStats(step: number, losses: Float32Array, imagesPerSecond: number): StepStats {
  const numbers = Object.fromEntries(lossOrder.map((name, i) => [name, losses[i]!])) as Record<
    (typeof lossOrder)[number],
    number
  >;
  const bad = lossOrder.find((name) => !Number.isFinite(numbers[name]));
  if (bad !== undefined) {
    throw new AppError(
      'training.not-finite',
      `At step ${step} ${bad} became ${numbers[bad]}: the training has broken down. Start a new run with lower learning rates; the checkpoints before stay as they are.`,
      { step, name: bad },
    );
  }
  return { step, ...numbers, imagesPerSecond };
}

/**
 * What a person reads when an engine has given up: where the run stands and how it can go on. What the engine still holds is not saved: a
 * device that fails may hand out anything.
 * @param step the last one done
 * @param saved step of the newest checkpoint; -1 without one
 */
function withWayOut(
  error: AppError,
  engine: Engine,
  { design, hyperparameters }: StepPlan,
  step: number,
  saved: number,
): AppError {
  const kept =
    saved < 0
      ? 'There is no checkpoint yet: resumed, the run starts again.'
      : `The run is whole up to its checkpoint of step ${saved}.`;
  const ways: string[] = [];
  if (error.code === 'engine.out-of-memory') {
    const most = Math.floor(hyperparameters.batch / 2);
    const batch = Math.min(
      most,
      fittingBatch(design, hyperparameters, engine.memoryBytes ?? machineMemory()),
    );
    ways.push(
      batch >= 2
        ? `A batch of ${batch} should fit, in a fork or a new run.`
        : 'No batch would fit: take fewer channels or smaller kernels.',
    );
  }
  if (engine.name !== 'onnx') ways.push('It can be resumed on another engine: onnx is always here.');
  return new AppError(
    error.code,
    [`${error.message} That was in step ${step + 1}.`, kept, ...ways].join(' '),
    { ...error.details, step, saved },
    { cause: error },
  );
}

/**
 * Trains until a limit is reached or `interrupted` says so. Ends with a checkpoint and a sample in any case but failure.
 * @throws AppError what is wrong with the command, `training.not-finite`, `disk.*`, `engine.*`; what was written before stays whole
 */
export async function train(command: TrainCommand, engine: Engine, control: LoopControl): Promise<void> {
  const { design, hyperparameters, seed, dataset, runDir } = command;
  requireTrainable(design, dataset, hyperparameters);
  // One with memory of its own is tried: the estimate is one for the processor.
  if (engine.memoryBytes === null) requireMemory(design, hyperparameters, machineMemory());
  const { sampleEvery, sampleCount, checkpointEvery } = hyperparameters;
  const images = imagesPerStep(hyperparameters);
  const plan = stepPlan(design, hyperparameters);
  const { position, state } = await begin(command);
  const samplesDir = join(runDir, 'samples');
  const checkpointsDir = join(runDir, 'checkpoints');
  for (const folder of [samplesDir, checkpointsDir]) {
    await makeFolder(folder);
    await clearLeftovers(folder);
  }

  const closing: (() => Promise<void>)[] = [];
  let checkpointed = command.checkpoint === null ? -1 : position.step;
  try {
    const batches = await Batches.open(dataset, seed, hyperparameters.mirrorFlips);
    closing.push(() => batches.close());
    const program = await prepareStep(engine, plan, seed);
    closing.push(() => program.dispose());
    const sampler = await Sampler.create(engine, design);
    closing.push(() => sampler.dispose());
    const fixedLatents = latents(seed, sampleCount, design.latentDim);
    program.write(state);
    const usage = new ResourceMeter();
    const log = new StepLog(control.emit, command.limits, images);
    // Steps that were done are told, whatever ends the run.
    closing.push(async () => log.flush(position));
    let sampled = checkpointed;

    const sample = async (): Promise<void> => {
      const file = join(samplesDir, `${stepName(position.step)}.png`);
      const images = await sampler.images(await sampler.weights(await program.read()), fixedLatents);
      await writeGrid(file, images, sampleCount, sampler.image);
      sampled = position.step;
      log.flush(position);
      control.emit({
        type: 'sample',
        step: position.step,
        file,
        count: sampleCount,
        columns: gridColumns(sampleCount),
      });
    };
    const checkpoint = async (): Promise<void> => {
      const info: CheckpointInfo = {
        ...position,
        seed,
        design,
        hyperparameters,
        dataset: { fingerprint: dataset.fingerprint, count: dataset.count },
        engine: engine.name,
      };
      const written = await writeCheckpoint(checkpointsDir, { info, state: await program.read() });
      checkpointed = position.step;
      log.flush(position);
      const { step, imagesSeen, trainingSeconds } = position;
      control.emit({ type: 'checkpoint', step, imagesSeen, trainingSeconds, ...written });
    };

    if (command.checkpoint === null) await sample();
    let as: 'paused' | 'stopped' | 'done';
    let last = performance.now();
    for (;;) {
      const asked = control.interrupted();
      if (asked !== null || log.reached(position)) {
        as = asked ?? 'done';
        break;
      }
      const step = position.step + 1;
      const reals = await batches.at(position.imagesSeen, images);
      const { losses, signs } = await program.run(
        step,
        position.imagesSeen,
        reals,
        position.augmentProbability,
      );
      if (losses.every((value) => value === 0))
        throw engineFailure(engine.name, 'Its device hands out nothing but zeros.');
      const now = performance.now();
      const stats = stepStats(step, losses, (images * 1000) / (now - last));
      position.step = step;
      position.imagesSeen += images;
      position.trainingSeconds += (now - last) / 1000;
      if (signs !== null)
        position.augmentProbability = adaptedProbability(
          hyperparameters.augmentation,
          position.augmentProbability,
          signs,
          images,
        );
      last = now;
      log.add(stats, position);
      const resources = usage.measure();
      if (resources !== null) control.emit({ type: 'resources', ...resources });
      if (isSampled(step, sampleEvery)) await sample();
      if (isCheckpointed(step, checkpointEvery)) await checkpoint();
      // Commands arrive while the process waits for its next turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    log.flush(position);
    // First what cannot be made again: a grid of large images may take minutes, and somebody may have no patience.
    if (checkpointed !== position.step) await checkpoint();
    if (sampled !== position.step) await sample();
    control.emit({ type: 'trained', as });
  } catch (error) {
    if (!isEngineFailure(error)) throw error;
    throw withWayOut(error, engine, plan, position.step, checkpointed);
  } finally {
    await Promise.all(closing.map((close) => close()));
  }
}
