import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import { type Classes, classesOfFolders, classesOfLabels, NO_CLASSES } from './classes.ts';
import type { DecodeWorker } from './decode-workers.ts';
import { type IdxFile, idxIdentity, openIdx, unpackIdx } from './idx.ts';
import { LeftOutList } from './left-out.ts';
import type { Limits } from './limits.ts';
import { SAMPLE_CLASSES, SAMPLE_SEED, SAMPLE_VERSION, sampleClassOf } from './sample/draw-face.ts';
import type { ScannedFiles } from './scan-folder.ts';
import { identifySource, type Source } from './sources.ts';
import type { ImageSource } from './worker-messages.ts';

/** A source whose images are counted but not decoded yet. */
export interface OpenSource {
  /** As `PreparedDataset.source`. */
  name: string;
  /** Images, or files that may be images. */
  count: number;
  /** Hash (hex) of the content. */
  identity: string;
  leftOut: LeftOutList;
  /** What the workers read from. Packed IDX files are unpacked into `folder`. */
  imagesFor: (folder: string) => Promise<ImageSource>;
  /** Classes, from a flag for each image that says whether it is used. */
  classesOf: (used: Uint8Array) => Classes;
}

export interface OpenOptions {
  settings: ImageSettings;
  limits: Limits;
  /** Folder that is skipped when it lies in the source. */
  exclude: string;
  signal: AbortSignal | undefined;
  /** Starts a worker that scans. */
  scanner: () => DecodeWorker;
}

/** Finds what `source` is and counts its images. Errors are those of `prepareDataset`. */
export async function openSource(source: string, options: OpenOptions): Promise<OpenSource> {
  const found = await identifySource(source);
  const name = resolve(source);
  switch (found.kind) {
    case 'sample':
      return openSample(found, options);
    case 'idx':
      return openIdxSource(name, found.paths, options);
    case 'folder': {
      const { exclude, limits } = options;
      const scanned = await options.scanner().ask({ kind: 'scan-folder', root: found.path, exclude, limits });
      return ofFiles(name, scanned, { kind: 'folder', root: found.path, files: scanned.files });
    }
    case 'zip': {
      const scanned = await options
        .scanner()
        .ask({ kind: 'scan-zip', path: found.path, limits: options.limits });
      const { files, places } = scanned;
      return ofFiles(name, scanned, { kind: 'zip', path: found.path, files, places });
    }
  }
}

function ofFiles(name: string, scanned: ScannedFiles, images: ImageSource): OpenSource {
  const leftOut = new LeftOutList();
  leftOut.append(scanned.leftOut, scanned.leftOutCount);
  return {
    name,
    count: scanned.files.count,
    identity: scanned.identity,
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
  const identity = createHash('sha256').update(`sample\0${SAMPLE_VERSION}\0${count}\0${drawn}`).digest('hex');
  return {
    name: `sample:${count}x${drawn}`,
    count,
    identity,
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
    identity: await idxIdentity(files, options.signal),
    leftOut: new LeftOutList(),
    imagesFor: async (folder) => ({ kind: 'idx', images: await unpackIdx(files, folder, options.signal) }),
    classesOf: (used) => (hasLabels ? classesOfLabels(Buffer.concat(labels), used, String) : NO_CLASSES),
  };
}
