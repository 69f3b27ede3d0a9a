import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';
import { unreadableSource } from './scan-folder.ts';

/** The folders of the machine that images may be taken from: what lies in them after all links have been followed, nothing else. */
export class DataRoots {
  private readonly given: readonly string[] | null;

  /** @param paths null: everything that this process may read, for a shell whose user owns the machine */
  constructor(paths: readonly string[] | null) {
    this.given = paths === null ? null : paths.map((path) => resolve(path));
  }

  /** The roots that are there now, without links. Where everything is allowed, looking around begins at the user's own folder. */
  async present(): Promise<string[]> {
    const paths = await Promise.all((this.given ?? [homedir()]).map(realpathOrNull));
    return [...new Set(paths.filter((path) => path !== null))];
  }

  /**
   * Does nothing for a path inside of the roots, whether or not there is something.
   * @throws {AppError} `dataset.not-allowed`
   */
  async require(path: string): Promise<void> {
    if (await this.holds(await nearest(resolve(path)))) return;
    throw new AppError(
      'dataset.not-allowed',
      `${path} is outside of the folders that Ganvas was started with. Choose one inside them, start Ganvas with that folder too, or upload the images.`,
      { path },
    );
  }

  /**
   * Where `path` really is.
   * @throws {AppError} `dataset.not-allowed`, `dataset.missing`, `dataset.unreadable`
   */
  async locate(path: string): Promise<string> {
    await this.require(path);
    let found: string;
    try {
      found = await realpath(path);
    } catch (cause) {
      throw unreadableSource(resolve(path), cause);
    }
    // Once more: what was asked for and what is given must be one place, also when a link has changed in between.
    await this.require(found);
    return found;
  }

  /** The folder above, null where that is outside. @param path without links */
  async above(path: string): Promise<string | null> {
    const parent = dirname(path);
    return parent !== path && (await this.holds(parent)) ? parent : null;
  }

  private async holds(path: string): Promise<boolean> {
    return this.given === null || (await this.present()).some((root) => isWithin(root, path));
  }
}

async function realpathOrNull(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch {
    return null;
  }
}

/**
 * The path without links or, where nothing is, the nearest folder above it that is there: whoever asks must not learn what exists
 * outside.
 */
async function nearest(path: string): Promise<string> {
  const found = await realpathOrNull(path);
  return found ?? (dirname(path) === path ? path : nearest(dirname(path)));
}

function isWithin(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
