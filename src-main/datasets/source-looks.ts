import { randomBytes } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LeftOut } from '../../src-shared/dataset.ts';
import type { DecodeWorker } from './decode-workers.ts';
import { type FileList, pathAt } from './file-list.ts';
import { type IdxFile, openIdx, unpackIdx } from './idx.ts';
import type { Limits } from './limits.ts';
import type { ScannedFiles } from './scan-folder.ts';
import type { Source } from './sources.ts';
import type { ImageSource } from './worker-messages.ts';

/** What can be read from a source, found without decoding anything. */
export interface SourceLook {
  images: ImageSource;
  /** Images, or files that may be images. */
  count: number;
  leftOut: LeftOut[];
  leftOutCount: number;
}

interface LookOptions {
  limits: Limits;
  /** Folder that is skipped when it lies in the source. */
  exclude: string;
  /** Packed IDX files are unpacked into a folder in it. */
  scratch: string;
  signal: AbortSignal;
  /** The worker that scans. */
  scanner: DecodeWorker;
}

interface Entry {
  look: SourceLook;
  /** Files and folders of which one changes when the source does. */
  places: string[];
  /** Null when they may have changed while they were looked at. */
  stamp: string | null;
  /** Folder of unpacked files, if there is one. */
  unpacked: string | null;
  users: number;
}

const MOST_REMEMBERED = 4;

/** Coarsest step of the times that file systems keep: what has changed so shortly before a look may change again unseen. */
const TIME_STEP_MS = 2000;

type FileSource = Exclude<Source, { kind: 'sample' }>;

/** Remembers what the last few sources hold, for as long as their folders and files stay as they were. */
export class SourceLooks {
  /** The last used last. */
  private readonly remembered = new Map<string, Entry>();

  /**
   * Lets `work` read from a source.
   * @param work is told whether what it is given was remembered from an earlier look
   * @throws {AppError} as `prepareDataset` while it finds the files
   */
  async use<Result>(
    source: FileSource,
    options: LookOptions,
    work: (look: SourceLook, isRemembered: boolean) => Promise<Result>,
  ): Promise<Result> {
    const key = keyOf(source);
    const known = this.remembered.get(key);
    const isRemembered = known !== undefined && (await stampOf(known.places, Infinity)) === known.stamp;
    const entry = isRemembered ? known : await lookAt(source, options);
    entry.users++;
    if (!isRemembered) await this.forget(source);
    this.remembered.delete(key);
    if (entry.stamp !== null) this.remembered.set(key, entry);
    try {
      return await work(entry.look, isRemembered);
    } finally {
      entry.users--;
      if (this.remembered.get(key) !== entry) await dispose(entry);
      const oldest = this.remembered.keys().next();
      if (this.remembered.size > MOST_REMEMBERED && oldest.done !== true) await this.forgetKey(oldest.value);
    }
  }

  /** Has a source looked at anew the next time. */
  forget(source: FileSource): Promise<void> {
    return this.forgetKey(keyOf(source));
  }

  private async forgetKey(key: string): Promise<void> {
    const entry = this.remembered.get(key);
    this.remembered.delete(key);
    if (entry !== undefined) await dispose(entry);
  }
}

function keyOf(source: FileSource): string {
  if (source.kind === 'idx') return source.paths.join('\0');
  const only = source.kind === 'folder' ? (source.only ?? []) : [];
  return [source.path, ...only].join('\0');
}

/** Removes what was unpacked, unless somebody reads it. */
async function dispose({ users, unpacked }: Entry): Promise<void> {
  if (users === 0 && unpacked !== null) await removeFolder(unpacked);
}

/** What cannot be removed goes with the whole scratch folder. */
const removeFolder = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true }).catch(() => undefined);

async function lookAt(source: FileSource, options: LookOptions): Promise<Entry> {
  const { limits, exclude, scanner } = options;
  const settled = Date.now() - TIME_STEP_MS;
  const entryOf = async (look: SourceLook, places: string[], unpacked: string | null): Promise<Entry> => ({
    look,
    places,
    stamp: await stampOf(places, settled),
    unpacked,
    users: 0,
  });
  switch (source.kind) {
    case 'folder': {
      const root = source.path;
      const scanned = await scanner.ask({ kind: 'scan-folder', root, only: source.only, exclude, limits });
      const { files } = scanned;
      return entryOf(ofFiles(scanned, { kind: 'folder', root, files }), foldersOf(root, files), null);
    }
    case 'zip': {
      const { path } = source;
      const scanned = await scanner.ask({ kind: 'scan-zip', path, limits });
      const { files, places } = scanned;
      return entryOf(ofFiles(scanned, { kind: 'zip', path, files, places }), [path], null);
    }
    case 'idx': {
      const { look, unpacked } = await lookAtIdx(source.paths, options);
      return entryOf(look, source.paths, unpacked);
    }
  }
}

async function lookAtIdx(
  paths: readonly string[],
  { limits, scratch, signal }: LookOptions,
): Promise<{ look: SourceLook; unpacked: string }> {
  const files: IdxFile[] = [];
  for (const path of paths) files.push(await openIdx(path, limits));
  const unpacked = join(scratch, randomBytes(10).toString('hex'));
  try {
    const images: ImageSource = { kind: 'idx', images: await unpackIdx(files, unpacked, signal) };
    const count = files.reduce((sum, file) => sum + file.count, 0);
    return { look: { images, count, leftOut: [], leftOutCount: 0 }, unpacked };
  } catch (thrown) {
    await removeFolder(unpacked);
    throw thrown;
  }
}

const ofFiles = ({ files, leftOut, leftOutCount }: ScannedFiles, images: ImageSource): SourceLook => ({
  images,
  count: files.count,
  leftOut,
  leftOutCount,
});

/** The root and all folders on the way to files: a file that comes or goes changes one of them. */
function foldersOf(root: string, files: FileList): string[] {
  const folders = new Set(['']);
  let last = '';
  for (let i = 0; i < files.count; i++) {
    const path = pathAt(files, i);
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (folder === last) continue;
    last = folder;
    for (let at = folder.length; at !== -1; at = folder.lastIndexOf('/', at - 1))
      folders.add(folder.slice(0, at));
  }
  return Array.from(folders, (folder) => join(root, folder));
}

/** Times and sizes of files and folders in one text; null when one of them is not there, or changed after `settled` (milliseconds since 1970). */
async function stampOf(places: readonly string[], settled: number): Promise<string | null> {
  try {
    const found = await Promise.all(places.map((place) => stat(place)));
    if (found.some(({ mtimeMs }) => mtimeMs > settled)) return null;
    return found.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`).join('\n');
  } catch {
    return null;
  }
}
