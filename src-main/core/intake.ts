/** How images come into a library: what may be chosen, looked at, uploaded and prepared. */
import { basename, dirname, resolve } from 'node:path';
import type { ApiHandlers } from '../../src-shared/api.ts';
import type { ImageSettings, PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import { leftOutFile } from '../datasets/cache-entry.ts';
import { browse } from '../datasets/browse.ts';
import { DataRoots } from '../datasets/data-roots.ts';
import { encodePng } from '../datasets/png.ts';
import { prepareDataset, type PrepareOptions } from '../datasets/prepare-dataset.ts';
import { Previews } from '../datasets/preview.ts';
import { readImages } from '../datasets/read-images.ts';
import type { Place } from '../datasets/sources.ts';
import { isUpload, Uploads } from '../datasets/upload.ts';
import type { LibraryFolder } from '../store/library-folder.ts';
import type { Content, Files } from './files.ts';

export interface IntakeOptions {
  paths: Pick<LibraryFolder, 'dir' | 'cache' | 'uploads' | 'scratch'>;
  /** Folders of the machine that images may be taken from; null: all of it, where the user owns the machine. */
  dataRoots: readonly string[] | null;
  /** A prepared dataset by its key. */
  findDataset: (key: string) => PreparedDataset | null;
  /** Whether a run or a prepared dataset was made from this source: that stays allowed outside of the data roots. */
  isKnown: (source: string) => boolean;
  /** Whether an experiment, a run or a prepared dataset, also a deleted one that can be brought back, names this source. */
  isUsed: (source: string) => boolean;
}

export interface Intake {
  /** Does nothing for a source that may be used, whether or not it is there. @throws AppError `dataset.not-allowed` */
  require(source: string): Promise<void>;
  handlers: Pick<
    ApiHandlers,
    | 'datasets.browse'
    | 'datasets.preview'
    | 'datasets.select'
    | 'datasets.beginUpload'
    | 'datasets.finishUpload'
    | 'datasets.cancelUpload'
  >;
  files: Pick<Files, 'preview' | 'image' | 'leftOut' | 'receive'>;
  /**
   * As `prepareDataset`, for every kind of source; `source` of what it gives is the upload where it is one.
   * @throws AppError also `dataset.not-allowed`, `upload.missing`
   */
  prepare(
    source: string,
    settings: ImageSettings,
    options?: Omit<PrepareOptions, 'cacheDir'>,
  ): Promise<PreparedDataset>;
  /** What people call a source; see `DatasetView.sourceName`. */
  sourceName(source: string): string;
  /** To be called when something that named `source` is gone: an upload that nothing uses any more is deleted, if need be by {@link sweep}. */
  release(source: string): Promise<void>;
  /**
   * Removes what an earlier process left unfinished, and uploads that nothing uses: once, before anything begins, in a library that is open
   * to write.
   */
  sweep(): void;
  /** Ends what is under way. */
  close(): Promise<void>;
}

export function createIntake({ paths, dataRoots, findDataset, isKnown, isUsed }: IntakeOptions): Intake {
  const roots = new DataRoots(dataRoots);
  const uploads = new Uploads(paths);
  const previews = new Previews(paths);

  const sourceName = (source: string): string => {
    if (isSample(source)) return 'Drawn faces';
    return isUpload(source) ? uploads.nameOf(source) : basename(source) || source;
  };

  const isConfined = (source: string): boolean =>
    dataRoots !== null && !isSample(source) && !isUpload(source) && !isKnown(source);

  /** What the datasets are to read where `source` stands; the errors of `work` speak of the source and not of that place. */
  const locating = async <Result>(source: string, work: (place: Place) => Promise<Result>) => {
    if (!isUpload(source)) return work(isConfined(source) ? await roots.locate(source) : source);
    const selection = uploads.selection(source);
    // What goes wrong speaks of its folder, which is where a person has it.
    if (selection !== null) return work(selection);
    const place = await uploads.locate(source);
    try {
      return await work(place);
    } catch (thrown) {
      throw thrown instanceof AppError ? inOtherWords(thrown, place, uploads.nameOf(source)) : thrown;
    }
  };

  return {
    async require(source) {
      if (isConfined(source)) await roots.require(source);
    },
    handlers: {
      'datasets.browse': ({ path }, { signal }) => browse(path, roots, signal),
      'datasets.preview': ({ source, settings, count }, context) =>
        locating(source, async (place) => ({
          ...(await previews.make(place, settings, count, context)),
          sourceName: sourceName(source),
        })),
      async 'datasets.select'({ paths }) {
        const [first = ''] = paths;
        const folder = dirname(resolve(first));
        const isOneFolder = paths.every((path) => dirname(resolve(path)) === folder);
        if (dataRoots !== null || !isOneFolder) return { source: null };
        const names = paths.map((path) => basename(resolve(path)));
        return { source: await uploads.select(`${basename(first)} and more`, { folder, names }) };
      },
      'datasets.beginUpload': async (announced) => ({ id: await uploads.begin(announced) }),
      'datasets.finishUpload': async ({ id }) => ({ source: await uploads.finish(id) }),
      async 'datasets.cancelUpload'({ id }) {
        await uploads.cancel(id);
        return null;
      },
    },
    files: {
      preview: async (preview, index) => pngContent(previews.picture(preview, index)),
      async image(key, index) {
        const dataset = findDataset(key);
        if (dataset === null || !Number.isInteger(index) || index < 0 || index >= dataset.count) {
          throw new AppError('image.missing', 'There is no such image: its dataset may have been deleted.', {
            dataset: key,
            index,
          });
        }
        return pngContent(await encodePng(await readImages(dataset, [index]), dataset.settings));
      },
      async leftOut(key) {
        const dataset = findDataset(key);
        const path = dataset === null ? null : leftOutFile(dataset);
        if (path === null) {
          throw new AppError('list.missing', 'There is no list of what was left out of this dataset.', {
            dataset: key,
          });
        }
        return { kind: 'file', type: 'application/octet-stream', path };
      },
      receive: (upload, path, body) => uploads.receive(upload, path, body),
    },
    prepare: (source, settings, options) =>
      locating(source, async (place) => {
        const prepared = await prepareDataset(place, settings, {
          ...options,
          cacheDir: paths.cache,
          exclude: paths.dir,
        });
        return isUpload(source) ? { ...prepared, source } : prepared;
      }),
    sourceName,
    async release(source) {
      if (isUpload(source) && !isUsed(source)) await uploads.remove(source).catch(() => undefined);
    },
    sweep: () => uploads.sweep(isUsed),
    close: () => previews.close(),
  };
}

/** Whether a source names, or tries to name, what Ganvas draws itself. */
export const isSample = (source: string): boolean => /^sample(:|$)/.test(source);

const pngContent = (bytes: Uint8Array): Content => ({ kind: 'bytes', type: 'image/png', bytes });

/** An error that says `name` where it said `place`: a folder deep in the library tells nobody anything. */
function inOtherWords(error: AppError, place: string, name: string): AppError {
  const details = Object.entries(error.details).map(([key, value]) => [key, value === place ? name : value]);
  return new AppError(
    error.code,
    error.message.replaceAll(place, name),
    Object.fromEntries(details) as Record<string, unknown>,
    { cause: error },
  );
}
