/** Which images may be read: in the desktop app and on the command line all that the person may, on a server what it was told. */
import { realpath } from 'node:fs/promises';
import { basename, isAbsolute, relative, resolve, sep } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import { identifySource } from '../datasets/sources.ts';

export interface Sources {
  /**
   * Does nothing for a source that may be used.
   * @throws AppError `dataset.not-allowed`
   */
  require(source: string): Promise<void>;
  /** What the source is called in `PreparedDataset.source`. @throws AppError `dataset.sample` */
  nameOf(source: string, settings: ImageSettings): Promise<string>;
  /** What people call a source: the name of the folder or file. */
  titleOf(source: string): string;
}

/**
 * @param roots folders whose content may be used, beside uploads, what Ganvas draws and what is known; null allows everything
 * @param knows whether the library has made something of this source before
 */
export function createSources(roots: readonly string[] | null, knows: (source: string) => boolean): Sources {
  const nameOf = async (source: string, { height, width }: ImageSettings) => {
    if (source.startsWith('upload:')) return source;
    if (!isSample(source)) return resolve(source);
    const sample = await identifySource(source);
    if (sample.kind !== 'sample') return resolve(source);
    return `sample:${sample.count}x${sample.size ?? Math.max(height, width)}`;
  };

  return {
    nameOf,
    titleOf: (source) => basename(source),
    async require(source) {
      if (roots === null || isSample(source) || source.startsWith('upload:')) return;
      if (isAbsolute(source) && knows(source)) return;
      const path = await realpath(source).catch(() => resolve(source));
      for (const root of roots) {
        if (isAbsolute(source) && inside(await realpath(root).catch(() => resolve(root)), path)) return;
      }
      throw new AppError(
        'dataset.not-allowed',
        'These images lie outside of the folders that this server may read. Choose others, or start the server with their folder.',
        { source },
      );
    },
  };
}

const isSample = (source: string) => source === 'sample' || source.startsWith('sample:');

/** Whether a path is a folder or lies below it; both absolute and without links. */
function inside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
