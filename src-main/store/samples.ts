/** Sample grids: the rows that say which there are. The trainer writes the pictures to `LibraryFolder.sampleFile`. */
import { join } from 'node:path';
import * as v from 'valibot';
import type { Sample } from '../../src-shared/library.ts';
import type { Database } from './database.ts';
import { type LibraryFolder, sampleName } from './library-folder.ts';

const Row = v.object({
  step: v.number(),
  /** Only this form: what comes out of a file that others may have written must not lead out of the run's folder. */
  file: v.pipe(v.string(), v.regex(/^samples\/\d{8,10}\.png$/, 'not the name of a sample grid')),
  count: v.number(),
  columns: v.number(),
});

export interface StoredSample extends Sample {
  /** Absolute path of the PNG. */
  file: string;
}

export interface Samples {
  /** Notes that the grid of a step has been written. */
  add(run: string, sample: Sample): StoredSample;
  /** In the order of steps. */
  list(run: string): StoredSample[];
  /** The grid of a step, or null. */
  get(run: string, step: number): StoredSample | null;
}

export function createSamples(database: Database, folder: LibraryFolder): Samples {
  const table = { name: 'samples', key: ['run', 'step'], row: Row };
  const all = database.query(table, 'SELECT * FROM samples WHERE run = :run ORDER BY step');
  const one = database.query(table, 'SELECT * FROM samples WHERE run = :run AND step = :step');
  const insert = database.command(
    'INSERT OR REPLACE INTO samples (run, step, file, count, columns) VALUES (:run, :step, :file, :count, :columns)',
  );
  const toSample = (run: string, row: v.InferOutput<typeof Row>): StoredSample => ({
    ...row,
    file: join(folder.runFolder(run), row.file),
  });

  return {
    add(run, { step, count, columns }) {
      const row = { step, file: sampleName(step), count, columns };
      insert({ run, ...row });
      return toSample(run, row);
    },
    list: (run) => all.all({ run }).map((row) => toSample(run, row)),
    get(run, step) {
      const row = one.one({ run, step });
      return row === null ? null : toSample(run, row);
    },
  };
}
