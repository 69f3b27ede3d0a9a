import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import * as v from 'valibot';
import { ImageSettings, type PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { OnProgress } from '../../src-shared/progress.ts';
import { EntryWriter, findEntry, openCache, writeError } from './cache-entry.ts';
import { decodeInOrder } from './decode-in-order.ts';
import { DecodeWorker } from './decode-workers.ts';
import type { LeftOutList } from './left-out.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { openSource, type OpenSource } from './open-source.ts';
import { ProgressMeter } from './progress-meter.ts';

export interface PrepareOptions {
  /** Folder of the cache; made if it is not there. Each prepared dataset is one folder in it. */
  cacheDir: string;
  onProgress?: OnProgress;
  signal?: AbortSignal;
  limits?: Partial<Limits>;
}

/** Changes whenever the same files would give other pixels than before, so that old entries are not taken. */
const CACHE_VERSION = 1;
const MOST_WORKERS = 16;
const MOST_SIZES = 200;

/**
 * Decodes a source once into the cache and gives its description; at once when that was done before.
 *
 * `source` is a folder (first-level sub-folders are classes), a zip of such a folder, an IDX file of images or a folder
 * of them (labels beside them are classes), or `sample`, `sample:<count>`, `sample:<count>x<size>` for the faces that
 * Ganvas draws. Images are taken by content, not by name, in the order of their paths, so that the same files always
 * give the same fingerprint. What cannot be used is listed in `leftOut`; hidden files and links are not read.
 *
 * @throws {AppError} `cancelled`; `dataset.missing`, `.unreadable`, `.unknown-file`, `.one-image`, `.empty`,
 * `.no-images`, `.all-broken`, `.vanished`, `.too-many-files`, `.zip-*`, `.idx-*`, `.sample`; `dataset.disk-full`,
 * `dataset.cache-unwritable`. Nothing is left in the cache then.
 */
export async function prepareDataset(
  source: string,
  settings: ImageSettings,
  options: PrepareOptions,
): Promise<PreparedDataset> {
  const preparation = new Preparation(source, v.parse(ImageSettings, settings), options);
  return preparation.run();
}

class Preparation {
  private readonly source: string;
  private readonly settings: ImageSettings;
  private readonly signal: AbortSignal | undefined;
  private readonly limits: Limits;
  private readonly meter: ProgressMeter;
  private readonly workers: DecodeWorker[] = [];
  private cacheDir: string;

  constructor(source: string, settings: ImageSettings, options: PrepareOptions) {
    this.source = source;
    this.settings = settings;
    this.signal = options.signal;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.meter = new ProgressMeter(options.onProgress);
    this.cacheDir = resolve(options.cacheDir);
  }

  async run(): Promise<PreparedDataset> {
    const onAbort = (): void => void this.stopWorkers(cancelled());
    this.signal?.addEventListener('abort', onAbort);
    try {
      this.throwIfCancelled();
      await openCache(this.cacheDir);
      this.cacheDir = await realpath(this.cacheDir);
      const open = await this.open();
      this.throwIfCancelled();
      const key = keyOf(open.identity, this.settings, this.limits);
      const cached = await findEntry(this.cacheDir, key);
      if (cached !== null) return { ...cached, source: open.name };
      if (open.count === 0 && open.leftOut.count === 0) throw emptySource(open);
      return await this.decode(open, key);
    } catch (thrown) {
      throw this.signal?.aborted === true ? cancelled() : thrown;
    } finally {
      this.signal?.removeEventListener('abort', onAbort);
      await this.stopWorkers(cancelled());
    }
  }

  private open(): Promise<OpenSource> {
    this.meter.start('finding files', null);
    return openSource(this.source, {
      settings: this.settings,
      limits: this.limits,
      exclude: this.cacheDir,
      signal: this.signal,
      scanner: () => {
        const worker = this.startWorker();
        if (availableParallelism() > 1) this.startWorker();
        worker.onFound = (count) => this.meter.update(count);
        return worker;
      },
    });
  }

  private async decode(open: OpenSource, key: string): Promise<PreparedDataset> {
    const { height, width, channels } = this.settings;
    const writer = await EntryWriter.create(this.cacheDir, open.count * height * width * channels);
    try {
      const images = await open.imagesFor(writer.scratch).catch((thrown: unknown) => {
        throw thrown instanceof AppError ? thrown : writeError(this.cacheDir, thrown);
      });
      const hash = createHash('sha256');
      const used = new Uint8Array(open.count);
      const sizes = new Map<number, number>();
      const { leftOut } = open;
      let count = 0;
      let vanished = 0;
      while (this.workers.length < Math.min(MOST_WORKERS, availableParallelism())) this.startWorker();
      this.meter.start('reading images', open.count);
      const work = { source: images, settings: this.settings, limits: this.limits, count: open.count };
      for await (const { first, end, decoded } of decodeInOrder(this.workers, work)) {
        await writer.append(decoded.pixels);
        hash.update(decoded.pixels);
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
      const entry = {
        key,
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
      return await writer.finish(entry, classes.labels);
    } catch (thrown) {
      await this.stopWorkers(cancelled());
      await writer.discard();
      throw thrown;
    }
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
    const text = `${name} holds no images: none of its ${leftOut.count} files is a PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF. Choose the folder that holds them.`;
    return new AppError('dataset.no-images', text, details);
  }
  return new AppError(
    'dataset.all-broken',
    `None of the ${leftOut.count} files in ${name} can be used. The first, ${first.file}: ${first.reason} Copy the images again from where they came.`,
    details,
  );
}
