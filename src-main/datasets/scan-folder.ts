import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';
import type { LeftOut } from '../../src-shared/dataset.ts';
import { type FileList, FileListBuilder } from './file-list.ts';
import { LeftOutList } from './left-out.ts';
import type { Limits } from './limits.ts';
import { systemCode } from './unusable.ts';

/** What a look into a source found, before anything is decoded. */
export interface ScannedFiles {
  files: FileList;
  leftOut: LeftOut[];
  leftOutCount: number;
  /** SHA-256 (hex) of what identifies the content: paths, sizes and times, or a zip's checksums. */
  identity: string;
}

/** Files that systems put beside images; not worth a line in the list of what was left out. */
export const isSystemFile = (name: string): boolean =>
  name.startsWith('.') || name === '__MACOSX' || name === 'Thumbs.db' || name === 'desktop.ini';

/**
 * Walks a folder, synchronously (for a worker thread), in the order of the full paths by code units. Links are not
 * followed, so that nothing outside the folder is read and no loop is entered; devices, pipes and sockets are not opened.
 * @param exclude Absolute folder that is skipped: the cache, should it lie inside the source.
 * @throws {AppError} `dataset.unreadable` or `dataset.missing` for the folder itself, `dataset.too-many-files`.
 */
export function scanFolder(
  root: string,
  exclude: string,
  limits: Limits,
  onCount: (count: number) => void,
): ScannedFiles {
  const files = new FileListBuilder();
  const leftOut = new LeftOutList();
  const hash = createHash('sha256');
  hash.update(`folder\0${root}\0`);

  const visit = (folder: string, prefix: string, names: string[]): void => {
    const entries: { name: string; stats: Stats }[] = [];
    for (const name of names) {
      if (isSystemFile(name)) continue;
      const stats = statsOf(join(folder, name), prefix + name, leftOut);
      if (stats !== null) entries.push({ name: stats.isDirectory() ? `${name}/` : name, stats });
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name, stats } of entries) {
      const path = prefix + name;
      if (stats.isDirectory()) {
        const inner = join(folder, name.slice(0, -1));
        if (inner === exclude) continue;
        const innerNames = namesIn(inner, path, leftOut);
        if (innerNames !== null) visit(inner, path, innerNames);
      } else if (stats.isFile()) {
        files.add(path, stats.size);
        hash.update(`${path}\0${stats.size}\0${stats.mtimeMs}\0${stats.ctimeMs}\n`);
        if (files.count > limits.files) throw tooManyFiles(root, limits);
        if (files.count % 1000 === 0) onCount(files.count);
      } else if (stats.isSymbolicLink()) {
        leftOut.add(path, 'link', 'Links are not followed; put the file itself into the folder.');
      } else {
        leftOut.add(path, 'not-a-file', 'It is a device, pipe or socket.');
      }
    }
  };

  visit(root, '', namesInRoot(root));
  hash.update(`\0${leftOut.count}`);
  onCount(files.count);
  return {
    files: files.build(),
    leftOut: leftOut.listed,
    leftOutCount: leftOut.count,
    identity: hash.digest('hex'),
  };
}

export const tooManyFiles = (source: string, limits: Limits): AppError =>
  new AppError(
    'dataset.too-many-files',
    `${source} holds more than ${limits.files} files, the most that one dataset may have. Split it, or choose a folder inside it.`,
    { source, limit: limits.files },
  );

function namesInRoot(root: string): string[] {
  try {
    return readdirSync(root);
  } catch (cause) {
    throw unreadableSource(root, cause);
  }
}

/** The error for a source that is not there or cannot be opened. */
export function unreadableSource(source: string, cause: unknown): AppError {
  const system = systemCode(cause);
  const missing = system === 'ENOENT' || system === 'ENOTDIR';
  return missing
    ? new AppError(
        'dataset.missing',
        `There is nothing at ${source}. Check the path for a typing error or a drive that is not connected.`,
        { source },
        { cause },
      )
    : new AppError(
        'dataset.unreadable',
        `${source} cannot be read (${system || String(cause)}). Check its permissions, or copy it to where you can read it.`,
        { source, system },
        { cause },
      );
}

function namesIn(folder: string, path: string, leftOut: LeftOutList): string[] | null {
  try {
    return readdirSync(folder);
  } catch (cause) {
    leftOut.add(path, 'unreadable', `The folder cannot be read (${systemCode(cause)}).`);
    return null;
  }
}

function statsOf(file: string, path: string, leftOut: LeftOutList): Stats | null {
  try {
    return lstatSync(file);
  } catch (cause) {
    leftOut.add(path, 'unreadable', `The file cannot be read (${systemCode(cause)}).`);
    return null;
  }
}
