/** The table of the library: what its rows say, which of them are shown, and in which order. Pure. */
import * as v from 'valibot';
import type { Experiment, Metric, Run } from '../../../src-shared/library.ts';
import { RunState } from '../../../src-shared/training.ts';
import { bestOf } from './metrics.ts';
import { sourceWords } from './words.ts';

/** What a run says in the table, or an experiment without runs. */
export interface Row {
  experiment: Experiment;
  /** Null: it has never been trained. */
  run: Run | null;
  name: string;
  state: RunState | null;
  dataset: string;
  design: string;
  engine: string;
  /** Thousands of images seen; null without a run. */
  kimg: number | null;
  /** The best value of the library's metric; null where none was measured. */
  metric: number | null;
  bytes: number;
  /** Milliseconds since 1970. */
  date: number;
}

/** An experiment with its newest run's values, the space of all its runs, and when anything in it was last touched. */
export interface ExperimentRow extends Row {
  /** The newest first. */
  runs: readonly Row[];
}

export interface LibraryContent {
  experiments: readonly Experiment[];
  /** The newest first. */
  runs: readonly Run[];
  runBytes: Readonly<Record<string, number>>;
  metrics: ReadonlyMap<string, readonly Metric[]>;
  /** Name of the metric that the table shows; null where no run has one. */
  metric: string | null;
  /** What people call the sources of prepared datasets. */
  sourceNames: ReadonlyMap<string, string>;
}

export function rowsOf(content: LibraryContent): ExperimentRow[] {
  const byExperiment = Map.groupBy(content.runs, ({ experiment }) => experiment);
  return content.experiments.map((experiment) => {
    const runs = (byExperiment.get(experiment.id) ?? []).map((run) => runRow(experiment, run, content));
    const [newest] = runs;
    const { id: _id, name, source, design, engine, updatedAt } = experiment;
    if (newest === undefined) {
      return {
        experiment,
        run: null,
        name,
        state: null,
        dataset: source === null ? '' : sourceWords(source, content.sourceNames),
        design: design.name,
        engine: engine === 'auto' ? '' : engine,
        kimg: null,
        metric: null,
        bytes: 0,
        date: updatedAt,
        runs,
      };
    }
    return {
      ...newest,
      name,
      // What trains is what a person wants to know of, whatever waits behind it.
      state: runs.some(({ state }) => state === 'running') ? 'running' : newest.state,
      bytes: runs.reduce((sum, { bytes }) => sum + bytes, 0),
      date: Math.max(updatedAt, ...runs.map(({ date }) => date)),
      runs,
    };
  });
}

function runRow(experiment: Experiment, run: Run, content: LibraryContent): Row {
  const { id, name, state, dataset, design, engine, engineWanted, imagesSeen, createdAt, endedAt } = run;
  const { metric, metrics, runBytes, sourceNames } = content;
  return {
    experiment,
    run,
    name,
    state,
    dataset: sourceWords(dataset.source, sourceNames),
    design: design.name,
    engine: engine ?? (engineWanted === 'auto' ? '' : engineWanted),
    kimg: imagesSeen / 1000,
    metric: metric === null ? null : (bestOf(metrics.get(id) ?? [], metric)?.value ?? null),
    bytes: runBytes[id] ?? 0,
    date: endedAt ?? createdAt,
  };
}

export const Filter = v.strictObject({
  text: v.string(),
  /** Of the newest run; `untrained`: without any. */
  state: v.union([RunState, v.picklist(['untrained', 'all'])]),
  /** Empty: all. */
  tag: v.string(),
});
export type Filter = v.InferOutput<typeof Filter>;

export const noFilter: Filter = { text: '', state: 'all', tag: '' };

/** Every word of the text must be in something that the row says. */
export function filtered(rows: readonly ExperimentRow[], { text, state, tag }: Filter): ExperimentRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (state !== 'all' && (row.state ?? 'untrained') !== state) return false;
    if (tag !== '' && !row.experiment.tags.includes(tag)) return false;
    if (words.length === 0) return true;
    const { name, experiment, dataset, design, engine, runs } = row;
    const said = [name, ...experiment.tags, dataset, design, engine, ...runs.map((run) => run.name)];
    const all = said.join('\n').toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

export const Column = v.picklist([
  'name',
  'state',
  'dataset',
  'design',
  'engine',
  'kimg',
  'metric',
  'bytes',
  'date',
]);
export type Column = v.InferOutput<typeof Column>;

export const Order = v.strictObject({ column: Column, descending: v.boolean() });
export type Order = v.InferOutput<typeof Order>;

/** What a click on a column's head leads to: texts start at A, numbers and dates with the largest. */
export function nextOrder(order: Order, column: Column): Order {
  if (order.column === column) return { column, descending: !order.descending };
  return { column, descending: ['kimg', 'bytes', 'date'].includes(column) };
}

/** What needs a person comes first, what is over last. */
const stateOrder: readonly RunState[] = [
  'running',
  'queued',
  'paused',
  'interrupted',
  'failed',
  'stopped',
  'done',
];

const byWords = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** A sorted copy; rows that say nothing in the column come last in either direction, equal ones stay in their order. */
export function sorted<R extends Row>(rows: readonly R[], { column, descending }: Order): R[] {
  const valueOf = (row: Row): string | number | null => {
    const value = column === 'state' && row.state !== null ? stateOrder.indexOf(row.state) : row[column];
    return value === '' ? null : value;
  };
  const direction = descending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: valueOf(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      if (typeof a.value === 'string' || typeof b.value === 'string')
        return direction * byWords.compare(String(a.value), String(b.value));
      return direction * (a.value - b.value);
    })
    .map(({ row }) => row);
}

/** A line of the table: an experiment, or one of its runs below it. */
export type TableLine = { kind: 'experiment'; row: ExperimentRow } | { kind: 'run'; row: Row & { run: Run } };

/** The rows, with the runs of those that are open below them. */
export function tableLines(rows: readonly ExperimentRow[], open: ReadonlySet<string>): TableLine[] {
  return rows.flatMap((row): TableLine[] => [
    { kind: 'experiment', row },
    ...(open.has(row.experiment.id)
      ? row.runs.flatMap((below) =>
          below.run === null ? [] : [{ kind: 'run' as const, row: { ...below, run: below.run } }],
        )
      : []),
  ]);
}
