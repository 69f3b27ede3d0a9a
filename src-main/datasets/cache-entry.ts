import { createHash, hash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { PreparedDataset } from '../../src-shared/dataset.ts';
import { diskFull, saysDiskFull } from '../../src-shared/disk-full.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { LeftOutList } from './left-out.ts';
import { systemCode } from './unusable.ts';

/** So many bytes are sent to the disk while others are still made, so that little is left to wait for at the end. */
const SYNC_EVERY = 32 * 2 ** 20;
const UNFINISHED = /^unfinished-(\d+)-[0-9a-f]+$/;
const ownUnfinished = new Set<string>();

/** A name in the cache that nobody sweeps away while this process works on it: until {@link forgetUnfinished}. */
export function unfinishedName(): string {
  const name = `unfinished-${process.pid}-${randomBytes(6).toString('hex')}`;
  ownUnfinished.add(name);
  return name;
}

/** Removes what has an {@link unfinishedName}, if it is there. */
export async function forgetUnfinished(cacheDir: string, name: string): Promise<void> {
  await rm(join(cacheDir, name), { recursive: true, force: true }).catch(() => undefined);
  ownUnfinished.delete(name);
}

/** Where an entry that leaves files out lists all of them, one JSON object a line, as `LeftOut`. */
export const LEFT_OUT_FILE = 'left-out.jsonl';

/** `dataset.json`: the description, and sums (SHA-256, hex) that entries from before they were written do not have. */
const Stored = v.strictObject({
  ...v.omit(PreparedDataset, ['dir']).entries,
  /** Of `left-out.jsonl`; null where there is none. */
  leftOutSum: v.exactOptional(v.nullable(v.string())),
  /** Of all the other members, as JSON in their order. */
  sum: v.exactOptional(v.string()),
});
/** What is compared before anything else, in whatever order the members are. */
const Summed = v.looseObject({ sum: v.exactOptional(v.string()) });

const sumOf = (members: object): string => hash('sha256', JSON.stringify(members));

export interface Description {
  entry: PreparedDataset;
  /** Undefined where it was not noted. */
  leftOutSum: string | null | undefined;
}

/** Bytes of one image of a dataset. */
export const imageBytes = ({ settings }: Pick<PreparedDataset, 'settings'>): number =>
  settings.height * settings.width * settings.channels;

/** The whole entry `key` of the cache, or null when there is none; what is damaged is removed. */
export async function findEntry(cacheDir: string, key: string): Promise<PreparedDataset | null> {
  const dir = join(cacheDir, key);
  let text: string;
  try {
    text = await readFile(join(dir, 'dataset.json'), 'utf8');
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw unwritable(cacheDir, cause);
    await rm(dir, { recursive: true, force: true });
    return null;
  }
  const entry = parse(text, dir)?.entry;
  if (entry?.key === key && (await isWhole(entry))) return entry;
  await rm(dir, { recursive: true, force: true });
  return null;
}

/** What a folder of the cache says of itself, without a look at its images; null where it says nothing that can be read. */
export function describeEntry(dir: string): PreparedDataset | null {
  try {
    return parse(readFileSync(join(dir, 'dataset.json'), 'utf8'), dir)?.entry ?? null;
  } catch {
    return null;
  }
}

/** As {@link describeEntry}, with the sum of the list beside it. */
export async function readDescription(dir: string): Promise<Description | null> {
  return parse(await readFile(join(dir, 'dataset.json'), 'utf8').catch(() => ''), dir);
}

function parse(text: string, dir: string): Description | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const summed = v.safeParse(Summed, json);
  const parsed = v.safeParse(Stored, json);
  if (!summed.success || !parsed.success) return null;
  const { sum, ...members } = summed.output;
  if (sum !== undefined && sum !== sumOf(members)) return null;
  const { leftOutSum, sum: _, ...entry } = parsed.output;
  return { entry: { dir, ...entry }, leftOutSum };
}

/** Path of the list of all files that were left out of a dataset; null where there is none. */
export function leftOutFile({ dir }: Pick<PreparedDataset, 'dir'>): string | null {
  const path = join(dir, LEFT_OUT_FILE);
  return existsSync(path) ? path : null;
}

async function isWhole(entry: PreparedDataset): Promise<boolean> {
  const expected = [{ name: 'images.u8', bytes: entry.count * imageBytes(entry) }];
  if (entry.classes.length > 0) expected.push({ name: 'labels.u16', bytes: entry.count * 2 });
  for (const { name, bytes } of expected) {
    const found = await stat(join(entry.dir, name)).catch(() => null);
    if (found?.size !== bytes) return false;
  }
  return true;
}

/** Removes what killed processes left half-written. Folders of processes that still run are left alone. */
async function sweepUnfinished(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const pid = Number(UNFINISHED.exec(name)?.[1] ?? NaN);
    if (Number.isNaN(pid)) continue;
    const isLive = pid === process.pid ? ownUnfinished.has(name) : isRunning(pid);
    if (!isLive) await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCode(thrown) === 'EPERM';
  }
}

