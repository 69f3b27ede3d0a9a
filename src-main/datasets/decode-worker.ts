/** Entry of the worker threads that scan sources and decode images, so that their caller's event loop stays free. */
import { hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import { toErrorData } from '../../src-shared/errors.ts';
import { decodeImage, type OriginalSize, tooLarge } from './decode.ts';
import { pathAt } from './file-list.ts';
import { fitPixels } from './fit.ts';
import { DIGEST_BYTES } from './folder-identity.ts';
import { LeftOutList } from './left-out.ts';
import type { Limits } from './limits.ts';
import { scanFolder, surveyFiles } from './scan-folder.ts';
import { systemCode, Unusable } from './unusable.ts';
import type { DecodedImages, ImageSource, WorkerMessage, WorkerRequest } from './worker-messages.ts';

/** Decodes that sharp may have running for one worker; all workers share the four threads of Node's pool. */
const MOST_IN_FLIGHT = 2;

/** Writes image `index` to `out`, and a folder's file's digest to `digest`; what cannot be used throws or rejects. */
type ImageReader = (index: number, out: Uint8Array, digest: Buffer) => OriginalSize | Promise<OriginalSize>;

interface Work {
  settings: ImageSettings;
  read: ImageReader;
  nameOf: (index: number) => string;
  /** Reads file `index` of a folder and writes its digest; null for sources of other kinds. */
  digest: ((index: number, digest: Buffer) => Buffer) | null;
}

/** Loads what only some sources need when it is needed: a folder of small files is done in a second, loading included. */
async function workOn({
  source,
  settings,
  limits,
  turns,
}: Extract<WorkerRequest, { kind: 'use' }>): Promise<Work> {
  switch (source.kind) {
    case 'folder': {
      const { root, files } = source;
      const nameOf = (index: number): string => pathAt(files, index);
      const digest = (index: number, to: Buffer): Buffer =>
        readDigested(`${root}/${nameOf(index)}`, files.sizes[index]!, limits, to);
      return {
        settings,
        nameOf,
        digest,
        read: (index, out, to) => decodeImage(digest(index, to), settings, limits, out, turns),
      };
    }
    case 'zip': {
      const { files, places } = source;
      const { readZipEntry } = await import('./zip.ts');
      const fd = hold(source.path);
      return {
        settings,
        nameOf: (index) => pathAt(files, index),
        digest: null,
        read: (index, out) => {
          const size = files.sizes[index]!;
          if (size > limits.fileBytes) throw tooLarge(size, limits);
          return decodeImage(readZipEntry(fd, index, size, places), settings, limits, out, turns);
        },
      };
    }
    case 'idx':
      return {
        settings,
        nameOf: (index) => `image ${index}`,
        digest: null,
        read: idxReader(source.images, settings),
      };
    case 'sample': {
      const { size, seed } = source;
      const { drawSample } = await import('./sample/draw-face.ts');
      return {
        settings,
        nameOf: (index) => `image ${index}`,
        digest: null,
        read: (index, out) => {
          const data = drawSample(index, seed, size);
          fitPixels({ data, width: size, height: size, channels: 3 }, settings, out);
          return { width: size, height: size };
        },
      };
    }
  }
}

/** Files that stay open for the work in hand. */
const held: number[] = [];

function hold(path: string): number {
  const fd = openSync(path, 'r');
  held.push(fd);
  return fd;
}

const SPARE = 1 << 16;

/** Where files are read to, one after the other; it grows to the largest of them. */
let scratch = Buffer.alloc(SPARE);

/** Windows does not know the last two and takes them for 0. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads a file whole; the bytes hold until the next call. A link put in its place since the scan is not followed.
 * @param size Bytes that it had when it was found.
 */
function readFile(path: string, size: number, limits: Limits): Buffer {
  const fd = openSync(path, OPEN_FLAGS);
  try {
    let expected = size;
    for (let done = 0; ;) {
      if (expected > limits.fileBytes) throw tooLarge(expected, limits);
      if (scratch.length <= expected) scratch = Buffer.concat([scratch.subarray(0, done)], expected + SPARE);
      const read = readSync(fd, scratch, done, expected + 1 - done, null);
      done += read;
      if (read === 0 || done === expected) return scratch.subarray(0, done);
      if (done > expected) expected = Math.max(done, fstatSync(fd).size);
    }
  } finally {
    closeSync(fd);
  }
}

/** Reads a file whole and writes the digest of its bytes; for one that cannot be read, the digest of the reason. */
function readDigested(path: string, size: number, limits: Limits, digest: Buffer): Buffer {
  try {
    const bytes = readFile(path, size, limits);
    digest.write(hash('sha256', bytes, 'binary'), 'binary');
    return bytes;
  } catch (thrown) {
    digest.write(hash('sha256', `unread\0${asReason(thrown).code}`, 'binary'), 'binary');
    throw thrown;
  }
}

function idxReader(
  images: Extract<ImageSource, { kind: 'idx' }>['images'],
  settings: ImageSettings,
): ImageReader {
  const { height, width } = images;
  const parts = images.parts.map((part) => ({ fd: hold(part.path), count: part.count }));
  const data = Buffer.alloc(height * width);
  return (index, out) => {
    let part = 0;
    let within = index;
    while (within >= parts[part]!.count) within -= parts[part++]!.count;
    const { fd } = parts[part]!;
    const start = 16 + within * data.length;
    if (readSync(fd, data, 0, data.length, start) !== data.length) {
      throw new Unusable('broken', 'The IDX file ends before this image.');
    }
    fitPixels({ data, width, height, channels: 1 }, settings, out);
    return { width, height };
  };
}

async function decode(work: Work, first: number, end: number): Promise<DecodedImages> {
  const count = end - first;
  const { height, width, channels } = work.settings;
  const imageBytes = height * width * channels;
  const pixels = new Uint8Array(count * imageBytes);
  const used = new Uint8Array(count);
  const sizes = new Uint32Array(count * 2);
  const digests = newDigests(work.digest === null ? 0 : count);
  const problems: { index: number; thrown: unknown }[] = [];
  const inFlight = new Set<Promise<void>>();

  const keep = (at: number, { width, height }: OriginalSize): void => {
    used[at] = 1;
    sizes[2 * at] = width;
    sizes[2 * at + 1] = height;
  };
  for (let at = 0; at < count; at++) {
    try {
      const out = pixels.subarray(at * imageBytes, (at + 1) * imageBytes);
      const size = work.read(first + at, out, digestAt(digests, at));
      if (!(size instanceof Promise)) {
        keep(at, size);
        continue;
      }
      const pending: Promise<void> = size
        .then(
          (found) => keep(at, found),
          (thrown: unknown) => void problems.push({ index: first + at, thrown }),
        )
        .finally(() => inFlight.delete(pending));
      inFlight.add(pending);
      if (inFlight.size >= MOST_IN_FLIGHT) await Promise.race(inFlight);
    } catch (thrown) {
      problems.push({ index: first + at, thrown });
    }
  }
  await Promise.all(inFlight);
  problems.sort((a, b) => a.index - b.index);
  const leftOut = new LeftOutList();
  let vanished = 0;
  for (const { index, thrown } of problems) {
    if (systemCode(thrown) === 'ENOENT') vanished++;
    const { code, reason } = asReason(thrown);
    leftOut.add(work.nameOf(index), code, reason);
  }
  const kept = moveUsedTogether(pixels, sizes, used, imageBytes);
  return {
    pixels: pixels.subarray(0, kept * imageBytes),
    sizes: sizes.subarray(0, kept * 2),
    used,
    leftOut: leftOut.listed,
    leftOutCount: leftOut.count,
    vanished,
    digests,
  };
}

const newDigests = (count: number): Buffer<ArrayBuffer> => Buffer.from(new ArrayBuffer(count * DIGEST_BYTES));

const digestAt = (digests: Buffer, at: number): Buffer =>
  digests.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES);

