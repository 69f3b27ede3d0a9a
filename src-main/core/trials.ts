/** How long designs take to train on this machine: found out by a short trial, in a process of its own, while nothing trains. */
import type { ApiParams, StepTime } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import { imagesPerStep, workOf } from '../../src-shared/training.ts';
import type { LibraryFolder } from '../store/library-folder.ts';
import { askTrainer } from './ask-trainer.ts';
import type { TrainerHost } from './trainer-host.ts';

/** Designs whose time is remembered; then the oldest are forgotten. */
const remembered = 500;

export interface Trials {
  /**
   * Of the same design, batch and engine it is measured once. One is measured at a time: a new question ends the one before.
   * @throws AppError `trial.busy` while a run trains, `cancelled`, and what the trainer says
   */
  measure(asked: ApiParams<'system.stepTime'>, signal: AbortSignal): Promise<StepTime>;
  /** Ends what is under way: the machine is wanted. */
  stop(): void;
}

/**
 * @param paths where the trainer remembers its engines' times and keeps recorded steps
 * @param isTraining whether a run trains, or waits for it
 */
export function createTrials(
  host: TrainerHost,
  { engineTrials: trials, graphs }: Pick<LibraryFolder, 'engineTrials' | 'graphs'>,
  isTraining: () => boolean,
): Trials {
  const known = new Map<string, StepTime>();
  let current = new AbortController();
  return {
    async measure({ design, hyperparameters, engine }, signal) {
      const { discriminator, latentDim } = design;
      const key = JSON.stringify([discriminator, latentDim, workOf(hyperparameters), engine]);
      const found = known.get(key);
      if (found !== undefined) return found;
      if (isTraining()) {
        throw new AppError('trial.busy', 'A run trains; times are measured when the machine is free.');
      }
      current.abort();
      const controller = new AbortController();
      current = controller;
      const either = AbortSignal.any([signal, controller.signal]);
      const command = { type: 'trial', design, hyperparameters, engine, trials, graphs } as const;
      const tried = await askTrainer(host, command, 'tried', { signal: either });
      const time = {
        kimgSeconds: (tried.stepSeconds * 1000) / imagesPerStep(hyperparameters),
        engine: tried.engine,
      };
      const [oldest] = known.keys();
      if (known.size >= remembered && oldest !== undefined) known.delete(oldest);
      known.set(key, time);
      return time;
    },
    stop: () => current.abort(),
  };
}
