import type { ApiEvent } from '../../src-shared/api.ts';
import { type AppError, fromErrorData, toErrorData } from '../../src-shared/errors.ts';
import type { HealthNote, Stretch } from '../../src-shared/health.ts';
import { healthNotes, stretches } from '../../src-shared/health.ts';
import { imagesPerStep } from '../../src-shared/training.ts';
import type {
  Checkpoint,
  Export,
  Metric,
  Run,
  RunDetails,
  Sample,
  Series,
  SeriesName,
  StateChange,
} from '../../src-shared/library.ts';
import { bestOf, comparable } from '../../src-shared/measures.ts';
import type { Curves } from '../charts/curves.ts';
import { append, between, curveNames, curvesOf, noCurves, refine, thin } from '../charts/curves.ts';
import type { ApiClient } from './api-client.svelte.ts';
import { Live } from './live.ts';

/** Bins that a chart asks for: more than it has pixels would not be seen. */
const bins = 1500;
/** Steps over which a run's health is judged: the last tenth, but at least so many. */
const healthSteps = 600;

/** A checkpoint that is being measured: at what, or why it could not be. */
export interface Measured {
  step: number;
  phase: string | null;
  problem: string | null;
}

/** Part of a run's course that is looked at closely, in steps. */
export interface StepRange {
  from: number;
  to: number;
}

/** Everything about one run, live: its curves, grids and checkpoints. Ends with {@link close}. */
export class RunView {
  readonly id: string;
  #details: RunDetails | null = $state.raw(null);
  #problem: AppError | null = $state.raw(null);
  #whole: Curves = $state.raw(noCurves);
  #close: { range: StepRange; curves: Curves } | null = $state.raw(null);
  /** What was last fetched at full detail. */
  #finer: Curves = $state.raw(noCurves);
  #fetching: Promise<void> | null = null;
  #samples: readonly Sample[] = $state.raw([]);
  #checkpoints: readonly Checkpoint[] = $state.raw([]);
  #exports: readonly Export[] = $state.raw([]);
  #metrics: readonly Metric[] = $state.raw([]);
  #measuring: Measured | null = $state.raw(null);
  #resources: { cpu: number; memoryBytes: number } | null = $state.raw(null);
  readonly #api: ApiClient;
  readonly #live: Live<[RunDetails, Series, Metric[]]>;
  readonly #ends: (() => void)[];

