/** The library that a command works on. */
import { homedir } from 'node:os';
import type { ApiEvent } from '../../../src-shared/api.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { Run } from '../../../src-shared/library.ts';
import type { App, AppOptions } from '../../core/app.ts';
import { createApp } from '../../core/app.ts';
import { defaultLibrary } from '../default-library.ts';
import { pinnedNode } from '../node-binary.ts';
import { createTrainerHost } from '../trainer-host.ts';
import type { Words } from './options.ts';
import { quoted } from './options.ts';
import { program } from './usage.ts';

function libraryOf(words: Words): string {
  return words.text('library') ?? defaultLibrary(process.platform, process.env, homedir());
}

/** What a person can type next: the command on the same library, quoted where a shell would need it. */
export function nextCommand(words: Words, command: string): string {
  const library = words.text('library');
  if (library === undefined) return `${program} ${command}`;
  return `${program} ${command} --library ${quoted(library)}`;
}

/** @throws AppError `node.missing`, and what `createApp` throws */
export function openApp(
  words: Words,
  access: 'write' | 'read',
  broadcast: (event: ApiEvent) => void = () => undefined,
  roots: AppOptions['roots'] = null,
  mustExist = false,
): App {
  return createApp({
    libraryDir: libraryOf(words),
    access,
    mustExist,
    trainerHost: createTrainerHost(pinnedNode()),
    broadcast,
    roots,
  });
}

/** Opens a library that is there, to change it. @throws AppError `library.missing`, and what {@link openApp} throws */
export function openToChange(words: Words, broadcast?: (event: ApiEvent) => void): App {
  return openApp(words, 'write', broadcast, null, true);
}

/** The run of a number, an id or a name. @throws AppError `run.missing` saying where it was looked for and what lists the runs, `run.ambiguous` */
export function namedRun(app: App, which: string, words: Words): Run {
  try {
    return app.runs.find(which);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'run.missing')) throw error;
    throw new AppError(
      error.code,
      `There is no run "${which}" in the library ${app.libraryDir}. "${nextCommand(words, 'runs')}" lists those that there are.`,
      { ...error.details, library: app.libraryDir },
      { cause: error },
    );
  }
}

/** Waits for what is done with a run's checkpoint; where that cannot be used, the error gets the command that takes the one before. */
export async function withEarlier<Result>(words: Words, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { earlier } = error.details;
    if (!Array.isArray(earlier)) throw error;
    const newest: unknown = earlier.at(-1);
    const canBegin = words.command === 'resume';
    if (typeof newest !== 'number' && !canBegin) throw error;
    const [how, step] = typeof newest === 'number' ? [`With step ${newest}`, newest] : ['Begin again', 0];
    const message = `${error.message} ${how}: ${nextCommand(words, words.withStep(step))}`;
    throw new AppError(error.code, message, error.details, { cause: error });
  }
}

/** An error about images that are nowhere any more gets the command that takes them from elsewhere; others stay as they are. */
export function withMoved(error: unknown, command: string): unknown {
  if (!(error instanceof AppError && error.code === 'dataset.gone')) return error;
  const message = `${error.message} Or say where it lies now: ${command}`;
  return new AppError(error.code, message, error.details, { cause: error });
}

/** What stands in the way of a writer, but not of a look. */
const readable = ['library.in-use', 'library.not-writable'];

/**
 * Opens the library to look at it. Runs that a process has left `running` when it was killed are marked `interrupted` first; while their
 * process lives it holds the library, and they stay what they are.
 * @throws AppError `node.missing`, and what `createApp` throws
 */
export function openToLook(words: Words): App {
  const app = openApp(words, 'read');
  try {
    const seemActive = app.runs.list().some(({ state }) => state === 'running' || state === 'queued');
    if (seemActive) openApp(words, 'write').close();
  } catch (error) {
    if (!(error instanceof AppError && readable.includes(error.code))) {
      app.close();
      throw error;
    }
  }
  return app;
}
