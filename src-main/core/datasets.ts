/** Prepared datasets: made, found again, listed and deleted. */
import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ImageSettings, PreparedDataset } from '../../src-shared/dataset.ts';
import type { ApiEvent, DatasetView } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { CachedDataset, Run, RunDataset } from '../../src-shared/library.ts';
import type { OnProgress } from '../../src-shared/progress.ts';
import { describeEntry, findEntry, leftOutFile } from '../datasets/cache-entry.ts';
import { isSound } from '../datasets/sound-entry.ts';
import { identifySource } from '../datasets/sources.ts';
import { isUpload } from '../datasets/upload.ts';
import type { DatasetUser } from '../store/datasets.ts';
import type { Store } from '../store/open-store.ts';
import type { Intake } from './intake.ts';

export interface PrepareOptions {
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** A folder in the library's cache, as the command line tells of it. Null is what it does not tell any more. */
export interface CacheEntry {
  key: string;
  /** Where its images came from, the last time. */
  source: string | null;
  /** What people call that: an upload by the name that was dropped. */
  sourceName: string | null;
  /** Everywhere that they came from. */
  sources: string[];
  settings: ImageSettings | null;
  /** Images. */
  count: number | null;
  leftOutCount: number;
  /** The list of all files that were left out, one JSON object a line. */
  leftOutFile: string | null;
  /** What it takes on the disk. */
  bytes: number;
  /** Milliseconds since 1970. */
  lastUsedAt: number;
  /** The runs made with it. To resume one of them when it is gone, its images are prepared again. */
  runs: DatasetUser[];
}

/** `source`: where a run's images lie now, when they are not any more where they came from. */
export interface MovedSource {
  source?: string;
}

export interface Datasets {
  /** Decodes images into the library's cache, or finds them there. See `prepareDataset`. @throws AppError `dataset.not-allowed` */
  prepare(source: string, settings: ImageSettings, options?: PrepareOptions): Promise<PreparedDataset>;
  /** What was last prepared from a source, if it is still in the cache; the images are not looked at. @throws AppError `dataset.not-allowed` */
  find(source: string, settings: ImageSettings): Promise<PreparedDataset | null>;
  /**
   * As {@link find}, with all its bytes compared with what was written; prepared where it is not there or damaged.
   * @throws AppError `dataset.gone` when it is damaged and its images are gone, and what `prepareDataset` throws
   */
  ready(source: string, settings: ImageSettings, options?: PrepareOptions): Promise<PreparedDataset>;
  /**
   * The images of a run, prepared again where they are gone from the cache or damaged there.
   * @throws AppError `dataset.changed` when they are others now, `dataset.gone` when they are nowhere, and what `prepareDataset` throws
   */
  ofRun(run: Run, options?: PrepareOptions & MovedSource): Promise<PreparedDataset>;
  /** What the interface is told of a dataset. */
  view(prepared: PreparedDataset): DatasetView;
  /** The last used first. */
  list(): CachedDataset[];
  /** All that lies in the cache, also what no dataset can be made of any more: for the command line. */
  entries(): CacheEntry[];
  /** @throws AppError `dataset.in-use` */
  delete(key: string): void;
}

export function createDatasets(store: Store, intake: Intake, broadcast: (event: ApiEvent) => void): Datasets {
  const note = (prepared: PreparedDataset) => {
    store.datasets.put(prepared);
    broadcast({ type: 'datasets' });
    return prepared;
  };
  const prepare = async (source: string, settings: ImageSettings, options?: PrepareOptions) =>
    note(await intake.prepare(source, settings, options));
  const find = async (source: string, settings: ImageSettings) => {
    await intake.require(source);
    const known = store.datasets.newest(await nameOf(source, settings), settings);
    if (known === null) return null;
    const entry = await findEntry(store.paths.cache, known.prepared.key);
    return entry === null ? null : { ...entry, source: known.prepared.source };
  };

  /** What lies in the cache although no row knows it, with what it says of itself. */
  const strays = () =>
    store.datasets.strays().map((key) => {
      const dir = store.paths.cacheFolder(key);
      const prepared = describeEntry(dir);
      const lastUsedAt = statSync(dir).mtimeMs;
      return { key, lastUsedAt, described: prepared?.key === key ? { prepared, lastUsedAt } : null };
    });
  const entryOf = (key: string, prepared: PreparedDataset | null, lastUsedAt: number): CacheEntry => {
    const { source = null, settings = null, count = null, leftOutCount = 0 } = prepared ?? {};
    const sources = new Set([...(source === null ? [] : [source]), ...store.datasets.sources(key)]);
    return {
      key,
      source,
      sourceName: source !== null && isUpload(source) ? intake.sourceName(source) : source,
      sources: [...sources],
      settings,
      count,
      leftOutCount,
      leftOutFile: prepared === null ? null : leftOutFile(prepared),
      bytes: store.datasets.diskUse(key),
      lastUsedAt,
      runs: store.datasets.users(key),
    };
  };

  return {
    prepare,
    find,
    async ready(source, settings, options) {
      const found = await find(source, settings);
      if (found === null) return prepare(source, settings, options);
      if (await isSound(found, options)) return found;
      return prepare(source, settings, options).catch((error: unknown) => {
        throw goneAsWell(error, 'damaged in the library', source);
      });
    },
    async ofRun(run, { source: moved, ...options } = {}) {
      const { source, settings, fingerprint, key } = run.dataset;
      const prepareSame = async (place: string) => {
        const prepared = await intake.prepare(place, settings, options);
        if (prepared.fingerprint === fingerprint) return note(prepared);
        // Nobody has asked for these.
        if (store.datasets.find(prepared.key) === null)
          await rm(prepared.dir, { recursive: true, force: true });
        throw changed(run.dataset, prepared);
      };
      if (moved !== undefined) return prepareSame(moved);
      // The cache is asked first: the images themselves may be gone or on a drive that is not connected.
      const cached = await findEntry(store.paths.cache, key);
      if (cached !== null && cached.fingerprint === fingerprint && (await isSound(cached, options))) {
        const found = { ...cached, source };
        return store.datasets.find(key) === null ? note(found) : found;
      }
      return prepareSame(source).catch((error: unknown) => {
        const where = cached === null ? 'not in the library any more' : 'damaged in the library';
        throw goneAsWell(error, where, source);
      });
    },
    view: ({ dir: _, ...prepared }) => ({ ...prepared, sourceName: intake.sourceName(prepared.source) }),
    list: () =>
      [...store.datasets.list(), ...strays().flatMap(({ described }) => described ?? [])].map(
        ({ prepared: { dir: _, ...prepared }, lastUsedAt }) => ({
          prepared,
          sourceName: intake.sourceName(prepared.source),
          lastUsedAt,
          bytes: store.datasets.diskUse(prepared.key),
          runs: store.datasets.users(prepared.key).map(({ id }) => id),
        }),
      ),
    entries: () => [
      ...store.datasets.list().map(({ prepared, lastUsedAt }) => entryOf(prepared.key, prepared, lastUsedAt)),
      ...strays().map(({ key, described, lastUsedAt }) =>
        entryOf(key, described?.prepared ?? null, lastUsedAt),
      ),
    ],
    delete(key) {
      const source = store.datasets.find(key)?.prepared.source;
      store.datasets.delete(key);
      if (source !== undefined) void intake.release(source);
      broadcast({ type: 'datasets' });
    },
  };
}

/** An error about a source that is not there, when its prepared images cannot be had either; other errors stay as they are. */
function goneAsWell(error: unknown, where: string, source: string): unknown {
  if (!(error instanceof AppError && ['dataset.missing', 'upload.missing'].includes(error.code)))
    return error;
  return new AppError(
    'dataset.gone',
    `The prepared images are ${where}, and what they were made from is not at ${source} any more. Put it back there.`,
    { source },
    { cause: error },
  );
}

/** The error about images that are not those of a run, saying what differs. */
function changed(then: RunDataset, now: PreparedDataset): AppError {
  const inWords = (classes: readonly string[]) => (classes.length === 0 ? 'none' : classes.join(', '));
  const classes = [inWords(then.classes), inWords(now.classes)] as const;
  const difference =
    then.count !== now.count
      ? `${then.count} then, ${now.count} now`
      : classes[0] === classes[1]
        ? `${then.count} then and now, but at least one has other pixels or another place in the order of names`
        : `their classes were ${classes[0]}, and are ${classes[1]} now`;
  return new AppError(
    'dataset.changed',
    `The images in ${now.source} are not those that the run began with (${difference}). Bring them back, or start a new run.`,
    { source: now.source },
  );
}

/** What a source is called in `PreparedDataset.source`. */
async function nameOf(source: string, { height, width }: ImageSettings): Promise<string> {
  if (source.startsWith('upload:')) return source;
  if (!/^sample(:|$)/.test(source)) return resolve(source);
  const sample = await identifySource(source);
  if (sample.kind !== 'sample') return source;
  return `sample:${sample.count}x${sample.size ?? Math.max(height, width)}`;
}
