import { createHash } from 'node:crypto';
import { realpath, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { ImageSettings, type PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { OnProgress } from '../../src-shared/progress.ts';
import {
  EntryWriter,
  findEntry,
  forgetUnfinished,
  openCache,
  unfinishedName,
  writeError,
} from './cache-entry.ts';
import { decodeInOrder, type DecodeWork, digestInOrder } from './decode-in-order.ts';
import { DecodeWorker } from './decode-workers.ts';
import type { FolderLook } from './folder-identity.ts';
import type { LeftOutList } from './left-out.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { type Content, openSource, type OpenSource } from './open-source.ts';
import type { Place } from './sources.ts';
import { ProgressMeter } from './progress-meter.ts';
import { recall, remember } from './shortcut.ts';
import { isSound } from './sound-entry.ts';
import type { ImageSource } from './worker-messages.ts';

export interface PrepareOptions {
  /** Folder of the cache; made if it is not there. Each prepared dataset is one folder in it. */
  cacheDir: string;
  /** Folder that is skipped when it lies in the source, such as the library itself; absent: the cache. */
  exclude?: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  limits?: Partial<Limits>;
}

/** Changes whenever the same files would give other pixels than before, so that old entries are not taken. */
const CACHE_VERSION = 2;
const MOST_WORKERS = 16;
const MOST_SIZES = 200;

/**
 * Decodes a source once into the cache and gives its description; at once when that was done before.
 *
 * `source` is a folder (first-level sub-folders are classes), a zip of such a folder, an IDX file of images or a folder
 * of them (labels beside them are classes), or `sample`, `sample:<count>`, `sample:<count>x<size>` for the faces that
 * Ganvas draws; or some of the files and sub-folders of a folder. Images are taken by content, not by name, in the order of their paths, so that the same files always
 * give the same fingerprint. What cannot be used is listed in `leftOut`, and all of it in a file beside the images;
 * hidden files and links are not read.
 *
 * The cache goes by content and settings: a folder that was moved, copied or touched is recognised by the paths in it and
 * the bytes of its files, without decoding. One that is as it was (same place, sizes and times of change) is not even read;
 * a file whose bytes changed while its size, time of change and time of status change all stayed goes unnoticed.
 * A zip and IDX files are known by their bytes. An entry whose bytes are not those that were written is made anew.
 *
 * @throws {AppError} `cancelled`; `dataset.missing`, `.unreadable`, `.unknown-file`, `.one-image`, `.empty`,
 * `.no-images`, `.all-broken`, `.vanished`, `.too-many-files`, `.zip-*`, `.idx-*`, `.sample`; `disk.full`,
 * `dataset.cache-unwritable`. Nothing is left in the cache then.
 */
export async function prepareDataset(
  source: Place,
  settings: ImageSettings,
  options: PrepareOptions,
): Promise<PreparedDataset> {
  const preparation = new Preparation(source, v.parse(ImageSettings, settings), options);
  return preparation.run();
}

class Preparation {
  private readonly source: Place;
  private readonly settings: ImageSettings;
  private readonly signal: AbortSignal | undefined;
  private readonly limits: Limits;
  private readonly onProgress: OnProgress | undefined;
  private readonly meter: ProgressMeter;
  private readonly overflow = unfinishedName();
  private readonly workers: DecodeWorker[] = [];
  private cacheDir: string;
  private exclude: string | undefined;

  constructor(source: Place, settings: ImageSettings, options: PrepareOptions) {
    this.source = source;
    this.settings = settings;
    this.signal = options.signal;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.onProgress = options.onProgress;
    this.meter = new ProgressMeter(options.onProgress);
    this.cacheDir = resolve(options.cacheDir);
    this.exclude = options.exclude;
  }

  async run(): Promise<PreparedDataset> {
    const onAbort = (): void => void this.stopWorkers(cancelled());
    this.signal?.addEventListener('abort', onAbort);
    try {
      this.throwIfCancelled();
      await openCache(this.cacheDir);
      this.cacheDir = await realpath(this.cacheDir);
      if (this.exclude !== undefined) this.exclude = await realpath(this.exclude);
      const open = await this.open();
      this.throwIfCancelled();
      if (open.count === 0 && open.leftOut.count === 0) throw emptySource(open);
      const key = await this.knownKey(open);
      this.throwIfCancelled();
      const cached = key === null ? null : await this.findSound(key);
      const prepared = cached === null ? await this.decode(open) : { ...cached, source: open.name };
      if (open.content.kind === 'files') await remember(prepared.dir, this.lookHere(open.content));
      return prepared;
    } catch (thrown) {
      throw this.signal?.aborted === true ? cancelled() : thrown;
    } finally {
      this.signal?.removeEventListener('abort', onAbort);
      await this.stopWorkers(cancelled());
      await forgetUnfinished(this.cacheDir, this.overflow);
    }
  }

  /** The entry of a key, or null; one that is damaged is removed, since its source is at hand. */
  private async findSound(key: string): Promise<PreparedDataset | null> {
    const { onProgress, signal } = this;
    const entry = await findEntry(this.cacheDir, key);
    if (entry === null || (await isSound(entry, { onProgress, signal }))) return entry;
    await rm(entry.dir, { recursive: true, force: true });
    return null;
  }

  private open(): Promise<OpenSource> {
    this.meter.start('finding files', null);
    return openSource(this.source, {
      settings: this.settings,
      limits: this.limits,
      exclude: this.exclude ?? this.cacheDir,
      signal: this.signal,
      overflow: join(this.cacheDir, this.overflow),
      scanners: () => {
        const worker = this.startWorker();
        if (availableParallelism() > 1) this.startWorker();
        worker.onFound = (count) => this.meter.update(count);
        return this.workers;
      },
    });
  }

  /** The key under which the images may be in the cache; null when they are surely not there. */
  private async knownKey(open: OpenSource): Promise<string | null> {
    const { content } = open;
    if (content.kind === 'hash') return this.keyOf(content.hash);
    const recalled = await recall(this.cacheDir, this.lookHere(content));
    if (recalled === 'unknown') return null;
    if (recalled !== 'similar') return recalled.key;
    this.startWorkers();
    this.meter.start('comparing files', open.count);
    const hash = content.newHash();
    const work = this.workOn(open, await open.imagesFor(this.cacheDir));
    for await (const { end, answer } of digestInOrder(this.workers, work)) {
      hash.update(answer);
      this.meter.update(end);
    }
    return this.keyOf(hash.digest('hex'));
  }

  /** How the folder looks, seen with these settings: the same images at other settings are another entry. */
  private lookHere({ look }: Extract<Content, { kind: 'files' }>): FolderLook {
    return { outline: this.keyOf(look.outline), stamp: this.keyOf(look.stamp) };
  }

  private keyOf(identity: string): string {
    return keyOf(identity, this.settings, this.limits);
  }

  private workOn(open: OpenSource, source: ImageSource): DecodeWork {
    return { source, settings: this.settings, limits: this.limits, count: open.count };
  }

  private async decode(open: OpenSource): Promise<PreparedDataset> {
    const { height, width, channels } = this.settings;
    const writer = await EntryWriter.create(this.cacheDir, open.count * height * width * channels);
    try {
      const images = await open.imagesFor(writer.scratch).catch((thrown: unknown) => {
        throw thrown instanceof AppError ? thrown : writeError(this.cacheDir, thrown);
      });
      const hash = createHash('sha256');
      const contentHash = open.content.kind === 'files' ? open.content.newHash() : null;
      const used = new Uint8Array(open.count);
      const sizes = new Map<number, number>();
      const { leftOut } = open;
      let count = 0;
      let vanished = 0;
      this.startWorkers();
      this.meter.start('reading images', open.count);
      for await (const { first, end, answer: decoded } of decodeInOrder(
        this.workers,
        this.workOn(open, images),
      )) {
        const written = writer.append(decoded.pixels);
        hash.update(decoded.pixels);
        contentHash?.update(decoded.digests);
        await written;
        used.set(decoded.used, first);
        leftOut.append(decoded.leftOut, decoded.leftOutCount);
        vanished += decoded.vanished;
        count += decoded.sizes.length / 2;
        addSizes(sizes, decoded.sizes);
        this.meter.update(end);
        this.throwIfCancelled();
      }
      if (vanished > 0) await checkStillThere(open.name);
      if (count === 0) throw nothingUsable(open, leftOut);
      const classes = open.classesOf(used);
      if (classes.labels !== null) hash.update(classes.labels);
      const identity = open.content.kind === 'hash' ? open.content.hash : contentHash!.digest('hex');
      const entry = {
        key: this.keyOf(identity),
        source: open.name,
        settings: this.settings,
        count,
        classes: classes.names,
        classCounts: classes.counts,
        fingerprint: hash.digest('hex'),
        sizes: mostFrequent(sizes),
        leftOut: leftOut.listed.sort((a, b) => (a.file < b.file ? -1 : 1)),
        leftOutCount: leftOut.count,
      };
      await this.stopWorkers(cancelled());
      this.throwIfCancelled();
      return await writer.finish(entry, classes.labels, leftOut);
    } catch (thrown) {
      await this.stopWorkers(cancelled());
      await writer.discard();
      throw thrown;
    }
  }

  private startWorkers(): void {
    while (this.workers.length < Math.min(MOST_WORKERS, availableParallelism())) this.startWorker();
  }

  private startWorker(): DecodeWorker {
    const worker = new DecodeWorker();
    this.workers.push(worker);
    return worker;
  }

  private async stopWorkers(reason: AppError): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop(reason)));
  }

  private throwIfCancelled(): void {
    if (this.signal?.aborted === true) throw cancelled();
  }
}

