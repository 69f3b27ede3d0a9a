import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../../src-shared/errors.ts';
import { isSystemFile } from './scan-folder.ts';
import { identifySource, type Selection } from './sources.ts';
import { systemCode } from './unusable.ts';
import { namesOfUpload } from './upload-path.ts';

/** What a client says is to come. */
export interface Announcement {
  /** What people call it. */
  name: string;
  files: number;
  /** Null where nobody has counted them. */
  bytes: number | null;
}

const About = v.object({
  name: v.string(),
  /** Where its files lie; absent: they were sent, and lie beside this. */
  selection: v.exactOptional(v.object({ folder: v.string(), names: v.array(v.string()) })),
});
type About = v.InferOutput<typeof About>;

const SOURCE = /^upload:([0-9a-f]{20})$/;

/** Whether a source names an upload, whatever has become of it. */
export const isUpload = (source: string): boolean => source.startsWith('upload:');

/** An upload under way. What has arrived whole lies in `files` of its folder, what is arriving beside it in `arriving`. */
interface Unfinished extends Announcement {
  folder: string;
  /** Files and bytes that have arrived or are arriving. */
  taken: { files: number; bytes: number };
  arriving: number;
  /** Numbers the files, to name them while they arrive. */
  next: number;
  hasEnded: boolean;
}

/**
 * Images that come from a client instead of a folder of the machine. An upload grows in the scratch folder and gets its place under
 * `uploads` when it is finished; it is a source then, `upload:<id>`. So is a selection of what lies on this machine: nothing of it is
 * copied, the upload only says where it is.
 */
export class Uploads {
  private readonly unfinished = new Map<string, Unfinished>();
  private readonly folders: { readonly uploads: string; readonly scratch: string };

  constructor(folders: { readonly uploads: string; readonly scratch: string }) {
    this.folders = folders;
  }

  /** @throws {AppError} `disk.full` when there is not that much space; `upload.unwritable` */
  async begin({ name, files, bytes }: Announcement): Promise<string> {
    const id = randomBytes(10).toString('hex');
    const folder = join(this.folders.scratch, id);
    try {
      await mkdir(join(folder, 'files'), { recursive: true });
      await mkdir(join(folder, 'arriving'));
      const { bavail, bsize } = await statfs(folder);
      if (bytes !== null && bavail * bsize < bytes) throw diskFull(name, bytes, bavail * bsize);
    } catch (cause) {
      await removeAll(folder);
      throw writeError(name, cause);
    }
    const taken = { files: 0, bytes: 0 };
    this.unfinished.set(id, { name, files, bytes, folder, taken, arriving: 0, next: 0, hasEnded: false });
    return id;
  }

  /**
   * Takes one file. It is there whole or not at all; one that came under the same path before is replaced.
   * @param path inside the upload, with forward slashes
   * @throws {AppError} `upload.missing`, `upload.bad-path`, `upload.too-large` (more than was announced), `upload.interrupted` (the
   * body failed), `disk.full`, `upload.unwritable`
   */
  async receive(id: string, path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
    const upload = this.find(id);
    const to = join(upload.folder, 'files', ...namesOfUpload(path));
    const beside = join(upload.folder, 'arriving', String(upload.next++));
    drop(upload, to);
    if (upload.taken.files >= upload.files) throw tooLarge(upload);
    upload.taken.files++;
    upload.arriving++;
    let bytes = 0;
    try {
      const file = await open(beside, 'wx');
      try {
        for await (const chunk of bodyOf(path, body)) {
          if (upload.hasEnded) throw missing(id);
          if (upload.taken.bytes + chunk.length > (upload.bytes ?? Infinity)) throw tooLarge(upload);
          upload.taken.bytes += chunk.length;
          bytes += chunk.length;
          await writeAll(file, chunk);
        }
      } finally {
        await file.close();
      }
      if (upload.hasEnded) throw missing(id);
      // Without a pause from here on, so that nothing comes between.
      put(upload, beside, to, path);
    } catch (cause) {
      upload.taken.files--;
      upload.taken.bytes -= bytes;
      await rm(beside, { force: true }).catch(() => undefined);
      throw upload.hasEnded ? missing(id) : writeError(upload.name, cause);
    } finally {
      upload.arriving--;
    }
  }

