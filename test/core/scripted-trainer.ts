/** Trainers that do what a test says, for what a real one cannot be made to do at will. */
import type { Trainer, TrainerHost, TrainerListener } from '../../src-main/core/trainer-host.ts';
import type { Command, TrainerEvent } from '../../src-shared/trainer-protocol.ts';

export class ScriptedTrainer implements Trainer {
  readonly commands: Command[] = [];
  killed = false;
  readonly #listener: TrainerListener;

  constructor(listener: TrainerListener) {
    this.#listener = listener;
  }

  send(command: Command): void {
    this.commands.push(command);
  }

  kill(): void {
    this.killed = true;
  }

  /** Sends an event; also after its end, as messages that were under way do. */
  say(event: TrainerEvent): void {
    this.#listener.onEvent(event);
  }

  die(how = 'it was killed by SIGKILL'): void {
    this.#listener.onExit(how);
  }
}

/** Keeps all the trainers that it has started. */
export class ScriptedHost implements TrainerHost {
  readonly trainers: ScriptedTrainer[] = [];
  /** Thrown by the next start. */
  refusal: Error | null = null;

  start(listener: TrainerListener): Trainer {
    if (this.refusal !== null) {
      const error = this.refusal;
      this.refusal = null;
      throw error;
    }
    const trainer = new ScriptedTrainer(listener);
    this.trainers.push(trainer);
    return trainer;
  }

  /** The trainer that was started last. */
  get newest(): ScriptedTrainer {
    const trainer = this.trainers.at(-1);
    if (trainer === undefined) throw new Error('no trainer was started');
    return trainer;
  }
}
