/** Exports: what has been written where, and how well it was verified. */
import * as v from 'valibot';
import type { Database, Table } from './database.ts';

const Export = v.object({
  step: v.number(),
  /** Such as `onnx`, `tfjs`, `safetensors`, `png`. */
  format: v.string(),
  /** Absolute path; outside the library, so it may be gone by now. */
  path: v.string(),
  /** Milliseconds since 1970. */
  createdAt: v.number(),
  /** Largest difference between its images and the trainer's, in units of -1 to 1; null where there is nothing to compare. */
  difference: v.nullable(v.number()),
});
export type Export = v.InferOutput<typeof Export>;

export interface Exports {
  /** Notes an export that has been written and verified now. */
  add(run: string, entry: Omit<Export, 'createdAt'>): void;
  /** The oldest first. */
  list(run: string): Export[];
}

export function createExports(database: Database): Exports {
  const table: Table<Export> = { name: 'exports', key: ['run', 'number'], row: Export };
  const all = database.query(table, 'SELECT * FROM exports WHERE run = :run ORDER BY number');
  const insert = database.command(
    'INSERT INTO exports (run, step, format, path, createdAt, difference) ' +
      'VALUES (:run, :step, :format, :path, :now, :difference)',
  );

  return {
    add(run, { step, format, path, difference }) {
      insert({ run, step, format, path, difference, now: Date.now() });
    },
    list: (run) => all.all({ run }),
  };
}
