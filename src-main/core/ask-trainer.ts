import { AppError, fromErrorData } from '../../src-shared/errors.ts';
import type { OnProgress } from '../../src-shared/progress.ts';
import type { Command, EngineReport, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import { ProgressMeter } from '../datasets/progress-meter.ts';
import type { TrainerHost } from './trainer-host.ts';

export interface AskOptions {
  onProgress?: OnProgress | undefined;
  signal?: AbortSignal | undefined;
}

/** Tells what a trainer says of its progress, with a rate and what is left. */
export function tellProgress(onProgress: OnProgress | undefined) {
  const meter = new ProgressMeter(onProgress);
  let phase: string | null = null;
  return (event: Extract<TrainerEvent, { type: 'progress' }>): void => {
    if (event.phase !== phase) meter.start(event.phase, event.total);
    phase = event.phase;
    meter.update(event.done);
  };
}

type Answer<Type extends TrainerEvent['type']> = Extract<TrainerEvent, { type: Type }>;

/**
 * Has a trainer process of its own do one command.
 * @param type of the event that is the answer
 * @param options `signal` ends the trainer at once
 * @throws AppError what the trainer says, `trainer.died` when it ends without a word, `cancelled`
 */
export async function askTrainer<Type extends TrainerEvent['type']>(
  host: TrainerHost,
  command: Command,
  type: Type,
  { onProgress, signal }: AskOptions = {},
): Promise<Answer<Type>> {
  const cancelled = () => new AppError('cancelled', 'This was cancelled before it was done.');
  if (signal?.aborted === true) throw cancelled();
  const { promise, resolve, reject } = Promise.withResolvers<Answer<Type>>();
  const tell = tellProgress(onProgress);
  const trainer = host.start({
    onEvent(event) {
      if (event.type === 'progress') tell(event);
      if (event.type === 'failed') reject(fromErrorData(event.error));
      else if (event.type === type) resolve(event as Answer<Type>);
    },
    onExit(how) {
      reject(
        new AppError('trainer.died', `The trainer process ended before it was done: ${how}. Try again.`),
      );
    },
  });
  const cancel = () => reject(cancelled());
  signal?.addEventListener('abort', cancel);
  try {
    trainer.send(command);
    return await promise;
  } finally {
    signal?.removeEventListener('abort', cancel);
    trainer.kill();
  }
}

/** What can compute on this machine. @throws AppError as {@link askTrainer} */
export async function listEngines(host: TrainerHost, signal?: AbortSignal): Promise<EngineReport[]> {
  return (await askTrainer(host, { type: 'engines' }, 'engines', { signal })).engines;
}
