import type { Resources } from '../../src-shared/api.ts';
import type { CachedDataset, Metric } from '../../src-shared/library.ts';
import type { ApiClient } from './api-client.svelte.ts';
import type { Library } from './library.svelte.ts';
import type { Notices } from './notices.svelte.ts';
import { reader } from './reader.ts';

interface FactsContext {
  api: ApiClient;
  library: Library;
  notices: Notices;
}

/** What the library place knows beside experiments and runs: space, metrics and prepared datasets, live. Ends with {@link close}. */
export class LibraryFacts {
  /** Null until it is known. */
  #resources: Resources | null = $state.raw(null);
  #datasets: readonly CachedDataset[] = $state.raw([]);
  #metrics: ReadonlyMap<string, readonly Metric[]> = $state.raw(new Map());
  readonly #context: FactsContext;
  readonly #ends: (() => void)[];

  constructor(context: FactsContext) {
    this.#context = context;
    const { api, notices } = context;
    const resources = reader(
      notices,
      () => api.call('system.resources', {}),
      (read) => {
        this.#resources = read;
      },
    );
    const datasets = reader(
      notices,
      () => api.call('datasets.list', {}),
      (read) => {
        this.#datasets = read;
      },
    );
    this.#ends = [
      api.onOpen(() => {
        resources();
        datasets();
        if (context.library.state === 'ready') this.readMetrics();
      }),
      api.onEvent((event) => {
        if (['run', 'datasets', 'export', 'exports', 'purged'].includes(event.type)) resources();
        if (event.type === 'datasets') datasets();
        if (event.type === 'run') void this.#readMetrics([event.run.id]);
        if (event.type === 'metrics') void this.#readMetrics([event.run]);
      }),
    ];
  }

  get resources(): Resources | null {
    return this.#resources;
  }
  get datasets(): readonly CachedDataset[] {
    return this.#datasets;
  }
  /** Of the runs that have any, by their ids. */
  get metrics(): ReadonlyMap<string, readonly Metric[]> {
    return this.#metrics;
  }

  /** Of all runs; to be called as soon as the library is known. */
  readMetrics(): void {
    void this.#readMetrics(this.#context.library.runs.map(({ id }) => id));
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  async #readMetrics(runs: readonly string[]): Promise<void> {
    const { api, notices } = this.#context;
    try {
      const read = await Promise.all(
        runs.map(async (id) => [id, await api.call('runs.metrics', { id })] as const),
      );
      const metrics = new Map([...this.#metrics, ...read].filter(([, list]) => list.length > 0));
      if (metrics.size > 0 || this.#metrics.size > 0) this.#metrics = metrics;
    } catch (error) {
      notices.fail(error);
    }
  }
}