  /**
   * Ends an upload with what has arrived. Once more, for whom the answer did not reach, it does nothing.
   * @returns its source
   * @throws {AppError} `upload.missing`, `upload.busy` while files are arriving, `upload.empty`, `disk.full`, `upload.unwritable`
   */
  async finish(id: string): Promise<string> {
    const done = `upload:${id}`;
    if (!this.unfinished.has(id) && this.isFinished(done)) return done;
    const upload = this.find(id);
    if (upload.arriving > 0) {
      throw new AppError(
        'upload.busy',
        `${upload.arriving} files of "${upload.name}" are still arriving. Finish the upload when all of them are here.`,
      );
    }
    if (upload.taken.files === 0) {
      throw new AppError('upload.empty', `Nothing of "${upload.name}" has arrived. Upload it again.`);
    }
    // No more files are taken, and it is finished once only.
    this.unfinished.delete(id);
    try {
      await rm(join(upload.folder, 'arriving'), { recursive: true });
      await this.place(id, upload.folder, { name: upload.name });
    } catch (cause) {
      await removeAll(upload.folder);
      throw writeError(upload.name, cause);
    }
    return done;
  }

  /**
   * Remembers some of what lies in a folder of this machine.
   * @returns its source
   * @throws {AppError} `disk.full`, `upload.unwritable`
   */
  async select(name: string, { folder, names }: Selection): Promise<string> {
    const id = randomBytes(10).toString('hex');
    const scratch = join(this.folders.scratch, id);
    try {
      await mkdir(scratch, { recursive: true });
      await this.place(id, scratch, { name, selection: { folder, names: [...names] } });
    } catch (cause) {
      await removeAll(scratch);
      throw writeError(name, cause);
    }
    return `upload:${id}`;
  }

  /** Removes an upload that is not finished. @throws {AppError} `upload.missing` */
  async cancel(id: string): Promise<void> {
    const upload = this.find(id);
    upload.hasEnded = true;
    this.unfinished.delete(id);
    await removeAll(upload.folder);
  }

  /**
   * What a finished upload is to be read from: its only file if that is a zip or an IDX file, else its folder; a folder around everything
   * is gone into.
   * @throws {AppError} `upload.missing`
   */
  async locate(source: string): Promise<string> {
    let path = join(this.folderOf(source), 'files');
    for (;;) {
      const entries = await readdir(path, { withFileTypes: true }).catch(() => null);
      if (entries === null) throw missing(source);
      const visible = entries.filter(({ name }) => !isSystemFile(name));
      const only = visible.length === 1 ? visible[0] : undefined;
      if (only === undefined) return path;
      const inside = join(path, only.name);
      if (!only.isDirectory()) return (await isArchive(inside)) ? inside : path;
      path = inside;
    }
  }

  /** What was selected on this machine under the name of an upload; null for one whose files were sent. */
  selection(source: string): Selection | null {
    return this.about(source)?.selection ?? null;
  }

  /** What people call a finished upload; the source itself where nothing is known of it any more. */
  nameOf(source: string): string {
    return this.about(source)?.name ?? source;
  }

  /** Deletes a finished upload; one that is not there is no error. @throws {AppError} `upload.unwritable` */
  async remove(source: string): Promise<void> {
    const gone = this.toScratch(source);
    if (gone !== null) await removeAll(gone);
  }

  /** Empties the scratch folder and removes the finished uploads that nothing uses. To be called before anything begins. */
  sweep(isUsed: (source: string) => boolean): void {
    const unused = namesIn(this.folders.uploads).filter((name) => !isUsed(`upload:${name}`));
    const attempts = [
      ...unused.map((name) => () => this.toScratch(`upload:${name}`)),
      () => rmSync(this.folders.scratch, { recursive: true, force: true, maxRetries: 3 }),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch {
        // Another program holds it open, which must not keep the library closed. It goes the next time.
        continue;
      }
    }
  }

  /** Null where nothing is known of it (any more). */
  private about(source: string): About | null {
    try {
      return v.parse(About, JSON.parse(readFileSync(join(this.folderOf(source), 'upload.json'), 'utf8')));
    } catch {
      return null;
    }
  }

