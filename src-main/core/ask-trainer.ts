import { AppError, fromErrorData } from '../../src-shared/errors.ts';
import type { Command, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { TrainerHost } from './trainer-host.ts';

type Answer<Type extends TrainerEvent['type']> = Extract<TrainerEvent, { type: Type }>;

/**
 * Has a trainer process of its own do one command.
 * @param type of the event that is the answer
 * @throws AppError what the trainer says, `trainer.died` when it ends without a word
 */
export function askTrainer<Type extends TrainerEvent['type']>(
  host: TrainerHost,
  command: Command,
  type: Type,
): Promise<Answer<Type>> {
  return new Promise((resolve, reject) => {
    const trainer = host.start({
      onEvent(event) {
        if (event.type === 'failed') reject(fromErrorData(event.error));
        else if (event.type === type) resolve(event as Answer<Type>);
        else return;
        trainer.kill();
      },
      onExit(reason) {
        reject(new AppError('trainer.died', `The trainer process ended before it was done: ${reason}.`));
      },
    });
    trainer.send(command);
  });
}
