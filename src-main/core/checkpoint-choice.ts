/** Which checkpoint of a run is meant, and what there is in the place of one that cannot be used. */
import type { ErrorData } from '../../src-shared/errors.ts';
import { AppError, fromErrorData, toErrorData } from '../../src-shared/errors.ts';
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
const unusable = ['checkpoint.damaged', 'checkpoint.missing'];

/**
 * Adds to an error about the checkpoint of a step which earlier ones there are, in words and as `details.earlier`; other errors stay as
 * they are.
 */
export function tellEarlier(error: ErrorData, store: Store, run: string, step: number): ErrorData {
  if (!unusable.includes(error.code)) return error;
  const all = store.checkpoints.list(run).map((checkpoint) => checkpoint.step);
  const earlier = all.filter((other) => other < step);
  const one = earlier.length === 1 ? 'is an earlier checkpoint' : 'are earlier checkpoints';
  const words =
    earlier.length === 0 ? 'There is no earlier checkpoint.' : `There ${one}, of ${inWords(earlier)}.`;
  return { ...error, message: `${error.message} ${words}`, details: { ...error.details, earlier } };
}

/**
 * Has a trainer do something with a checkpoint, which stays meanwhile. Where it cannot be used, the error says which earlier ones there are.
 * @throws AppError as `askTrainer`
 */
export async function askWithCheckpoint<Type extends 'sampled' | 'exported' | 'inspected'>(
  store: Store,
  host: TrainerHost,
  { run, step }: { run: string; step: number },
  command: Command,
  type: Type,
  options: AskOptions,
) {
  const release = store.checkpoints.hold(run, step);
  try {
    return await askTrainer(host, command, type, options);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw fromErrorData(tellEarlier(toErrorData(error), store, run, step));
  } finally {
    release();
  }
}
