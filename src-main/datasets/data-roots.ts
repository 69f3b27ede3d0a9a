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
   * Where `path` really is.
   * @throws {AppError} `dataset.not-allowed` when that is outside of the roots, or would be if it were there; `dataset.missing`,
   * `dataset.unreadable`
   */
  async locate(path: string): Promise<string> {
    const given = resolve(path);
    let cause: unknown;
    let found: string | null = null;
    try {
      found = await realpath(given);
    } catch (thrown) {
      cause = thrown;
    }
    if (!(await this.holds(found ?? (await nearest(given))))) throw notAllowed(path);
    if (found === null) throw unreadableSource(given, cause);
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

/** The nearest folder above that is there, without links: whoever asks must not learn what exists outside. */
async function nearest(path: string): Promise<string> {
  const parent = dirname(path);
  if (parent === path) return path;
  return (await realpathOrNull(parent)) ?? nearest(parent);
}

function isWithin(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

const notAllowed = (path: string): AppError =>
  new AppError(
    'dataset.not-allowed',
    `${path} is outside of the folders that Ganvas was started with. Choose one inside them, start Ganvas with that folder too, or upload the images.`,
    { path },
  );
