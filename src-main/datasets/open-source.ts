import { createHash, type Hash } from 'node:crypto';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import { type Classes, classesOfFolders, classesOfLabels, NO_CLASSES } from './classes.ts';
import type { DecodeWorker } from './decode-workers.ts';
import { contentHash, type FolderLook, lookOf } from './folder-identity.ts';
import { type IdxFile, idxIdentity, openIdx, unpackIdx } from './idx.ts';
import { LeftOutList } from './left-out.ts';
import type { Limits } from './limits.ts';
import { SAMPLE_CLASSES, SAMPLE_SEED, SAMPLE_VERSION, sampleClassOf } from './sample/draw-face.ts';
import type { ScannedFiles } from './scan-folder.ts';
import { identifySource, pathOf, type Place, type Source } from './sources.ts';
import type { ImageSource } from './worker-messages.ts';

/** A source whose images are counted but not decoded yet. */
export interface OpenSource {
  /** As `PreparedDataset.source`. */
  name: string;
  /** Images, or files that may be images. */
  count: number;
  content: Content;
  leftOut: LeftOutList;
  /** What the workers read from. Packed IDX files are unpacked into `folder`. */
  imagesFor: (folder: string) => Promise<ImageSource>;
  /** Classes, from a flag for each image that says whether it is used. */
  classesOf: (used: Uint8Array) => Classes;
}

/** What names the content: its hash (hex) where that is cheap, or how to come to it by reading the files of a folder. */
export type Content =
  | { kind: 'hash'; hash: string }
  | { kind: 'files'; look: FolderLook; /** To be fed with the digests of all files. */ newHash: () => Hash };

export interface OpenOptions {
  settings: ImageSettings;
  limits: Limits;
  /** Folder that is skipped when it lies in the source. */
  exclude: string;
  signal: AbortSignal | undefined;
  /** File that takes what is left out beyond what is listed; see {@link LeftOutList}. */
  overflow: string;
  /** Starts the workers that scan: one or more. */
  scanners: () => readonly DecodeWorker[];
}

/** Finds what `source` is and counts its images. Errors are those of `prepareDataset`. */
export async function openSource(source: Place, options: OpenOptions): Promise<OpenSource> {
  const found = await identifySource(source);
  const name = pathOf(source);
  switch (found.kind) {
    case 'sample':
      return openSample(found, options);
    case 'idx':
      return openIdxSource(name, found.paths, options);
    case 'folder':
      return openFolder(name, found, options);
    case 'zip': {
      const [scanner] = options.scanners();
      const scanned = await scanner!.ask({
        kind: 'scan-zip',
        path: found.path,
        limits: options.limits,
        overflow: options.overflow,
      });
      const { files, places, identity } = scanned;
      const images: ImageSource = { kind: 'zip', path: found.path, files, places };
      return ofFiles(name, scanned, images, { kind: 'hash', hash: identity }, options);
    }
  }
}

/** Files that one worker looks at in one go; always the same, because the stamp depends on it. */
const SURVEYED_AT_ONCE = 2048;

async function openFolder(
  name: string,
  { path: root, only }: Extract<Source, { kind: 'folder' }>,
  options: OpenOptions,
): Promise<OpenSource> {
  const { exclude, limits, overflow } = options;
  const scanners = options.scanners();
  const scanned = await scanners[0]!.ask({ kind: 'scan-folder', root, only, exclude, limits, overflow });
  const { files } = scanned;
  const surveys: Promise<Uint8Array>[] = [];
  for (let first = 0; first < files.count; first += SURVEYED_AT_ONCE) {
    const end = Math.min(first + SURVEYED_AT_ONCE, files.count);
    const scanner = scanners[surveys.length % scanners.length]!;
    surveys.push(scanner.ask({ kind: 'survey', root, files, first, end }));
  }
  const look = lookOf(root, scanned, await Promise.all(surveys));
  const content: Content = { kind: 'files', look, newHash: () => contentHash(scanned) };
  return ofFiles(name, scanned, { kind: 'folder', root, files }, content, options);
}

function ofFiles(
  name: string,
  scanned: ScannedFiles,
  images: ImageSource,
  content: Content,
  { overflow }: OpenOptions,
): OpenSource {
  const leftOut = new LeftOutList(overflow);
  leftOut.append(scanned.leftOut, scanned.leftOutCount);
  return {
    name,
    count: scanned.files.count,
    content,
    leftOut,
    imagesFor: () => Promise.resolve(images),
    classesOf: (used) => classesOfFolders(scanned.files, used),
  };
}

function openSample(
  { count, size }: Extract<Source, { kind: 'sample' }>,
  { settings }: OpenOptions,
): OpenSource {
  const drawn = size ?? Math.max(settings.height, settings.width);
  const labels = Uint8Array.from({ length: count }, (_, index) => sampleClassOf(index));
  const hash = createHash('sha256').update(`sample\0${SAMPLE_VERSION}\0${count}\0${drawn}`).digest('hex');
  return {
    name: `sample:${count}x${drawn}`,
    count,
    content: { kind: 'hash', hash },
    leftOut: new LeftOutList(),
    imagesFor: () => Promise.resolve({ kind: 'sample', size: drawn, seed: SAMPLE_SEED }),
    classesOf: (used) => classesOfLabels(labels, used, (label) => SAMPLE_CLASSES[label]!),
  };
}

async function openIdxSource(
  name: string,
  paths: readonly string[],
  options: OpenOptions,
): Promise<OpenSource> {
  const files: IdxFile[] = [];
  for (const path of paths) files.push(await openIdx(path, options.limits));
  const labels = files.flatMap((file) => (file.labels === null ? [] : [file.labels]));
  const hasLabels = labels.length === files.length;
  return {
    name,
    count: files.reduce((sum, file) => sum + file.count, 0),
    content: { kind: 'hash', hash: await idxIdentity(files, options.signal) },
    leftOut: new LeftOutList(),
    imagesFor: async (folder) => ({ kind: 'idx', images: await unpackIdx(files, folder, options.signal) }),
    classesOf: (used) => (hasLabels ? classesOfLabels(Buffer.concat(labels), used, String) : NO_CLASSES),
  };
}
