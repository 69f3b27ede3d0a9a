/** How the core reaches trainer processes; the shells know how to start one. */
import type { Command, TrainerEvent } from '../../src-shared/trainer-protocol.ts';

/** One trainer process. */
export interface Trainer {
  /** Commands arrive in order, also those sent before the process listens; after its end they go nowhere. */
  send(command: Command): void;
  /** Ends the process at once. */
  kill(): void;
}

export interface TrainerListener {
  onEvent(event: TrainerEvent): void;
  /** The process has ended; `how` is for a person: `it was killed by SIGKILL`. Nothing comes after this. */
  onExit(how: string): void;
}

export interface TrainerHost {
  /** Starts a process. The listener is called later, never before this returns; also when the process cannot be started. */
  start(listener: TrainerListener): Trainer;
}
