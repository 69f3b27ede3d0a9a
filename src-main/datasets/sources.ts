import { open, realpath, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';
import { idxFilesIn, isIdxImages } from './idx.ts';
import { readImageHeader } from './image-header.ts';
import { unreadableSource } from './scan-folder.ts';

/** Files and folders that lie in one folder, by their names in it. */
export interface Selection {
  /** Absolute path. */
  folder: string;
  names: readonly string[];
}

/** Where images are read from: what people name as a source, or some of what a folder holds. */
export type Place = string | Selection;

/** A place in words, for errors: a selection is called by its folder. */
export const pathOf = (place: Place): string => resolve(typeof place === 'string' ? place : place.folder);

/** What a source named by the user turned out to be. Paths are absolute and without links. */
export type Source =
  | { kind: 'sample'; count: number; size: number | null }
  /** `only`: names in the folder, of which alone is read; null: all. */
  | { kind: 'folder'; path: string; only: readonly string[] | null }
  | { kind: 'zip'; path: string }
  | { kind: 'idx'; paths: string[] };

const SAMPLE = /^sample(?::(\d{1,7})(?:x(\d{1,4}))?)?$/;
const SAMPLE_COUNT = 5000;

/**
 * Tells what a source is, by its content.
 * @throws {AppError} `dataset.missing`, `dataset.unreadable`, `dataset.one-image`, `dataset.unknown-file`, `dataset.sample`.
 */
export async function identifySource(source: Place): Promise<Source> {
  if (typeof source !== 'string') return identifySelection(source);
  const sample = SAMPLE.exec(source);
  if (sample !== null || source.startsWith('sample:')) return sampleSource(source, sample);
  const given = resolve(source);
  try {
    const path = await realpath(given);
    const found = await stat(path);
    if (found.isDirectory()) {
      const paths = await idxFilesIn(path);
      return paths.length > 0 ? { kind: 'idx', paths } : { kind: 'folder', path, only: null };
    }
    if (found.isFile()) return await identifyFile(path);
  } catch (cause) {
    throw cause instanceof AppError ? cause : unreadableSource(given, cause);
  }
  throw unknownFile(given);
}

async function identifySelection({ folder, names }: Selection): Promise<Source> {
  try {
    const path = await realpath(folder);
    const paths = (await idxFilesIn(path)).filter((file) => names.includes(basename(file)));
    return paths.length > 0 ? { kind: 'idx', paths } : { kind: 'folder', path, only: names };
  } catch (cause) {
    throw unreadableSource(folder, cause);
  }
}

function sampleSource(source: string, match: RegExpExecArray | null): Source {
  const count = Number(match?.[1] ?? SAMPLE_COUNT);
  const size = match?.[2] === undefined ? null : Number(match[2]);
  if (match !== null && count >= 1 && (size === null || (size >= 8 && size <= 1024))) {
    return { kind: 'sample', count, size };
  }
  throw new AppError(
    'dataset.sample',
    `"${source}" does not name a sample dataset. Write sample, sample:5000 or sample:5000x64: a number of images from 1 to 9,999,999, and a size from 8 to 1024 pixels.`,
    { source },
  );
}

async function identifyFile(path: string): Promise<Source> {
  const head = await readHead(path);
  if (/\.zip$/i.test(path) || /^PK(\x03\x04|\x05\x06)/.test(head.toString('latin1', 0, 4))) {
    return { kind: 'zip', path };
  }
  const mayBeIdx = head.readUInt16BE(0) === 0x1f8b || head.readUInt32BE(0) === 0x803;
  if (mayBeIdx && (await isIdxImages(path))) return { kind: 'idx', paths: [path] };
  if (readImageHeader(head) !== null) {
    throw new AppError(
      'dataset.one-image',
      `${path} is one image; a network learns from many. Give the folder that holds your images.`,
      { source: path },
    );
  }
  throw unknownFile(path);
}

async function readHead(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    return (await handle.read(Buffer.alloc(64), 0, 64, 0)).buffer;
  } finally {
    await handle.close();
  }
}

const unknownFile = (path: string): AppError =>
  new AppError(
    'dataset.unknown-file',
    `${basename(path)} is not something to take images from. Give a folder of images, a .zip of such a folder, or an MNIST IDX file of images (${path}).`,
    { source: path },
  );
