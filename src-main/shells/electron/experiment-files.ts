/** Experiments as files of the machine. */
import { open, stat, writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { AppError } from '../../../src-shared/errors.ts';
import {
  experimentEnding,
  formatExperiment,
  maxExperimentFile,
  parseExperiment,
} from '../../../src-shared/experiment-file.ts';
import { startHistory } from '../../../src-shared/gan/history.ts';
import { packHistory } from '../../../src-shared/gan/history-json.ts';
import type { Experiment } from '../../../src-shared/library.ts';
import type { ApiParams } from '../../../src-shared/api.ts';

/** The files among the words that the app was started with. */
export function experimentFiles(argv: readonly string[]): string[] {
  return argv.slice(1).filter((word) => !word.startsWith('-') && extname(word) === `.${experimentEnding}`);
}

/**
 * What `experiments.create` takes, from a file.
 * @throws AppError `experiment-file.unreadable`, and what `parseExperiment` throws
 */
export async function readExperiment(path: string): Promise<ApiParams<'experiments.create'>> {
  const { design, ...settings } = parseExperiment(await readText(path));
  return { ...settings, history: packHistory(startHistory(design)), source: null };
}

/** No more of the file is read than an experiment may take. */
async function readText(path: string): Promise<string> {
  try {
    // Before it is opened: that would wait for the other end of a pipe.
    if (!(await stat(path)).isFile()) throw new Error('it is no file');
    await using handle = await open(path);
    const buffer = Buffer.alloc(maxExperimentFile + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) return buffer.toString('utf8', 0, length);
    }
  } catch (error) {
    throw new AppError(
      'experiment-file.unreadable',
      `${basename(path)} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      {},
      { cause: error },
    );
  }
}

/** @throws AppError `experiment-file.not-written` */
export async function writeExperiment(path: string, experiment: Experiment): Promise<void> {
  try {
    await writeFile(path, formatExperiment(experiment));
  } catch (error) {
    throw new AppError(
      'experiment-file.not-written',
      `${basename(path)} could not be written: ${error instanceof Error ? error.message : String(error)}.`,
      {},
      { cause: error },
    );
  }
}

/** A name for the file of an experiment, on every system. */
export function experimentFileName(name: string): string {
  const safe = name.replace(/[\p{Cc}\p{Cf}"*/:<>?\\|]/gu, '_').replace(/^\.+|[. ]+$/g, '_');
  return `${safe.slice(0, 80) || 'experiment'}.${experimentEnding}`;
}
