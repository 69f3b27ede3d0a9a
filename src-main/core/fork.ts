/** A run that begins with a checkpoint of another one: it has a copy, so the other may go on or be deleted. */
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';
import type { NewRun } from '../../src-shared/library.ts';
import { newId } from '../store/ids.ts';
import { describeFileError, type LibraryFolder, partial } from '../store/library-folder.ts';
import type { Store } from '../store/open-store.ts';
import type { Progress } from '../store/runs.ts';
import { requireExperiment } from './deleted.ts';

/**
 * Makes the run, in the state `queued`, with its files.
 * @param progress where the other run was after the step
 * @returns the new run's id
 * @throws AppError `checkpoint.missing`, `experiment.missing`, `experiment.deleted`, `disk.full`, `library.*`
 */
export async function createFork(
  store: Store,
  run: NewRun & { forkedFrom: { run: string; step: number } },
  progress: Progress,
): Promise<string> {
  const { forkedFrom } = run;
  const id = newId();
  const sampled = await copyCheckpoint(store.paths, forkedFrom, id);
  try {
    store.transaction(() => {
      requireExperiment(store.experiments.get(run.experiment));
      store.runs.create(run, { id, ...progress });
      const sample = sampled ? store.samples.get(forkedFrom.run, forkedFrom.step) : null;
      if (sample !== null) store.samples.add(id, sample);
      store.checkpoints.add(id, forkedFrom.step);
    });
    return id;
  } catch (error) {
    await rm(store.paths.runFolder(id), { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * Makes the folder of a new run, with the checkpoint of another run's step and its sample grid where there is one: whole, on the disk for
 * good, or not at all.
 * @returns whether there was a sample grid
 * @throws AppError `checkpoint.missing`, `disk.full`, `library.*`
 */
async function copyCheckpoint(
  paths: LibraryFolder,
  from: { run: string; step: number },
  to: string,
): Promise<boolean> {
  const whole = paths.runFolder(to);
  const beside = `${whole}${partial}`;
  const inBeside = (path: string) => path.replace(whole, () => beside);
  const { run, step } = from;
  try {
    const target = inBeside(paths.checkpointFolder(to, step));
    const sample = inBeside(paths.sampleFile(to, step));
    await mkdir(target, { recursive: true });
    await mkdir(dirname(sample));
    const source = paths.checkpointFolder(run, step);
    for (const name of await readdir(source)) await copySynced(join(source, name), join(target, name));
    const sampled = await copySynced(paths.sampleFile(run, step), sample).then(
      () => true,
      (error: unknown) => {
        if (isMissing(error)) return false;
        throw error;
      },
    );
    for (const folder of [target, dirname(target), dirname(sample), beside]) await sync(folder);
    await rename(beside, whole);
    await sync(paths.runs);
    return sampled;
  } catch (error) {
    await rm(beside, { recursive: true, force: true }).catch(() => undefined);
    if (!isMissing(error)) throw describeFileError(error, beside);
    throw new AppError(
      'checkpoint.missing',
      `The checkpoint of step ${step} is not there any more. Choose another one.`,
      from,
      { cause: error },
    );
  }
}

const isMissing = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** Copies a file (its blocks are shared where the file system can) and waits until the disk has it. */
async function copySynced(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await sync(to);
}

async function sync(path: string): Promise<void> {
  // Windows cannot open folders, and syncs only what is open for writing.
  const isWindows = process.platform === 'win32';
  let handle;
  try {
    handle = await open(path, isWindows ? 'r+' : 'r');
  } catch (error) {
    if (isWindows) return;
    throw error;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