  constructor(api: ApiClient, id: string) {
    this.#api = api;
    this.id = id;
    this.#live = new Live({
      read: () =>
        Promise.all([
          api.call('runs.get', { id }),
          api.call('runs.series', { id, columns: [...curveNames], from: null, to: null, bins }),
          api.call('runs.metrics', { id }),
        ]),
      take: ([details, series, metrics]) => {
        this.#details = details;
        this.#whole = curvesOf(series);
        this.#finer = noCurves;
        this.#samples = details.samples;
        this.#checkpoints = details.checkpoints;
        this.#exports = details.exports;
        this.#metrics = metrics;
        this.#problem = null;
      },
      hear: (event) => this.#hear(event),
    });
    this.#ends = [api.onEvent((event) => this.#live.hear(event)), api.onOpen(() => void this.load())];
  }

  /** Null while it is read for the first time. */
  get details(): RunDetails | null {
    return this.#details;
  }
  /** Why it could not be read. */
  get problem(): AppError | null {
    return this.#problem;
  }
  /** The course of the whole run. */
  get curves(): Curves {
    return this.#whole;
  }
  /** The course within the range that was last asked for with {@link look}, once it is there. */
  get closeUp(): Curves | null {
    return this.#close?.curves ?? null;
  }
  /** The course of the whole run, finer where it was last looked at. */
  readonly known: Curves = $derived(refine(this.#whole, this.#finer));
  /** In the order of steps. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }
  /** In the order of steps. */
  get checkpoints(): readonly Checkpoint[] {
    return this.#checkpoints;
  }
  get exports(): readonly Export[] {
    return this.#exports;
  }
  /** What has been measured of it, in the order of steps. */
  get metrics(): readonly Metric[] {
    return this.#metrics;
  }
  /** What is being measured of it, or why that went wrong the last time; null: nothing. */
  get measuring(): Measured | null {
    return this.#measuring;
  }
  /** Step of the best checkpoint that is there, by the measure that the run is to keep the best of; null where none was measured. */
  readonly best: number | null = $derived.by(() => {
    const name = this.#details?.run.measuring.best;
    const kept = new Set(this.#checkpoints.map(({ step }) => step));
    const metrics = name === undefined ? [] : comparable(this.#metrics, name);
    return name === undefined
      ? null
      : (bestOf(
          metrics.filter(({ step }) => kept.has(step)),
          name,
        )?.step ?? null);
  });
  get history(): readonly StateChange[] {
    return this.#details?.history ?? [];
  }
  /** What its trainer uses; null while it does not train. */
  get resources(): { cpu: number; memoryBytes: number } | null {
    return this.#resources;
  }

  readonly notes: readonly HealthNote[] = $derived.by(() => {
    const run = this.#details?.run;
    if (run === undefined) return [];
    const { dataset, hyperparameters } = run;
    const last = newestStretches(this.#whole);
    return healthNotes({
      last,
      loss: hyperparameters.loss,
      metrics: this.#metrics,
      images: dataset.count,
      epochs: ((last.at(-1)?.step ?? 0) * hyperparameters.batch) / dataset.count,
    });
  });

  close(): void {
    for (const end of this.#ends) end();
  }

  /** Reads everything (again). */
  async load(): Promise<void> {
    try {
      await this.#live.load();
      if (this.#close !== null) await this.look(this.#close.range);
    } catch (error) {
      this.#problem = fromErrorData(toErrorData(error));
    }
  }

  /** Shows a range of steps at full detail as soon as that is fetched; null looks at the whole run again. */
  async look(range: StepRange | null): Promise<void> {
    this.#close = range === null ? null : this.#closeUpOf(range);
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = null;
    });
    await this.#fetching;
  }

  #closeUpOf(range: StepRange) {
    return { range, curves: between(this.known, range.from, range.to) };
  }

  /** One range at a time: who moves along gets the newest one next, and those between never. */
  async #fetch(): Promise<void> {
    for (;;) {
      const range = this.#close?.range;
      if (range === undefined) return;
      const params = { id: this.id, columns: [...curveNames], ...range, bins };
      this.#finer = curvesOf(await this.#api.call('runs.series', params));
      if (this.#close?.range === range) {
        this.#close = { range, curves: this.#finer };
        return;
      }
      if (this.#close !== null) this.#close = this.#closeUpOf(this.#close.range);
    }
  }

  #hear(event: ApiEvent): void {
    if (event.type === 'run' && event.run.id === this.id) this.#become(event.run);
    if (event.type === 'export' && event.export.run === this.id) {
      this.#exports = [...this.#exports.filter(({ id }) => id !== event.export.id), event.export];
    }
    if (!('run' in event) || event.run !== this.id) return;
    if (event.type === 'steps') {
      const run = this.#details?.run;
      const batch = run === undefined ? 1 : imagesPerStep(run.hyperparameters);
      this.#whole = thin(append(this.#whole, event.steps, batch), 2 * bins);
    }
    if (event.type === 'sample') {
      const { step, count, columns } = event;
      this.#samples = inOrder(this.#samples, { step, count, columns });
    }
    if (event.type === 'checkpoint') {
      const { step, bytes } = event;
      this.#checkpoints = inOrder(this.#checkpoints, { step, bytes });
    }
    if (event.type === 'pruned') {
      const { steps } = event;
      this.#checkpoints = this.#checkpoints.filter(({ step }) => !steps.includes(step));
    }
    if (event.type === 'metrics') this.#metrics = withMetrics(this.#metrics, event.metrics);
    if (event.type === 'measuring') {
      const { step, phase, problem } = event;
      this.#measuring = phase === null && problem === null ? null : { step, phase, problem };
    }
    if (event.type === 'resources') {
      const { cpu, memoryBytes } = event;
      this.#resources = { cpu, memoryBytes };
    }
  }

  #become(run: Run): void {
    const before = this.#details;
    if (before === null) return;
    this.#details = { ...before, run };
    if (run.state !== 'running') this.#resources = null;
    if (run.state === before.run.state) return;
    // Its history has grown; when it was resumed from an earlier step, later curves and grids are gone.
    void this.load();
  }
}

/** Metrics with others added, in the place of those that were measured at the same step in the same way. */
function withMetrics(list: readonly Metric[], news: readonly Metric[]): Metric[] {
  const key = ({ step, name, protocol }: Metric) =>
    JSON.stringify([step, name, Object.entries(protocol).sort(([a], [b]) => (a < b ? -1 : 1))]);
  const added = new Set(news.map(key));
  return [...list.filter((metric) => !added.has(key(metric))), ...news].sort((a, b) => a.step - b.step);
}

/** The list with an entry for a step, in the place of one that it has for that step. */
function inOrder<T extends { step: number }>(list: readonly T[], entry: T): T[] {
  return [...list.filter(({ step }) => step !== entry.step), entry].sort((a, b) => a.step - b.step);
}

/** The newest part of a run in equal stretches; stretches without a bin of their own are left out. */
export function newestStretches(curves: Curves): Stretch[] {
  const last = curves.step.at(-1) ?? 0;
  const length = Math.min(last, Math.max(healthSteps, last / 10)) / stretches;
  const signals: readonly SeriesName[] = curveNames;
  return Array.from({ length: stretches }, (_, i) => {
    const end = last - (stretches - 1 - i) * length;
    const inside = curves.step.flatMap((step, bin) => (step > end - length && step <= end ? [bin] : []));
    const steps = inside.reduce((sum, bin) => sum + curves.count[bin]!, 0);
    const mean = (name: SeriesName) =>
      inside.reduce((sum, bin) => sum + curves.columns[name].mean[bin]! * curves.count[bin]!, 0) / steps;
    const means = Object.fromEntries(signals.map((name) => [name, mean(name)])) as Record<SeriesName, number>;
    return { step: Math.round(end), ...means };
  }).filter(({ lossD }) => Number.isFinite(lossD));
}
