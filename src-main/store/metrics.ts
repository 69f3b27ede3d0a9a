/** Measures of quality (FID and the like): few, and each with how it was measured, without which it compares to nothing. */
import * as v from 'valibot';
import type { Metric } from '../../src-shared/library.ts';
import { type Database, json, type Table, toJson } from './database.ts';

/** How a metric was measured: the settings that decide its value, such as the number of images. */
const Protocol = v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.null()]));

const Row = v.object({
  step: v.number(),
  name: v.string(),
  value: v.number(),
  protocol: json(Protocol),
});

export interface Metrics {
  /** Adds a metric, in the place of one measured at the same step in the same way. */
  add(run: string, metric: Metric): void;
  /** In the order of steps; with `name`, only that metric. */
  list(run: string, filter?: { name?: string }): Metric[];
}

export function createMetrics(database: Database): Metrics {
  const table: Table<Metric> = { name: 'metrics', key: ['run', 'step', 'name'], row: Row };
  const all = database.query(
    table,
    'SELECT * FROM metrics WHERE run = :run AND (:name IS NULL OR name = :name) ORDER BY step, name, protocol',
  );
  const insert = database.command(
    'INSERT OR REPLACE INTO metrics (run, step, name, value, protocol) VALUES (:run, :step, :name, :value, :protocol)',
  );

  return {
    add(run, { step, name, value, protocol }) {
      // Sorted, so that the same settings are the same text, which is part of the row's key.
      const sorted = Object.fromEntries(Object.entries(protocol).sort(([a], [b]) => (a < b ? -1 : 1)));
      insert({ run, step, name, value, protocol: toJson(Protocol, sorted) });
    },
    list: (run, { name } = {}) => all.all({ run, name: name ?? null }),
  };
}
