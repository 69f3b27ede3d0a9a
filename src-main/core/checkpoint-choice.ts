/** Which checkpoint of a run is meant, and what there is in the place of one that cannot be used. */
import { AppError } from '../../src-shared/errors.ts';
import type { Command } from '../../src-shared/trainer-protocol.ts';
import type { StoredCheckpoint } from '../store/checkpoints.ts';
import type { Store } from '../store/open-store.ts';
import { type AskOptions, askTrainer } from './ask-trainer.ts';
import type { TrainerHost } from './trainer-host.ts';

function inWords(steps: readonly number[]): string {
  return `${steps.length === 1 ? 'step' : 'the steps'} ${steps.join(', ')}`;
}

/**
 * The checkpoint of a step; null is the newest. Step 0 is the run's beginning, whether there is a checkpoint of it or not.
 * @returns null for the beginning
 * @throws AppError `checkpoint.missing` with the steps that there are
 */
export function chooseCheckpoint(store: Store, run: string, step: number | null): StoredCheckpoint | null {
  if (step === null) return store.checkpoints.newest(run);
  const all = store.checkpoints.list(run);
  const found = all.find((checkpoint) => checkpoint.step === step);
  if (found !== undefined) return found;
  if (step === 0) return null;
  const steps = all.map((checkpoint) => checkpoint.step);
  const there = steps.length === 0 ? 'It has none yet' : `It has those of ${inWords(steps)}`;
  throw new AppError('checkpoint.missing', `The run has no checkpoint of step ${step}. ${there}.`, {
    run,
    step,
    steps,
  });
}

/** Errors about a checkpoint that is there, but of no use. */
const unusable = ['checkpoint.damaged', 'checkpoint.missing', 'checkpoint.newer'];

const isUnusable = (error: unknown) => error instanceof AppError && unusable.includes(error.code);

/** A checkpoint of a run. */
interface Place {
  run: string;
  step: number;
}

const inspection = (store: Store, { run, step }: Place) =>
  ({ type: 'inspect', checkpoint: store.paths.checkpointFolder(run, step) }) as const;

/** An error about a checkpoint, with the newest earlier one that was read and found whole: in words, and in `details.earlier`. */
async function tellEarlier(
  error: AppError,
  store: Store,
  host: TrainerHost,
  { run, step }: Place,
  signal: AbortSignal | undefined,
): Promise<AppError> {
  const steps = store.checkpoints.list(run).map((checkpoint) => checkpoint.step);
  const earlier = steps.filter((other) => other < step);
  let whole: number | undefined;
  for (const other of earlier.toReversed()) {
    const release = store.checkpoints.hold(run, other);
    try {
      await askTrainer(host, inspection(store, { run, step: other }), 'inspected', { signal });
      whole = other;
      break;
    } catch (thrown) {
      if (!isUnusable(thrown)) throw thrown;
    } finally {
      release();
    }
  }
  const none =
    earlier.length === 0 ? 'There is no earlier checkpoint.' : 'No earlier checkpoint is whole, either.';
  const words = whole === undefined ? none : `The checkpoint of step ${whole} is whole.`;
  const details = { ...error.details, earlier: whole === undefined ? [] : [whole] };
  return new AppError(error.code, `${error.message} ${words}`, details, { cause: error });
}

/**
 * Has a trainer do something with a checkpoint, which stays meanwhile. Where it cannot be used, the error says which earlier one can.
 * @throws AppError as `askTrainer`
 */
export async function askWithCheckpoint<Type extends 'sampled' | 'exported' | 'measured' | 'inspected'>(
  store: Store,
  host: TrainerHost,
  place: Place,
  command: Command,
  type: Type,
  options: AskOptions,
) {
  const release = store.checkpoints.hold(place.run, place.step);
  try {
    return await askTrainer(host, command, type, options);
  } catch (error) {
    throw error instanceof AppError && isUnusable(error)
      ? await tellEarlier(error, store, host, place, options.signal)
      : error;
  } finally {
    release();
  }
}

/** Reads a checkpoint to its end, to know that it can be gone on from. @throws AppError as {@link askWithCheckpoint} */
export async function requireWhole(
  store: Store,
  host: TrainerHost,
  place: Place,
  signal: AbortSignal | undefined,
): Promise<void> {
  await askWithCheckpoint(store, host, place, inspection(store, place), 'inspected', { signal });
}
