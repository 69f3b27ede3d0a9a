/** Trainers that do what a test says, for what a real one cannot be made to do at will. */
import type { Trainer, TrainerHost, TrainerListener } from '../../src-main/core/trainer-host.ts';
import type { Command, TrainerEvent } from '../../src-shared/trainer-protocol.ts';

export class ScriptedTrainer implements Trainer {
  readonly commands: Command[] = [];
  killed = false;
  readonly #listener: TrainerListener;

  readonly #damaged: ReadonlySet<number>;

  /** @param damaged steps whose checkpoints are found to be damaged */
  constructor(listener: TrainerListener, damaged: ReadonlySet<number> = new Set()) {
    this.#listener = listener;
    this.#damaged = damaged;
  }

  /** Reading a checkpoint is answered at once, as a moment later an event would be. */
  send(command: Command): void {
    this.commands.push(command);
    if (command.type !== 'inspect') return;
    const step = Number.parseInt(command.checkpoint.slice(-8), 10);
    const error = { code: 'checkpoint.damaged', message: 'It is damaged.', details: {} };
    const answer: TrainerEvent = this.#damaged.has(step)
      ? { type: 'failed', error }
      : { type: 'inspected', step };
    queueMicrotask(() => this.say(answer));
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
  /** Steps whose checkpoints are damaged. */
  readonly damaged = new Set<number>();
  /** Thrown by the next start. */
  refusal: Error | null = null;

  start(listener: TrainerListener): Trainer {
    if (this.refusal !== null) {
      const error = this.refusal;
      this.refusal = null;
      throw error;
    }
    const trainer = new ScriptedTrainer(listener, this.damaged);
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
