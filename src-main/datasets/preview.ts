import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Preview } from '../../src-shared/api.ts';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { OnProgress } from '../../src-shared/progress.ts';
import type { DecodeWorker } from './decode-workers.ts';
import { IdleWorkers } from './idle-workers.ts';
import { LeftOutList } from './left-out.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { pick, type Picked } from './pick.ts';
import { encodePng } from './png.ts';
import { addSizes, checkStillThere, emptySource, mostFrequent, nothingUsable } from './prepare-dataset.ts';
import { ProgressMeter } from './progress-meter.ts';
import { SAMPLE_SEED } from './sample/draw-face.ts';
import { type SourceLook, SourceLooks } from './source-looks.ts';
import { identifySource, pathOf, type Place } from './sources.ts';
import { PROBE, SAMPLE_SIZE, suggestSettings } from './suggest.ts';

const MOST_WORKERS = 4;
const MOST_KEPT = 16;
const MOST_KEPT_BYTES = 128 * 2 ** 20;
/** Decoded bytes of one preview. */
const MOST_BYTES = 64 * 2 ** 20;

export interface PreviewOptions {
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** Looks into sources: a few images, exactly as `prepareDataset` would make them. Their pictures are kept for the last few previews. */
export class Previews {
  private readonly looks = new SourceLooks();
  private readonly workers = new IdleWorkers();
  /** PNG files, the last used preview last. */
  private readonly kept = new Map<string, Uint8Array[]>();
  private readonly closing = new AbortController();
  private readonly folders: { readonly dir: string; readonly scratch: string };

  /** @param folders `dir` is passed over when it lies in a source; packed files are unpacked into `scratch` */
  constructor(folders: { readonly dir: string; readonly scratch: string }) {
    this.folders = folders;
  }

  /**
   * Chooses up to `count` images, spread over the source and always the same ones, and takes others for those that cannot be used.
   * @param settings null for those that suit what is found
   * @throws {AppError} as `prepareDataset`
   */
  async make(
    source: Place,
    settings: ImageSettings | null,
    count: number,
    { signal, onProgress }: PreviewOptions = {},
  ): Promise<Omit<Preview, 'sourceName'>> {
    const ending =
      signal === undefined ? this.closing.signal : AbortSignal.any([signal, this.closing.signal]);
    const workers = this.workers.take(Math.min(MOST_WORKERS, availableParallelism()));
    const stop = (): Promise<unknown> => Promise.all(workers.map((worker) => worker.stop(cancelled())));
    const onAbort = (): void => void stop();
    ending.addEventListener('abort', onAbort);
    try {
      if (ending.aborted) throw cancelled();
      const meter = new ProgressMeter(onProgress);
      meter.start('finding files', null);
      workers[0]!.onFound = (found) => meter.update(found);
      const looking: Looking = { name: pathOf(source), settings, count, workers, meter };
      const preview = await this.look(source, looking, ending);
      this.workers.putBack(workers);
      return preview;
    } catch (thrown) {
      await stop();
      throw ending.aborted ? cancelled() : thrown;
    } finally {
      ending.removeEventListener('abort', onAbort);
    }
  }

  /** A picture of a preview, as PNG. @throws {AppError} `preview.missing` */
  picture(id: string, index: number): Uint8Array {
    const pictures = this.kept.get(id);
    const picture = pictures?.[index];
    if (pictures === undefined || picture === undefined) {
      throw new AppError('preview.missing', 'This preview is not kept any more. Look at the images again.', {
        id,
        index,
      });
    }
    this.kept.delete(id);
    this.kept.set(id, pictures);
    return picture;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.workers.close();
  }

  private async look(
    source: Place,
    looking: Looking,
    signal: AbortSignal,
  ): Promise<Omit<Preview, 'sourceName'>> {
    const { settings, workers } = looking;
    const found = await identifySource(source);
    if (found.kind === 'sample') {
      const size =
        found.size ?? (settings === null ? SAMPLE_SIZE : Math.max(settings.height, settings.width));
      const images = { kind: 'sample', size, seed: SAMPLE_SEED } as const;
      return this.keep(await lookAt({ images, count: found.count, leftOut: [], leftOutCount: 0 }, looking));
    }
    const options = {
      limits: DEFAULT_LIMITS,
      exclude: await realpath(this.folders.dir).catch(() => this.folders.dir),
      scratch: this.folders.scratch,
      signal,
      scanner: workers[0]!,
    };
    const result = await this.looks.use(found, options, async (look, isRemembered) => {
      const looked = await lookAt(look, looking);
      return looked.vanished > 0 && isRemembered ? null : looked;
    });
    if (result !== null) return this.keep(result);
    // It has changed under the same names and times; the second look is not a remembered one.
    await this.looks.forget(found);
    return this.look(source, looking, signal);
  }

  private async keep({ settings, picked, files }: Looked): Promise<Omit<Preview, 'sourceName'>> {
    const pictures = await Promise.all(picked.map(({ pixels }) => encodePng(pixels, settings)));
    const id = randomBytes(10).toString('hex');
    this.kept.set(id, pictures);
    const bytesOf = (list: readonly Uint8Array[]): number =>
      list.reduce((sum, { length }) => sum + length, 0);
    let bytes = [...this.kept.values()].reduce((sum, list) => sum + bytesOf(list), 0);
    for (const [oldest, list] of this.kept) {
      if (oldest === id || (this.kept.size <= MOST_KEPT && bytes <= MOST_KEPT_BYTES)) break;
      this.kept.delete(oldest);
      bytes -= bytesOf(list);
    }
    return { id, count: pictures.length, files, sizes: sizesOf(picked), settings };
  }
}

interface Looking {
  /** What errors call the source. */
  name: string;
  settings: ImageSettings | null;
  count: number;
  workers: readonly DecodeWorker[];
  meter: ProgressMeter;
}

interface Looked {
  settings: ImageSettings;
  picked: Picked[];
  files: number;
  vanished: number;
}

async function lookAt(look: SourceLook, looking: Looking): Promise<Looked> {
  const { name, workers, meter } = looking;
  if (look.count === 0 && look.leftOutCount === 0) throw emptySource({ name });
  const withSettings = async (settings: ImageSettings): Promise<Looked> => {
    const imageBytes = settings.height * settings.width * settings.channels;
    const most = Math.max(1, Math.floor(MOST_BYTES / imageBytes));
    const count = Math.min(looking.count, most, look.count);
    meter.start('reading images', count);
    const work = { source: look.images, settings, limits: DEFAULT_LIMITS, count: look.count };
    const { picked, leftOut, vanished } = await pick(workers, work, count, (done) => meter.update(done));
    if (vanished > 0) await checkStillThere(name);
    if (picked.length === 0) {
      const all = new LeftOutList();
      all.append(look.leftOut, look.leftOutCount);
      all.append(leftOut.listed, leftOut.count);
      throw nothingUsable({ name }, all);
    }
    return { settings, picked, files: look.count, vanished };
  };
  if (looking.settings !== null) return withSettings(looking.settings);
  const probed = await withSettings(PROBE);
  const settings = suggestSettings(sizesOf(probed.picked), probed.picked);
  const isProbe = settings.height === PROBE.height && settings.channels === PROBE.channels;
  return isProbe ? probed : withSettings(settings);
}

function sizesOf(picked: readonly Picked[]): [number, number, number][] {
  const sizes = new Map<number, number>();
  for (const { width, height } of picked) addSizes(sizes, Uint32Array.of(width, height));
  return mostFrequent(sizes);
}

const cancelled = (): AppError => new AppError('cancelled', 'Looking at the images was cancelled.');
