/** Runs waiting for the device, one training at a time. Writes down all that the trainer tells, then passes it on. */
import type { ApiEvent } from '../../src-shared/api.ts';
import { toErrorData } from '../../src-shared/errors.ts';
import type { Reason, Run } from '../../src-shared/library.ts';
import type { TrainCommand, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { Store } from '../store/open-store.ts';
import type { Trainer, TrainerHost } from './trainer-host.ts';

interface Active {
  run: Run;
  /** Null before the process is started, and when that failed. */
  trainer: Trainer | null;
  /** Whether it has told of a step. */
  hasStepped: boolean;
}

export class TrainingQueue {
  readonly #store: Store;
  readonly #host: TrainerHost;
  readonly #broadcast: (event: ApiEvent) => void;
  readonly #waiting: { run: Run; command: TrainCommand }[] = [];
  /** A run may be trained again while its last trainer still dies, so what is active is known by this object, not by the run. */
  #active: Active | null = null;

  constructor(store: Store, host: TrainerHost, broadcast: (event: ApiEvent) => void) {
    this.#store = store;
    this.#host = host;
    this.#broadcast = broadcast;
  }

  /** Whether a run trains, or waits for it. */
  get isBusy(): boolean {
    return this.#active !== null || this.#waiting.length > 0;
  }

  /** Trains a run that is `queued` as soon as the device is free. */
  add(run: Run, command: TrainCommand): void {
    this.#waiting.push({ run, command });
    this.#next();
  }

  /**
   * Lets a running run end with a checkpoint; a waiting one leaves the queue. Nothing happens to others. A trainer that still prepares
   * could not hear of it for a long while, and has nothing to lose: it ends at once, and a run without a checkpoint is `stopped`.
   */
  interrupt(run: string, as: 'paused' | 'stopped'): void {
    const active = this.#active;
    if (active?.run.id === run) {
      if (active.hasStepped) active.trainer?.send({ type: 'interrupt', as });
      else
        this.#guard(active, () =>
          this.#end(active, this.#store.checkpoints.newest(run) === null ? 'stopped' : as),
        );
      return;
    }
    const index = this.#waiting.findIndex((waiting) => waiting.run.id === run);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#become(run, 'stopped');
  }

  /** Ends the running trainer at once and empties the queue; all these runs are `interrupted` and can be resumed. */
  close(): void {
    const waiting = this.#waiting.splice(0);
    const what = 'Ganvas was closed before this run had ended';
    if (this.#active !== null) this.#cutOff(this.#active, 'run.interrupted', what);
    for (const { run } of waiting)
      this.#settle(run, 'interrupted', this.#reason(run, 'run.interrupted', what));
  }

  #next(): void {
    if (this.#active !== null) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const active: Active = { run: next.run, trainer: null, hasStepped: false };
    this.#active = active;
    this.#guard(active, () => {
      active.trainer = this.#host.start({
        onEvent: (event) => this.#guard(active, () => this.#hear(active, event)),
        onExit: (how) => this.#cutOff(active, 'trainer.died', `The trainer process ended: ${how}`),
      });
      // Before anybody hears that it runs, since they may want to interrupt it.
      active.trainer.send(next.command);
      this.#become(next.run.id, 'running');
    });
  }

  /**
   * Does the work of a run that is still active. What cannot be written down (a full disk, say) ends the run: going on would lose what
   * it computes.
   */
  #guard(active: Active, work: () => void): void {
    if (this.#active !== active) return;
    try {
      work();
    } catch (error) {
      const { code, message } = toErrorData(error);
      this.#end(active, 'failed', { code, message });
    }
  }

  #become(run: string, state: Run['state'], reason?: Reason): void {
    this.#store.runs.setState(run, state, reason);
    this.#broadcast({ type: 'run', run: this.#store.runs.get(run) });
  }

  #hear(active: Active, event: TrainerEvent): void {
    const { runs, steps, samples, checkpoints } = this.#store;
    const run = active.run.id;
    switch (event.type) {
      case 'engine':
        runs.setEngine(run, event.name, event.device);
        this.#broadcast({ type: 'run', run: runs.get(run) });
        return;
      case 'steps': {
        active.hasStepped = true;
        const progress = steps.append(run, event.steps);
        const { remainingSeconds } = event;
        this.#broadcast({ type: 'steps', run, steps: event.steps, ...progress, remainingSeconds });
        return;
      }
      case 'sample': {
        const { step, count, columns } = event;
        samples.add(run, { step, count, columns });
        this.#broadcast({ type: 'sample', run, step, count, columns });
        return;
      }
      case 'checkpoint': {
        const { step, bytes } = checkpoints.add(run, event.step);
        checkpoints.prune(run, active.run.hyperparameters.keepCheckpoints);
        this.#broadcast({ type: 'checkpoint', run, step, bytes });
        return;
      }
      case 'resources': {
        const { cpu, memoryBytes } = event;
        this.#broadcast({ type: 'resources', run, cpu, memoryBytes });
        return;
      }
      case 'trained':
        this.#end(active, event.as);
        return;
      case 'failed': {
        const { code, message } = event.error;
        this.#end(active, 'failed', { code, message });
        return;
      }
      default:
    }
  }

  #cutOff(active: Active, code: string, what: string): void {
    this.#guard(active, () => this.#end(active, 'interrupted', this.#reason(active.run, code, what)));
  }

  /** Why a run was cut off, and from where it can go on. */
  #reason(run: Run, code: string, what: string): Reason {
    const step = this.#store.checkpoints.newest(run.id)?.step;
    const hint =
      step === undefined
        ? 'It has no checkpoint yet: resumed, it starts again.'
        : `Resumed, it goes on from its checkpoint of step ${step}.`;
    return { code, message: `${what}. ${hint}` };
  }

  #end(active: Active, state: Run['state'], reason?: Reason): void {
    if (this.#active !== active) return;
    this.#active = null;
    active.trainer?.kill();
    this.#settle(active.run, state, reason);
    this.#next();
  }

  #settle(run: Run, state: Run['state'], reason?: Reason): void {
    try {
      this.#become(run.id, state, reason);
    } catch (error) {
      // The database itself cannot be written: listeners must hear of the end all the same.
      const { code, message } = toErrorData(error);
      this.#broadcast({ type: 'run', run: { ...run, state: 'failed', reason: reason ?? { code, message } } });
    }
  }
}
