/** Runs waiting for the device, one training at a time. Writes down all that the trainer tells, then passes it on. */
import type { ApiEvent } from '../../src-shared/api.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { toErrorData } from '../../src-shared/errors.ts';
import type { Reason, Run } from '../../src-shared/library.ts';
import type { TrainCommand, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import type { Store } from '../store/open-store.ts';
import type { Trainer, TrainerHost } from './trainer-host.ts';

/** Hears of a run's new checkpoint. `run` is as it was when it was queued. */
export type OnCheckpoint = (run: Run, dataset: PreparedDataset, step: number) => void;

/** Why a run was queued again by itself. */
const wentBack = 'training.went-back';
/** What a run's learning rates are multiplied with then. */
const lowered = 0.5;

interface Active {
  run: Run;
  command: TrainCommand;
  /** Null before the process is started, and when that failed. */
  trainer: Trainer | null;
  /** Whether it has told of a step. */
  hasStepped: boolean;
  /** Why it is to end although no limit is reached. */
  ending: Reason | null;
}

export class TrainingQueue {
  readonly #store: Store;
  readonly #host: TrainerHost;
  readonly #broadcast: (event: ApiEvent) => void;
  readonly #onCheckpoint: OnCheckpoint;
  readonly #waiting: { run: Run; command: TrainCommand }[] = [];
  /** A run may be trained again while its last trainer still dies, so what is active is known by this object, not by the run. */
  #active: Active | null = null;

  constructor(
    store: Store,
    host: TrainerHost,
    broadcast: (event: ApiEvent) => void,
    onCheckpoint: OnCheckpoint,
  ) {
    this.#store = store;
    this.#host = host;
    this.#broadcast = broadcast;
    this.#onCheckpoint = onCheckpoint;
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

  /** Lets a running run end with a checkpoint, as `done` for this reason; nothing happens to others. */
  finish(run: string, reason: Reason): void {
    if (this.#active?.run.id !== run) return;
    this.#active.ending = reason;
    this.#active.trainer?.send({ type: 'interrupt', as: 'done' });
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
    const active: Active = { ...next, trainer: null, hasStepped: false, ending: null };
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
        this.#broadcast({ type: 'checkpoint', run, step, bytes });
        this.#onCheckpoint(active.run, active.command.dataset, step);
        return;
      }
      case 'resources': {
        const { cpu, memoryBytes } = event;
        this.#broadcast({ type: 'resources', run, cpu, memoryBytes });
        return;
      }
      case 'trained':
        this.#end(active, event.as, event.as === 'done' ? (active.ending ?? undefined) : undefined);
        return;
      case 'failed': {
        const { code, message } = event.error;
        if (code === 'training.not-finite' && !hasGoneBack(this.#store, run)) this.#goBack(active, message);
        else this.#end(active, 'failed', { code, message });
        return;
      }
      default:
    }
  }

  /** Queues a run that has broken down again, from its newest checkpoint and with lower learning rates. */
  #goBack(active: Active, what: string): void {
    const { runs, checkpoints } = this.#store;
    const { id } = active.run;
    active.trainer?.kill();
    active.trainer = null;
    const checkpoint = checkpoints.newest(id);
    const from = checkpoint?.step ?? 0;
    const hyperparameters = withLowerRates(active.command.hyperparameters);
    runs.rewind(id, from);
    runs.setHyperparameters(id, hyperparameters);
    const message = `${what} It went back to ${from === 0 ? 'its beginning' : `step ${from}`} by itself, once, with half the learning rates.`;
    this.#become(id, 'queued', { code: wentBack, message });
    this.#active = null;
    const { changedSettings: _, ...command } = active.command;
    this.#waiting.unshift({
      run: runs.get(id),
      command: {
        ...command,
        hyperparameters,
        checkpoint: checkpoint?.folder ?? null,
        ...(checkpoint === null ? {} : { changedSettings: true as const }),
      },
    });
    this.#next();
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

function withLowerRates(hyperparameters: Hyperparameters): Hyperparameters {
  const { discriminator, generator } = hyperparameters;
  return {
    ...hyperparameters,
    discriminator: { ...discriminator, learningRate: discriminator.learningRate * lowered },
    generator: { ...generator, learningRate: generator.learningRate * lowered },
  };
}

/** Whether a run has once gone back by itself: earlier checkpoints of it have other learning rates than it has now. */
export function hasGoneBack(store: Store, run: string): boolean {
  return store.runs.history(run).some(({ reason }) => reason?.code === wentBack);
}
