/** A window, as far as the contract goes: it calls, hears, and keeps what it was told up to date by events alone. */
import { setImmediate } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Api, ApiEvent, ApiName, ApiParams, ApiResult } from '../../src-shared/api.ts';
import type { CachedDataset, Experiment, Export, Run } from '../../src-shared/library.ts';
import type { LongTask } from '../../src-shared/long-task.ts';
import type { CallOptions, Connection, Port } from '../../src-shared/rpc.ts';
import { connect } from '../../src-shared/rpc.ts';

export class Window {
  readonly heard: ApiEvent[] = [];
  readonly called = new Set<string>();
  readonly #connection: Connection<Api>;
  readonly #experiments = new Map<string, Experiment>();
  readonly #runs = new Map<string, Run>();
  readonly #tasks = new Map<string, LongTask>();
  #exports: Export[] | null = null;
  #datasets: CachedDataset[] | null = null;

  constructor(port: Port) {
    this.#connection = connect<Api>(port, (event) => this.#hear(event as ApiEvent));
  }

  async call<Name extends ApiName>(
    method: Name,
    params: ApiParams<Name>,
    options?: CallOptions,
  ): Promise<ApiResult<Name>> {
    this.called.add(method);
    return this.#connection.call(method, params, options);
  }

  /** Loads what there is, as a window does when it opens. */
  async load(): Promise<void> {
    for (const experiment of await this.call('experiments.list', {}))
      this.#experiments.set(experiment.id, experiment);
    for (const run of await this.call('runs.list', {})) this.#runs.set(run.id, run);
    for (const task of await this.call('tasks.list', {})) this.#tasks.set(task.id, task);
  }

  /** Whether what events have made of it is what a window that opens now is given. */
  async expectInStep(): Promise<void> {
    const sorted = <Item extends { id: string }>(items: Iterable<Item>) =>
      [...items].sort((a, b) => (a.id < b.id ? -1 : 1));
    const experiments = await this.call('experiments.list', {});
    const runs = await this.call('runs.list', {});
    const exports = await this.call('exports.list', {});
    const datasets = await this.call('datasets.list', {});
    expect(sorted(this.#experiments.values())).toEqual(sorted(experiments));
    expect(sorted(this.#runs.values())).toEqual(sorted(runs));
    expect(sorted(this.#tasks.values())).toEqual(sorted(await this.call('tasks.list', {})));
    // Lists that are loaded again when they have changed.
    this.#exports ??= exports;
    this.#datasets ??= datasets;
    expect(this.#exports).toEqual(exports);
    expect(this.#datasets).toEqual(datasets);
  }

  /** Waits until an event has come; those that came before count. */
  async hears(wanted: (event: ApiEvent) => boolean): Promise<void> {
    while (!this.heard.some(wanted)) await setImmediate();
  }

  #hear(event: ApiEvent): void {
    this.heard.push(event);
    switch (event.type) {
      case 'experiment':
        this.#experiments.set(event.experiment.id, event.experiment);
        return;
      case 'run':
        this.#runs.set(event.run.id, event.run);
        return;
      case 'steps': {
        const { imagesSeen, trainingSeconds } = event;
        const { step } = event.steps.at(-1)!;
        this.#runs.set(event.run, { ...this.#runs.get(event.run)!, step, imagesSeen, trainingSeconds });
        return;
      }
      case 'purged':
        for (const id of event.experiments) this.#experiments.delete(id);
        for (const id of event.runs) this.#runs.delete(id);
        return;
      case 'task':
        this.#tasks.set(event.task.id, event.task);
        return;
      case 'task-ended':
        this.#tasks.delete(event.task);
        return;
      case 'export':
        this.#exports?.push(event.export);
        return;
      case 'exports':
        this.#exports = null;
        return;
      case 'datasets':
        this.#datasets = null;
        return;
      default:
    }
  }
}
