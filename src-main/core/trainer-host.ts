/** How the core reaches trainer processes; the shells know how to start one. */
import type { Command, TrainerEvent } from '../../src-shared/trainer-protocol.ts';

/** One trainer process. */
export interface Trainer {
  send(command: Command): void;
  /** Ends the process at once. */
  kill(): void;
}

export interface TrainerListener {
  onEvent(event: TrainerEvent): void;
  /** The process has ended; `reason` says how, for a person: `it was killed by SIGKILL`. Nothing comes after this. */
  onExit(reason: string): void;
}

export interface TrainerHost {
  start(listener: TrainerListener): Trainer;
}
