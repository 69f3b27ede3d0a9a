import { SvelteMap } from 'svelte/reactivity';
import type { ApiEvent } from '../../src-shared/api.ts';
import type { AppError } from '../../src-shared/errors.ts';
import { fromErrorData, toErrorData } from '../../src-shared/errors.ts';
import type { Experiment, Run } from '../../src-shared/library.ts';
import type { StepStats } from '../../src-shared/training.ts';
import type { ApiClient } from './api-client.svelte.ts';
import { Live } from './live.ts';

/** How far a run that trains has come, as its last steps said. */
export interface RunProgress {
  last: StepStats;
  imagesSeen: number;
  remainingSeconds: number | null;
}

/** All experiments and runs of the library, live: read when the connection opens, kept in step by events. */
export class Library {
  readonly #experiments = new SvelteMap<string, Experiment>();
  readonly #runs = new SvelteMap<string, Run>();
  /** Of the runs that have trained since this page was opened. */
  readonly progress = new SvelteMap<string, RunProgress>();
  #state: 'loading' | 'ready' | 'failed' = $state('loading');
  #problem: AppError | null = $state.raw(null);
  readonly #live: Live<[Experiment[], Run[]]>;

  /** Those that are not deleted, the last changed first. */
  readonly experiments: readonly Experiment[] = $derived(
    [...this.#experiments.values()]
      .filter(({ deletedAt }) => deletedAt === null)
      .sort((a, b) => b.updatedAt - a.updatedAt),
  );
  /** Those that are not deleted, the newest first. */
  readonly runs: readonly Run[] = $derived(
    [...this.#runs.values()]
      .filter(({ deletedAt }) => deletedAt === null)
      .sort((a, b) => b.number - a.number),
  );
  /** Those that train or wait for it, the oldest first. */
  readonly active: readonly Run[] = $derived(
    this.runs.filter(({ state }) => state === 'running' || state === 'queued').reverse(),
  );

  /** Hears events from now on; {@link load} is to be called whenever the connection opens. */
  constructor(api: ApiClient) {
    this.#live = new Live({
      read: () => Promise.all([api.call('experiments.list', {}), api.call('runs.list', {})]),
      take: ([experiments, runs]) => {
        replace(this.#experiments, experiments);
        replace(this.#runs, runs);
      },
      hear: (event) => this.#hear(event),
    });
    api.onEvent((event) => this.#live.hear(event));
  }

  get state(): 'loading' | 'ready' | 'failed' {
    return this.#state;
  }
  /** Why the lists could not be read. */
  get problem(): AppError | null {
    return this.#problem;
  }

  /** Deleted ones too. */
  experiment(id: string): Experiment | undefined {
    return this.#experiments.get(id);
  }
  /** Deleted ones too. */
  run(id: string): Run | undefined {
    return this.#runs.get(id);
  }
  /** The newest first. */
  runsOf(experiment: string): readonly Run[] {
    return this.runs.filter((run) => run.experiment === experiment);
  }

  /** Reads everything (again). */
  async load(): Promise<void> {
    try {
      await this.#live.load();
      this.#state = 'ready';
      this.#problem = null;
    } catch (error) {
      this.#state = 'failed';
      this.#problem = fromErrorData(toErrorData(error));
    }
  }

  #hear(event: ApiEvent): void {
    if (event.type === 'experiment') this.#experiments.set(event.experiment.id, event.experiment);
    if (event.type === 'run') this.#runs.set(event.run.id, event.run);
    if (event.type === 'purged') {
      for (const id of event.experiments) this.#experiments.delete(id);
      for (const id of event.runs) this.#runs.delete(id);
    }
    if (event.type === 'steps') {
      const { imagesSeen, remainingSeconds } = event;
      this.progress.set(event.run, { last: event.steps.at(-1)!, imagesSeen, remainingSeconds });
    }
  }
}

function replace<T extends { id: string }>(map: SvelteMap<string, T>, items: readonly T[]): void {
  const ids = new Set(items.map(({ id }) => id));
  for (const id of map.keys()) if (!ids.has(id)) map.delete(id);
  for (const item of items) map.set(item.id, item);
}
