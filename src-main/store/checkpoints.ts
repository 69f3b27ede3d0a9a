/** Checkpoints: the rows that say which are whole. The trainer writes them to `LibraryFolder.checkpointFolder`. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../../src-shared/errors.ts';
import type { Checkpoint } from '../../src-shared/library.ts';
import type { Database } from './database.ts';
import { checkpointName, diskUse, type LibraryFolder } from './library-folder.ts';
import type { Trash } from './trash.ts';

const Row = v.object({
  step: v.number(),
  /** Only this form: what comes out of a file that others may have written must not lead out of the run's folder. */
  folder: v.pipe(v.string(), v.regex(/^checkpoints\/\d{8,10}$/, 'not the name of a checkpoint')),
  bytes: v.number(),
});

export interface StoredCheckpoint extends Checkpoint {
  /** Absolute path. */
  folder: string;
}

export interface Checkpoints {
  /** Notes that the checkpoint of a step has been written. @throws AppError `checkpoint.missing` when it has not */
  add(run: string, step: number): StoredCheckpoint;
  /** In the order of steps. */
  list(run: string): StoredCheckpoint[];
  /** The one with the most steps; null when there is none. */
  newest(run: string): StoredCheckpoint | null;
  /** Keeps {@link prune} from a checkpoint while it is read. @returns lets it go */
  hold(run: string, step: number): () => void;
  /**
   * Deletes all but the newest `keep` (1 or more), the best, and those that are held; of the newest ones also the older, as long as all
   * together take more than `bytes`. The very newest always stays.
   * @returns the steps of those removed, ascending
   */
  prune(run: string, keep: number, more?: { best: number | null; bytes: number }): number[];
}

export function createCheckpoints(database: Database, folder: LibraryFolder, trash: Trash): Checkpoints {
  const table = { name: 'checkpoints', key: ['run', 'step'], row: Row };
  const all = database.query(table, 'SELECT * FROM checkpoints WHERE run = :run ORDER BY step');
  const last = database.query(table, 'SELECT * FROM checkpoints WHERE run = :run ORDER BY step DESC LIMIT 1');
  const insert = database.command(
    'INSERT OR REPLACE INTO checkpoints (run, step, folder, bytes) VALUES (:run, :step, :folder, :bytes)',
  );
  const toCheckpoint = (run: string, row: v.InferOutput<typeof Row>): StoredCheckpoint => ({
    ...row,
    folder: join(folder.runFolder(run), row.folder),
  });

  const held = new Map<symbol, string>();
  const place = (run: string, step: number) => `${run} ${step}`;

  return {
    add(run, step) {
      const path = folder.checkpointFolder(run, step);
      if (statSync(path, { throwIfNoEntry: false }) === undefined) {
        throw new AppError('checkpoint.missing', `There is no checkpoint in ${path}.`, { run, step, path });
      }
      const row = { step, folder: checkpointName(step), bytes: diskUse(path) };
      insert({ run, ...row });
      return toCheckpoint(run, row);
    },
    list: (run) => all.all({ run }).map((row) => toCheckpoint(run, row)),
    newest(run) {
      const row = last.one({ run });
      return row === null ? null : toCheckpoint(run, row);
    },
    hold(run, step) {
      const holder = Symbol();
      held.set(holder, place(run, step));
      return () => held.delete(holder);
    },
    prune(run, keep, { best, bytes } = { best: null, bytes: Infinity }) {
      const inUse = new Set(held.values());
      const rows = all.all({ run });
      const mayGo = ({ step }: { step: number }) => step !== best && !inUse.has(place(run, step));
      const newest = rows.slice(-Math.max(1, keep));
      const old = rows.filter((row) => !newest.includes(row) && mayGo(row));
      let taken = rows.reduce((sum, row) => sum + (old.includes(row) ? 0 : row.bytes), 0);
      for (const row of newest.slice(0, -1)) {
        if (taken <= bytes || !mayGo(row)) continue;
        old.push(row);
        taken -= row.bytes;
      }
      if (old.length > 0) trash.discard(old.map(({ step }) => ({ kind: 'checkpoint', run, step })));
      return old.map(({ step }) => step);
    },
  };
}