function digest(work: Work, first: number, end: number): Buffer<ArrayBuffer> {
  const digests = newDigests(end - first);
  for (let index = first; index < end; index++) {
    try {
      work.digest?.(index, digestAt(digests, index - first));
    } catch (thrown) {
      asReason(thrown);
    }
  }
  return digests;
}

function asReason(thrown: unknown): { code: string; reason: string } {
  if (thrown instanceof Unusable) return { code: thrown.code, reason: thrown.message };
  const system = systemCode(thrown);
  if (system === 'ENOENT')
    return { code: 'unreadable', reason: 'The file vanished while the folder was read.' };
  if (system === 'ELOOP') return { code: 'link', reason: 'Links are not followed.' };
  if (system !== '' && !system.startsWith('ERR_')) {
    return { code: 'unreadable', reason: `The file cannot be read (${system}).` };
  }
  throw thrown;
}

/** Closes the gaps that left-out images leave; gives the number of those that remain. */
function moveUsedTogether(
  pixels: Uint8Array,
  sizes: Uint32Array,
  used: Uint8Array,
  imageBytes: number,
): number {
  let kept = 0;
  for (let at = 0; at < used.length; at++) {
    if (used[at] !== 1) continue;
    if (kept !== at) {
      pixels.copyWithin(kept * imageBytes, at * imageBytes, (at + 1) * imageBytes);
      sizes.copyWithin(kept * 2, at * 2, (at + 1) * 2);
    }
    kept++;
  }
  return kept;
}

const port = parentPort;
if (port === null) throw new Error('decode-worker.ts runs as a worker thread only');
const send = (message: WorkerMessage, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);
const onFound = (count: number): void => send({ type: 'found', count });
let work: Work | null = null;

function workInUse(): Work {
  if (work === null) throw new Error('a part was asked for before use');
  return work;
}

async function answer(request: WorkerRequest): Promise<void> {
  switch (request.kind) {
    case 'scan-folder':
      return send({
        type: 'answer',
        answer: scanFolder(request, onFound),
      });
    case 'scan-zip': {
      const { scanZip } = await import('./zip.ts');
      const { path, limits, overflow } = request;
      return send({ type: 'answer', answer: await scanZip(path, limits, onFound, overflow) });
    }
    case 'survey': {
      const { root, files, first, end } = request;
      return send({ type: 'answer', answer: surveyFiles(root, files, first, end) });
    }
    case 'use':
      work = await workOn(request);
      return send({ type: 'answer', answer: null });
    case 'rest':
      work = null;
      for (const fd of held.splice(0)) closeSync(fd);
      return send({ type: 'answer', answer: null });
    case 'decode': {
      const decoded = await decode(workInUse(), request.first, request.end);
      return send({ type: 'answer', answer: decoded }, [
        decoded.pixels.buffer,
        decoded.used.buffer,
        decoded.sizes.buffer,
        decoded.digests.buffer,
      ]);
    }
    case 'digest': {
      const digests = digest(workInUse(), request.first, request.end);
      return send({ type: 'answer', answer: digests }, [digests.buffer]);
    }
  }
}

let previous = Promise.resolve();
port.on('message', (request: WorkerRequest) => {
  previous = previous
    .then(() => answer(request))
    .catch((thrown: unknown) => send({ type: 'failed', error: toErrorData(thrown) }));
});
