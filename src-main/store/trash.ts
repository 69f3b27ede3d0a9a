/**
 * Deleting files together with their rows, whole or not at all. What goes is first moved into the folder `trash` under a name that
 * says what it was; then its rows go, then the files for good. If the process dies in between, the next opening finishes it.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';
import { stepName } from '../../src-shared/step-name.ts';
import { type Database, isDiskFull } from './database.ts';
import { describeFileError, type LibraryFolder, partial } from './library-folder.ts';

/** Something with a folder and a row of its own. */
export type Item =
  | { kind: 'run'; run: string }
  | { kind: 'checkpoint'; run: string; step: number }
  | { kind: 'cache'; key: string }
  | { kind: 'export'; folder: string };

export interface Trash {
  /**
   * Deletes the items; `alsoForget` deletes more rows in the same transaction. A folder that is not there is no error.
   * @throws AppError `library.read-only`, `library.not-writable`, `library.io`, with everything as it was; Error inside of a transaction
   */
  discard(items: readonly Item[], alsoForget?: () => void): void;
  /** Finishes what a process that died had begun to delete, and removes what it had begun to copy. */
  sweep(): void;
}

export function createTrash(database: Database, folder: LibraryFolder): Trash {
  const forgetRun = database.command('DELETE FROM runs WHERE id = :run');
  const forgetCheckpoint = database.command('DELETE FROM checkpoints WHERE run = :run AND step = :step');
  const forgetExport = database.command(
    "DELETE FROM exports WHERE substr(path, 1, length(:folder) + 9) = 'exports/' || :folder || '/'",
  );
  const forgetDataset = database.command('DELETE FROM datasets WHERE key = :key');
  const forgetSources = database.command('DELETE FROM datasetSources WHERE key = :key');

  const forget = (item: Item) => {
    if (item.kind === 'run') forgetRun({ run: item.run });
    else if (item.kind === 'checkpoint') forgetCheckpoint({ run: item.run, step: item.step });
    else if (item.kind === 'export') forgetExport({ folder: item.folder });
    else {
      forgetDataset({ key: item.key });
      forgetSources({ key: item.key });
    }
  };
  const place = (item: Item) => {
    if (item.kind === 'run') return folder.runFolder(item.run);
    if (item.kind === 'checkpoint') return folder.checkpointFolder(item.run, item.step);
    if (item.kind === 'export') return folder.exportFolder(item.folder);
    return folder.cacheFolder(item.key);
  };

  return {
    discard(items, alsoForget) {
      if (database.access === 'read') {
        throw new AppError(
          'library.read-only',
          `${folder.dir} is open for reading only, so nothing can be deleted.`,
        );
      }
      if (database.inTransaction()) {
        throw new Error(
          'Files are not deleted inside of a transaction: rolling it back would not bring them back',
        );
      }
      const forgetAll = () => {
        database.transaction(() => {
          for (const item of items) forget(item);
          alsoForget?.();
        });
      };
      const moved: { from: string; to: string }[] = [];
      const putBack = () => {
        for (const { from, to } of moved) renameSync(to, from);
      };
      try {
        for (const item of items) {
          const from = place(item);
          const to = join(folder.trash, entryName(item));
          if (move(from, to)) moved.push({ from, to });
        }
      } catch (error) {
        putBack();
        throw error;
      }
      try {
        forgetAll();
      } catch (error) {
        if (!isDiskFull(error) || moved.length === 0) {
          putBack();
          throw error;
        }
        // Deleting rows writes, too. On a full disk the files make room for that, since who deletes there wants space.
        // The empty folders stay in the trash until the rows are gone: should it fail again, the next opening finishes it.
        for (const { to } of moved) empty(to);
        forgetAll();
      }
      for (const { to } of moved) remove(to);
    },

    sweep() {
      for (const name of readdirSync(folder.runs)) {
        if (name.endsWith(partial)) remove(join(folder.runs, name));
      }
      for (const name of readdirSync(folder.trash)) {
        const item = parseEntry(name);
        if (item === null) continue;
        const path = join(folder.trash, name);
        empty(path); // first, since the disk may be full
        // What is there again has been made anew since: only the removal of the old files had failed.
        if (!existsSync(place(item))) forget(item);
        remove(path);
      }
    },
  };
}

function entryName(item: Item): string {
  if (item.kind === 'run') return `run.${item.run}`;
  if (item.kind === 'checkpoint') return `checkpoint.${item.run}.${stepName(item.step)}`;
  if (item.kind === 'export') return `export.${item.folder}`;
  return `cache.${item.key}`;
}

function parseEntry(name: string): Item | null {
  const [, kind, id, step] =
    /^(run|checkpoint|cache|export)\.([A-Za-z0-9][\w-]*)(?:\.(\d{8,10}))?$/.exec(name) ?? [];
  if (id === undefined) return null;
  if (kind === 'checkpoint') return step === undefined ? null : { kind, run: id, step: Number(step) };
  if (kind === 'export') return { kind, folder: id };
  return kind === 'run' ? { kind, run: id } : { kind: 'cache', key: id };
}

/** Renames a folder; false when it is not there. */
function move(from: string, to: string): boolean {
  try {
    // Left by an earlier deletion whose files were held open by another program.
    rmSync(to, { recursive: true, force: true });
    renameSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw describeFileError(error, from);
  }
}

function empty(path: string): void {
  for (const name of readdirSync(path)) remove(join(path, name));
}

/** Removes for good, as far as that goes: what another program holds open may stay. What is in the trash is tried again later. */
export function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    return;
  }
}
