/** Prepared datasets: made, found again, listed and deleted. */
import { resolve } from 'node:path';
import type { ImageSettings, PreparedDataset } from '../../src-shared/dataset.ts';
import type { ApiEvent, DatasetView } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { CachedDataset, Run } from '../../src-shared/library.ts';
import type { OnProgress } from '../../src-shared/progress.ts';
import { findEntry } from '../datasets/cache-entry.ts';
import { identifySource } from '../datasets/sources.ts';
import type { Store } from '../store/open-store.ts';
import type { Intake } from './intake.ts';

export interface PrepareOptions {
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

export interface Datasets {
  /** Decodes images into the library's cache, or finds them there. See `prepareDataset`. @throws AppError `dataset.not-allowed` */
  prepare(source: string, settings: ImageSettings, options?: PrepareOptions): Promise<PreparedDataset>;
  /** What was last prepared from a source, if it is still in the cache; the images are not looked at. @throws AppError `dataset.not-allowed` */
  find(source: string, settings: ImageSettings): Promise<PreparedDataset | null>;
  /**
   * The images of a run, prepared again where they are gone from the cache.
   * @throws AppError `dataset.changed` when they are others now, and what `prepareDataset` throws
   */
  ofRun(run: Run, options?: PrepareOptions): Promise<PreparedDataset>;
  /** What the interface is told of a dataset. */
  view(prepared: PreparedDataset): DatasetView;
  /** The last used first. */
  list(): CachedDataset[];
  /** @throws AppError `dataset.in-use` */
  delete(key: string): void;
}

export function createDatasets(store: Store, intake: Intake, broadcast: (event: ApiEvent) => void): Datasets {
  const prepare = async (source: string, settings: ImageSettings, options?: PrepareOptions) => {
    const prepared = await intake.prepare(source, settings, options);
    store.datasets.put(prepared);
    broadcast({ type: 'datasets' });
    return prepared;
  };

  return {
    prepare,
    async find(source, settings) {
      await intake.require(source);
      const known = store.datasets.newest(await nameOf(source, settings), settings);
      if (known === null) return null;
      const entry = await findEntry(store.paths.cache, known.prepared.key);
      return entry === null ? null : { ...entry, source: known.prepared.source };
    },
    async ofRun(run, options) {
      const { source, settings, fingerprint, key, count } = run.dataset;
      // The cache is asked first: the images themselves may be gone or on a drive that is not connected.
      const cached = await findEntry(store.paths.cache, key);
      if (cached !== null && store.datasets.find(key) === null) {
        store.datasets.put({ ...cached, source });
        broadcast({ type: 'datasets' });
      }
      const prepared = cached === null ? await prepare(source, settings, options) : { ...cached, source };
      if (prepared.fingerprint === fingerprint) return prepared;
      throw new AppError(
        'dataset.changed',
        `The images in ${source} are not those that the run began with (${count} then, ${prepared.count} now). Bring them back, or start a new run.`,
        { source },
      );
    },
    view: ({ dir: _, ...prepared }) => ({ ...prepared, sourceName: intake.sourceName(prepared.source) }),
    list: () =>
      store.datasets.list().map(({ prepared: { dir: _, ...prepared }, lastUsedAt }) => ({
        prepared,
        sourceName: intake.sourceName(prepared.source),
        lastUsedAt,
        bytes: store.datasets.diskUse(prepared.key),
        runs: store.datasets.users(prepared.key).map(({ id }) => id),
      })),
    delete(key) {
      const source = store.datasets.find(key)?.prepared.source;
      store.datasets.delete(key);
      if (source !== undefined) void intake.release(source);
      broadcast({ type: 'datasets' });
    },
  };
}

/** What a source is called in `PreparedDataset.source`. */
async function nameOf(source: string, { height, width }: ImageSettings): Promise<string> {
  if (source.startsWith('upload:')) return source;
  if (!/^sample(:|$)/.test(source)) return resolve(source);
  const sample = await identifySource(source);
  if (sample.kind !== 'sample') return source;
  return `sample:${sample.count}x${sample.size ?? Math.max(height, width)}`;
}
