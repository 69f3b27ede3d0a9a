/** Runs waiting for the device, one training at a time. Writes down all that the trainer tells, then passes it on. */
import { toErrorData } from '../../src-shared/errors.ts';
import type { TrainCommand, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { Reason, Run } from '../store/runs.ts';
import type { Store } from '../store/open-store.ts';
import type { AppEvent } from './events.ts';
import type { Trainer, TrainerHost } from './trainer-host.ts';

interface Active {
  run: string;
  trainer: Trainer;
}

export class TrainingQueue {
  readonly #store: Store;
  readonly #host: TrainerHost;
  readonly #broadcast: (event: AppEvent) => void;
  readonly #waiting: { run: string; command: TrainCommand }[] = [];
  #active: Active | null = null;

  constructor(store: Store, host: TrainerHost, broadcast: (event: AppEvent) => void) {
    this.#store = store;
    this.#host = host;
    this.#broadcast = broadcast;
  }

  /** Trains a run that is `queued` as soon as the device is free. */
  add(run: string, command: TrainCommand): void {
    this.#waiting.push({ run, command });
    this.#next();
  }

  /** Lets a running run end with a checkpoint; a waiting one leaves the queue. Nothing happens to others. */
  interrupt(run: string, as: 'paused' | 'stopped'): void {
    if (this.#active?.run === run) {
      this.#active.trainer.send({ type: 'interrupt', as });
      return;
    }
    const index = this.#waiting.findIndex((waiting) => waiting.run === run);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#become(run, 'stopped');
  }

  /** Ends the running trainer at once; its run is `interrupted` and can go on from its last checkpoint. */
  kill(): void {
    this.#waiting.length = 0;
    this.#active?.trainer.kill();
  }

  #next(): void {
    if (this.#active !== null) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const { run, command } = next;
    const trainer = this.#host.start({
      onEvent: (event) => this.#guard(run, () => this.#hear(run, event)),
      onExit: (reason) => this.#guard(run, () => this.#exit(run, reason)),
    });
    this.#active = { run, trainer };
    this.#guard(run, () => this.#become(run, 'running'));
    trainer.send(command);
  }

  /** What cannot be written down (a full disk, say) ends the run: going on would lose what it computes. */
  #guard(run: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      const { code, message } = toErrorData(error);
      this.#end(run, 'failed', { code, message });
    }
  }

  #become(run: string, state: Run['state'], reason?: Reason): void {
    this.#store.runs.setState(run, state, reason);
    this.#broadcast({ type: 'run', run: this.#store.runs.get(run) });
  }

  #hear(run: string, event: TrainerEvent): void {
    const { runs, steps, samples, checkpoints } = this.#store;
    switch (event.type) {
      case 'engine':
        runs.setEngine(run, event.name, event.device);
        this.#broadcast({ type: 'run', run: runs.get(run) });
        return;
      case 'steps': {
        steps.append(run, event.steps);
        const { imagesSeen, remainingSeconds } = event;
        this.#broadcast({ type: 'steps', run, steps: event.steps, imagesSeen, remainingSeconds });
        return;
      }
      case 'sample': {
        const { step, count, columns } = event;
        const { file } = samples.add(run, { step, count, columns });
        this.#broadcast({ type: 'sample', run, step, file, count, columns });
        return;
      }
      case 'checkpoint': {
        const { folder } = checkpoints.add(run, event.step);
        checkpoints.prune(run, runs.get(run).hyperparameters.keepCheckpoints);
        this.#broadcast({ type: 'checkpoint', run, step: event.step, folder });
        return;
      }
      case 'trained':
        this.#end(run, event.as);
        return;
      case 'failed':
        this.#end(run, 'failed', { code: event.error.code, message: event.error.message });
        return;
      default:
    }
  }

  #exit(run: string, how: string): void {
    if (this.#active?.run !== run) return;
    this.#end(run, 'interrupted', {
      code: 'trainer.died',
      message: `The trainer process ended: ${how}. Resume the run to go on from its last checkpoint.`,
    });
  }

  #end(run: string, state: Run['state'], reason?: Reason): void {
    if (this.#active?.run !== run) return;
    const { trainer } = this.#active;
    this.#active = null;
    trainer.kill();
    try {
      this.#become(run, state, reason);
    } catch (error) {
      // The database itself cannot be written: listeners must hear of the end all the same.
      const { code, message } = toErrorData(error);
      this.#broadcast({ type: 'run', run: { ...this.#store.runs.get(run), state: 'failed', reason: { code, message } } });
    }
    this.#next();
  }
}