/** Some files vanishing is their owner's work; the whole source vanishing is a drive that was pulled. */
export async function checkStillThere(name: string): Promise<void> {
  try {
    await stat(name);
  } catch (cause) {
    throw new AppError(
      'dataset.vanished',
      `${name} disappeared while it was read. Connect the drive again or put the folder back, then start again.`,
      { source: name },
      { cause },
    );
  }
}

function keyOf(identity: string, settings: ImageSettings, limits: Limits): string {
  const { height, width, channels, fit } = settings;
  const parts = [CACHE_VERSION, identity, height, width, channels, fit, limits.fileBytes, limits.imagePixels];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);
}

const SIZE_BASE = 2 ** 26;

export function addSizes(sizes: Map<number, number>, widthsAndHeights: Uint32Array): void {
  for (let i = 0; i < widthsAndHeights.length; i += 2) {
    const size = widthsAndHeights[i]! * SIZE_BASE + widthsAndHeights[i + 1]!;
    sizes.set(size, (sizes.get(size) ?? 0) + 1);
  }
}

export const mostFrequent = (sizes: Map<number, number>): [number, number, number][] =>
  [...sizes]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, MOST_SIZES)
    .map(([size, count]) => [Math.floor(size / SIZE_BASE), size % SIZE_BASE, count]);

const cancelled = (): AppError =>
  new AppError('cancelled', 'Preparing the images was cancelled; nothing was left behind.');

export const emptySource = ({ name }: Pick<OpenSource, 'name'>): AppError =>
  new AppError('dataset.empty', `${name} is empty. Put images into it, or choose another folder.`, {
    source: name,
  });

export function nothingUsable({ name }: Pick<OpenSource, 'name'>, leftOut: LeftOutList): AppError {
  const details = { source: name, leftOut: leftOut.listed, leftOutCount: leftOut.count };
  const notImages = new Set(['not-an-image', 'link', 'not-a-file']);
  const first = leftOut.listed.find(({ code }) => !notImages.has(code));
  if (first === undefined) {
    const text = `${name} holds no images: ${leftOut.count === 1 ? 'its only file is not' : `none of its ${leftOut.count} files is`} a PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF. Choose the folder that holds them.`;
    return new AppError('dataset.no-images', text, details);
  }
  return new AppError(
    'dataset.all-broken',
    `None of the ${leftOut.count} files in ${name} can be used. The first, ${first.file}: ${first.reason} Copy the images again from where they came.`,
    details,
  );
}