/**
 * Makes the cache folder if needed and sweeps it.
 * @throws {AppError} `dataset.cache-unwritable`.
 */
export async function openCache(cacheDir: string): Promise<void> {
  try {
    await mkdir(cacheDir, { recursive: true });
    await sweepUnfinished(cacheDir);
  } catch (cause) {
    throw unwritable(cacheDir, cause);
  }
}

/** A cache entry while it is written, in a folder beside its place: whole and synced before it gets its name. */
export class EntryWriter {
  /** Where files that are needed only while the entry is made may be put; removed with `finish`. */
  readonly scratch: string;
  private readonly folder: string;
  private readonly cacheDir: string;
  private readonly name: string;
  private readonly images: FileHandle;
  private unsynced = 0;
  private syncing: Promise<unknown> = Promise.resolve();

  private constructor(cacheDir: string, name: string, images: FileHandle) {
    this.cacheDir = cacheDir;
    this.name = name;
    this.folder = join(cacheDir, name);
    this.scratch = join(this.folder, 'scratch');
    this.images = images;
  }

  /**
   * @param bytes Size that the images will have, at most.
   * @throws {AppError} `disk.full`, `dataset.cache-unwritable`; likewise the methods.
   */
  static async create(cacheDir: string, bytes: number): Promise<EntryWriter> {
    const name = unfinishedName();
    try {
      const { bavail, bsize } = await statfs(cacheDir);
      if (bavail * bsize < bytes) throw noRoom(cacheDir, bytes);
      await mkdir(join(cacheDir, name));
      return new EntryWriter(cacheDir, name, await open(join(cacheDir, name, 'images.u8'), 'w'));
    } catch (cause) {
      await forgetUnfinished(cacheDir, name);
      throw writeError(cacheDir, cause);
    }
  }

  async append(pixels: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < pixels.length;) {
        done += (await this.images.write(pixels, done)).bytesWritten;
      }
      this.unsynced += pixels.length;
      if (this.unsynced < SYNC_EVERY) return;
      this.unsynced = 0;
      this.syncing = Promise.all([this.syncing, this.images.datasync()]);
      // A failure is told by finish: the system reports it only once.
      this.syncing.catch(() => undefined);
    } catch (cause) {
      throw writeError(this.cacheDir, cause);
    }
  }

  /** Writes labels, description and what was left out, syncs all to disk and gives the entry its place. */
  async finish(
    entry: Omit<PreparedDataset, 'dir'>,
    labels: Uint16Array | null,
    leftOut: LeftOutList,
  ): Promise<PreparedDataset> {
    const dir = join(this.cacheDir, entry.key);
    try {
      await rm(this.scratch, { recursive: true, force: true });
      await this.syncing;
      await this.images.sync();
      await this.images.close();
      if (labels !== null) {
        const bytes = new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength);
        await writeFile(join(this.folder, 'labels.u16'), bytes, { flush: true });
      }
      const leftOutSum =
        leftOut.count === 0 ? null : await writeLeftOut(join(this.folder, LEFT_OUT_FILE), leftOut);
      const members = { ...entry, leftOutSum };
      const text = JSON.stringify({ ...members, sum: sumOf(members) }, null, 1);
      await writeFile(join(this.folder, 'dataset.json'), text, { flush: true });
      await syncFolder(this.folder);
      await rename(this.folder, dir).catch(async (cause: unknown) => {
        const other = await findEntry(this.cacheDir, entry.key);
        if (other === null) throw cause;
        await rm(this.folder, { recursive: true, force: true });
      });
      await syncFolder(this.cacheDir);
      ownUnfinished.delete(this.name);
    } catch (cause) {
      throw writeError(this.cacheDir, cause);
    }
    return { dir, ...entry };
  }

  /** Removes what was written so far. */
  async discard(): Promise<void> {
    await this.images.close().catch(() => undefined);
    await forgetUnfinished(this.cacheDir, this.name);
  }
}

/** @returns the file's SHA-256 (hex) */
async function writeLeftOut(path: string, leftOut: LeftOutList): Promise<string> {
  const sum = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    for await (const part of leftOut.parts()) {
      sum.update(part);
      await file.writeFile(part);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return sum.digest('hex');
}

/** Makes new names in a folder survive a power cut. Windows has no such call and does it by itself. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function writeError(cacheDir: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return saysDiskFull(systemCode(cause)) ? noRoom(cacheDir, null, cause) : unwritable(cacheDir, cause);
}

function noRoom(cacheDir: string, bytes: number | null, cause?: unknown): AppError {
  const need = bytes === null ? '' : `${(bytes / 1e6).toFixed(0)} MB are needed. `;
  return diskFull(
    cacheDir,
    cause,
    `${need}Free some space on that disk, choose a smaller resolution, or another library folder. Nothing was left behind.`,
  );
}

function unwritable(cacheDir: string, cause: unknown): AppError {
  return new AppError(
    'dataset.cache-unwritable',
    `The prepared images cannot be stored in ${cacheDir} (${systemCode(cause) || String(cause)}). Check that it is a folder that you may write to, or choose another library folder.`,
    { cacheDir },
    { cause },
  );
}
