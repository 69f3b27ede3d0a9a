/** Where everything lies in a library folder, and errors of the file system in words. */
import { accessSync, constants, existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { diskFull, saysDiskFull } from '../../src-shared/disk-full.ts';
import { AppError } from '../../src-shared/errors.ts';
import { stepName } from '../../src-shared/step-name.ts';

/** Absolute paths in a library. Nothing here touches the disk. */
export interface LibraryFolder {
  readonly dir: string;
  readonly database: string;
  readonly lock: string;
  /** Where prepared datasets lie, one folder each. */
  readonly cache: string;
  readonly runs: string;
  /** Where uploaded images lie, one folder each. */
  readonly uploads: string;
  /** What is needed for a while only; emptied when the library is opened to write. */
  readonly scratch: string;
  /** What was exported into the library, one folder each. */
  readonly exports: string;
  /** What is being deleted; see trash.ts. */
  readonly trash: string;
  /** See reserve.ts. */
  readonly reserve: string;
  /** File in which the trainer remembers which engine was fastest at which step. */
  readonly engineTrials: string;
  /** Where the trainer keeps the steps that it has recorded. */
  readonly graphs: string;
  runFolder(run: string): string;
  samplesFolder(run: string): string;
  /** PNG with the sample grid of a step. */
  sampleFile(run: string, step: number): string;
  checkpointsFolder(run: string): string;
  /** Folder with `state.safetensors` and `checkpoint.json` of a step. */
  checkpointFolder(run: string, step: number): string;
  cacheFolder(key: string): string;
  exportFolder(id: string): string;
}

/** End of the name of a run's folder while it is written. */
export const partial = '.partial';

/** The paths of the library in `dir`. Its functions throw AppError `library.bad-name` for what could climb out of the library. */
export function libraryFolder(dir: string): LibraryFolder {
  const root = resolve(dir);
  const runs = join(root, 'runs');
  const cache = join(root, 'cache');
  const exports = join(root, 'exports');
  const runFolder = (run: string) => join(runs, plainName(run));
  return {
    dir: root,
    database: join(root, 'ganvas.sqlite'),
    lock: join(root, 'lock'),
    cache,
    runs,
    uploads: join(root, 'uploads'),
    scratch: join(root, 'scratch'),
    exports,
    trash: join(root, 'trash'),
    reserve: join(root, 'reserve'),
    engineTrials: join(root, 'engine-trials.json'),
    graphs: join(root, 'graphs'),
    runFolder,
    samplesFolder: (run) => join(runFolder(run), 'samples'),
    sampleFile: (run, step) => join(runFolder(run), sampleName(step)),
    checkpointsFolder: (run) => join(runFolder(run), 'checkpoints'),
    checkpointFolder: (run, step) => join(runFolder(run), checkpointName(step)),
    cacheFolder: (key) => join(cache, plainName(key)),
    exportFolder: (id) => join(exports, plainName(id)),
  };
}

/** Path of a sample grid inside the run's folder, with forward slashes. */
export function sampleName(step: number): string {
  return `samples/${stepName(step)}.png`;
}

/** Path of a checkpoint inside the run's folder, with forward slashes. */
export function checkpointName(step: number): string {
  return `checkpoints/${stepName(step)}`;
}

/** Whether a name is one that the folders of runs, datasets and exports have. */
export const isPlainName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(name);

function plainName(name: string): string {
  if (isPlainName(name)) return name;
  throw new AppError('library.bad-name', `"${name}" is not the name of a run or of a prepared dataset.`, {
    name,
  });
}

/**
 * Makes the library's folders where they are missing.
 * @throws AppError `library.not-a-folder`, `library.not-writable`, `disk.full`
 */
export function createLibraryFolder(folder: LibraryFolder): void {
  try {
    makeFolder(folder.dir);
    accessSync(folder.dir, constants.W_OK);
    for (const part of [folder.runs, folder.cache, folder.exports, folder.trash])
      mkdirSync(part, { recursive: true });
  } catch (error) {
    throw describeFileError(error, folder.dir);
  }
}

/** With those above it. Not `mkdirSync`'s `recursive`, which never comes back under /proc: nothing appears there, nor is anything missing. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  if (dirname(dir) !== dir) makeFolder(dirname(dir));
  try {
    mkdirSync(dir);
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!existsSync(dir)) throw error;
  }
}

/** @throws AppError `library.missing`, `library.not-a-folder`, `library.not-writable` when there is no library to read */
export function requireLibrary(folder: LibraryFolder): void {
  const stat = (path: string) => {
    try {
      return statSync(path, { throwIfNoEntry: false });
    } catch (error) {
      throw describeFileError(error, path);
    }
  };
  const found = stat(folder.dir);
  if (found !== undefined && !found.isDirectory()) throw notAFolder(folder.dir);
  if (stat(folder.database) === undefined) throw missingLibrary(folder.dir);
}

/** The error for a place where no library is. */
export function missingLibrary(dir: string): AppError {
  return new AppError(
    'library.missing',
    `There is no Ganvas library in ${dir}. Check the folder's name; a library is made by the first training that uses it.`,
    { library: dir },
  );
}

/** Bytes of all the files under a folder (links not followed); 0 when it is not there. */
export function diskUse(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + diskUse(join(path, name)), 0);
}

/** Names of the folders in a folder; none where it is not there. */
export function foldersIn(path: string): string[] {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** What a person can do about an error of the file system. Anything else is given back as it is. */
export function describeFileError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const about = (code: string, message: string) => new AppError(code, message, { path }, { cause: error });
  if (saysDiskFull(error.code)) return diskFull(path, error);
  switch (error.code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return notAFolder(path);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return about(
        'library.not-writable',
        `You may not read and write ${path}. Change its permissions or choose another library folder.`,
      );
    case 'ENOENT':
      return about('library.not-writable', `${path} cannot be made there. Choose another library folder.`);
    default:
      return about('library.io', `${path} could not be changed: ${error.message}.`);
  }
}

function notAFolder(path: string): AppError {
  return new AppError(
    'library.not-a-folder',
    `${path} is a file, or lies inside one, so it cannot be a library folder. Choose another folder.`,
    { path },
  );
}
