import { createHash } from 'node:crypto';
import { type Dirent, existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';
import type { LeftOut } from '../../src-shared/dataset.ts';
import { type FileList, FileListBuilder, pathAt } from './file-list.ts';
import { LeftOutList } from './left-out.ts';
import type { Limits } from './limits.ts';
import { systemCode } from './unusable.ts';

/** What a look into a source found, before anything is decoded. */
export interface ScannedFiles {
  files: FileList;
  /** The first thousand. */
  leftOut: LeftOut[];
  leftOutCount: number;
}

export interface ScanOptions {
  root: string;
  /** Names in the root: only these are read; null: all. */
  only: readonly string[] | null;
  /** Absolute folder, without links, that is skipped: the library, should it lie inside the source. */
  exclude: string;
  limits: Limits;
  /** See {@link LeftOutList}. */
  overflow?: string;
}

/** Files that systems put beside images; not worth a line in the list of what was left out. */
export const isSystemFile = (name: string): boolean =>
  name.startsWith('.') || name === '__MACOSX' || name === 'Thumbs.db' || name === 'desktop.ini';

/**
 * Walks a folder, synchronously (for a worker thread), in the order of the full paths by code units. Links are not
 * followed, so that nothing outside the folder is read and no loop is entered; devices, pipes and sockets are not opened.
 * @throws {AppError} `dataset.unreadable` or `dataset.missing` for the folder itself, `dataset.too-many-files`.
 */
export function scanFolder(
  { root, only, exclude, limits, overflow }: ScanOptions,
  onCount: (count: number) => void,
): ScannedFiles {
  const files = new FileListBuilder();
  const leftOut = new LeftOutList(overflow);

  const visit = (folder: string, prefix: string, found: Dirent[]): void => {
    const entries: { name: string; type: Dirent }[] = [];
    for (const type of found) {
      if (isSystemFile(type.name)) continue;
      entries.push({ name: type.isDirectory() ? `${type.name}/` : type.name, type });
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name, type } of entries) {
      const path = prefix + name;
      // Bytes that are no UTF-8 come as this letter; under such a name nothing is found.
      if (type.name.includes('\uFFFD') && !existsSync(join(folder, type.name))) {
        leftOut.add(path, 'unreadable', 'Its name is not UTF-8 text. Rename it.');
      } else if (type.isFile()) {
        files.add(path);
        if (files.count > limits.files) throw tooManyFiles(root, limits);
        if (files.count % 1000 === 0) onCount(files.count);
      } else if (type.isDirectory()) {
        const inner = join(folder, type.name);
        if (inner === exclude) continue;
        const innerFound = entriesOf(inner, path, leftOut);
        if (innerFound !== null) visit(inner, path, innerFound);
      } else if (type.isSymbolicLink()) {
        leftOut.add(path, 'link', 'Links are not followed; put the file itself into the folder.');
      } else {
        leftOut.add(path, 'not-a-file', 'It is a device, pipe or socket.');
      }
    }
  };

  const chosen = only === null ? null : new Set(only);
  const found = entriesOfRoot(root);
  visit(root, '', chosen === null ? found : found.filter(({ name }) => chosen.has(name)));
  onCount(files.count);
  leftOut.flush();
  return { files: files.build(), leftOut: leftOut.listed, leftOutCount: leftOut.count };
}

/**
 * Notes the sizes of files `first` up to, not including, `end` in the list, and gives a SHA-256 over their sizes and
 * times of change. Synchronous, for a worker thread. A file that has vanished since, or may not be looked at, counts as
 * empty; why it cannot be used is told when it is read.
 */
export function surveyFiles(
  root: string,
  files: FileList,
  first: number,
  end: number,
): Uint8Array<ArrayBuffer> {
  const seen = new Float64Array((end - first) * 3);
  for (let index = first, at = 0; index < end; index++, at += 3) {
    try {
      const stats = lstatSync(`${root}/${pathAt(files, index)}`, { throwIfNoEntry: false });
      if (stats === undefined) continue;
      files.sizes[index] = stats.size;
      seen[at] = stats.size;
      seen[at + 1] = stats.mtimeMs;
      seen[at + 2] = stats.ctimeMs;
    } catch {
      continue;
    }
  }
  return Uint8Array.from(createHash('sha256').update(seen).digest());
}

export const tooManyFiles = (source: string, limits: Limits): AppError =>
  new AppError(
    'dataset.too-many-files',
    `${source} holds more than ${limits.files} files, the most that one dataset may have. Split it, or choose a folder inside it.`,
    { source, limit: limits.files },
  );

function entriesOfRoot(root: string): Dirent[] {
  try {
    return readdirSync(root, { withFileTypes: true });
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

function entriesOf(folder: string, path: string, leftOut: LeftOutList): Dirent[] | null {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    leftOut.add(path, 'unreadable', `The folder cannot be read (${systemCode(cause)}).`);
    return null;
  }
}