  /** Finishes an upload: its folder gets its place, whole or not at all. */
  private async place(id: string, folder: string, about: About): Promise<void> {
    await writeFile(join(folder, 'upload.json'), JSON.stringify(about), { flush: true });
    await mkdir(this.folders.uploads, { recursive: true });
    await rename(folder, join(this.folders.uploads, id));
  }

  /** Moves a finished upload where it is finished no more; null when it is not there. */
  private toScratch(source: string): string | null {
    const id = SOURCE.exec(source)?.[1];
    if (id === undefined) return null;
    const to = join(this.folders.scratch, `${id}-gone`);
    try {
      mkdirSync(this.folders.scratch, { recursive: true });
      renameSync(join(this.folders.uploads, id), to);
      return to;
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return null;
      throw writeError(this.nameOf(source), cause);
    }
  }

  private isFinished(source: string): boolean {
    const id = SOURCE.exec(source)?.[1];
    return id !== undefined && existsSync(join(this.folders.uploads, id));
  }

  private find(id: string): Unfinished {
    const upload = this.unfinished.get(id);
    if (upload === undefined) throw missing(id);
    return upload;
  }

  private folderOf(source: string): string {
    const id = SOURCE.exec(source)?.[1];
    if (id === undefined) throw missing(source);
    return join(this.folders.uploads, id);
  }
}

/** Takes back a file that came under the same path before. */
function drop(upload: Unfinished, file: string): void {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isFile() !== true) return;
    rmSync(file);
    upload.taken.files--;
    upload.taken.bytes -= found.size;
  } catch (cause) {
    throw writeError(upload.name, cause);
  }
}

function put(upload: Unfinished, from: string, to: string, path: string): void {
  const inTheWay = (cause?: unknown): AppError => {
    const text = `The upload holds a file where ${JSON.stringify(path)} needs a folder, or the other way round. Rename one of them.`;
    return new AppError('upload.bad-path', text, { path }, { cause });
  };
  try {
    mkdirSync(dirname(to), { recursive: true });
  } catch (cause) {
    throw ['EEXIST', 'ENOTDIR'].includes(systemCode(cause)) ? inTheWay(cause) : cause;
  }
  if (statSync(to, { throwIfNoEntry: false })?.isDirectory() === true) throw inTheWay();
  drop(upload, to);
  renameSync(from, to);
}

/** The chunks; what goes wrong with them is the client's end, not the disk. */
async function* bodyOf(path: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw cause instanceof AppError
      ? cause
      : new AppError(
          'upload.interrupted',
          `The file ${JSON.stringify(path)} did not arrive whole. Upload it again.`,
          { path },
          { cause },
        );
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length;) done += (await file.write(chunk, done)).bytesWritten;
}

/** As far as that goes: what another program holds open goes when the library is opened the next time. */
const removeAll = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);

async function isArchive(file: string): Promise<boolean> {
  try {
    const { kind } = await identifySource(file);
    return kind === 'zip' || kind === 'idx';
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const missing = (id: string): AppError =>
  new AppError('upload.missing', 'This upload is not there (any more). Upload the images again.', { id });

const tooLarge = ({ name, files, bytes }: Announcement): AppError =>
  new AppError(
    'upload.too-large',
    `More has arrived than was announced for "${name}" (${files} files${bytes === null ? '' : `, ${bytes} bytes`}). Upload it again.`,
    { files, bytes },
  );

function writeError(name: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const system = systemCode(cause);
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(system)) return diskFull(name, null, null, cause);
  return new AppError(
    'upload.unwritable',
    `"${name}" cannot be stored in the library (${system || String(cause)}). Check that you may write to its folder.`,
    { system },
    { cause },
  );
}

function diskFull(name: string, bytes: number | null, free: number | null, cause?: unknown): AppError {
  const mega = (n: number): string => `${(n / 1e6).toFixed(0)} MB`;
  const numbers =
    bytes === null || free === null ? '' : ` (${mega(bytes)} are needed, ${mega(free)} are free)`;
  return new AppError(
    'disk.full',
    `There is no room for "${name}" on the disk of the library${numbers}. Free some space there, or choose fewer images.`,
    { bytes, free },
    { cause },
  );
}
