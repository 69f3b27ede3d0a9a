import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { AppError } from '../../src-shared/errors.ts';
import type { Limits } from './limits.ts';
import { unreadableSource } from './scan-folder.ts';
import { systemCode } from './unusable.ts';

/** An IDX file (the format of MNIST) of 8-bit images, and its labels when they lie beside it. */
export interface IdxFile {
  path: string;
  isPacked: boolean;
  count: number;
  height: number;
  width: number;
  labels: Uint8Array | null;
}

/** IDX files opened for decoding: plain, one after the other, all of one image size. */
export interface IdxImages {
  parts: { path: string; count: number }[];
  height: number;
  width: number;
}

const IMAGES_MAGIC = 0x00000803;
const LABELS_MAGIC = 0x00000801;
const HEADER_BYTES = 16;

/** The IDX image files of a folder, in the order of their names; a packed twin of a plain one is passed over. */
export async function idxFilesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /idx3[-.]ubyte(\.gz)?$/i.test(name)).sort();
  const plain = names.filter((name) => !(/\.gz$/i.test(name) && names.includes(name.slice(0, -3))));
  return plain.map((name) => join(folder, name));
}

/** Whether the file begins, unpacked, as an IDX file of images does. */
export async function isIdxImages(path: string): Promise<boolean> {
  const head = await readHead(path);
  return head.length >= 4 && head.readUInt32BE(0) === IMAGES_MAGIC;
}

/**
 * Reads the header and the labels of an IDX file of images.
 * @throws {AppError} `dataset.idx-broken`, `dataset.idx-labels`, `dataset.too-many-files`, `dataset.unreadable`.
 */
export async function openIdx(path: string, limits: Limits): Promise<IdxFile> {
  const head = await readHead(path);
  if (head.length < HEADER_BYTES || head.readUInt32BE(0) !== IMAGES_MAGIC) {
    throw brokenIdx(path, 'it has no header of an IDX file of 8-bit images');
  }
  const [count, height, width] = [head.readUInt32BE(4), head.readUInt32BE(8), head.readUInt32BE(12)];
  if (height === 0 || width === 0 || height * width > limits.imagePixels) {
    throw brokenIdx(path, `its images would be ${width} x ${height} pixels`);
  }
  if (count > limits.files || count * height * width > limits.unpackedBytes) {
    const text = `${path} announces ${count} images, more than one dataset may have. Check that the file is whole.`;
    throw new AppError('dataset.too-many-files', text, { source: path, count });
  }
  const isPacked = await isGzip(path);
  const expected = HEADER_BYTES + count * height * width;
  if (!isPacked && (await stat(path)).size !== expected) {
    throw brokenIdx(path, `it should have ${expected} bytes for ${count} images of ${width} x ${height}`);
  }
  return { path, isPacked, count, height, width, labels: await readLabels(path, count) };
}

/** SHA-256 (hex) over the files' bytes as they lie on disk, and their labels. */
export async function idxIdentity(
  files: readonly IdxFile[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash('sha256');
  hash.update('idx\0');
  for (const file of files) {
    hash.update(`${file.count}\0${file.labels === null ? 'none' : 'labels'}\0`);
    if (file.labels !== null) hash.update(file.labels);
    for await (const chunk of createReadStream(file.path, { highWaterMark: 1 << 20, signal })) {
      hash.update(chunk as Buffer);
    }
  }
  return hash.digest('hex');
}

/**
 * Makes every part readable at any place: packed files are unpacked into `folder`.
 * @throws {AppError} `dataset.idx-broken` when a file is damaged or its parts differ in image size.
 */
export async function unpackIdx(
  files: readonly IdxFile[],
  folder: string,
  signal: AbortSignal | undefined,
): Promise<IdxImages> {
  const { height, width } = files[0]!;
  const parts: IdxImages['parts'] = [];
  for (const [index, file] of files.entries()) {
    if (file.height !== height || file.width !== width) {
      throw brokenIdx(
        file.path,
        `its images are ${file.width} x ${file.height}, those of ${files[0]!.path} ${width} x ${height}`,
      );
    }
    let path = file.path;
    if (file.isPacked) {
      await mkdir(folder, { recursive: true });
      path = join(folder, `unpacked-${index}.idx`);
      await unpack(file, path, signal);
    }
    parts.push({ path, count: file.count });
  }
  return { parts, height, width };
}

async function unpack(file: IdxFile, to: string, signal: AbortSignal | undefined): Promise<void> {
  const expected = HEADER_BYTES + file.count * file.height * file.width;
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > expected)
        done(brokenIdx(file.path, `it unpacks to more than the ${expected} bytes that its header announces`));
      else done(null, chunk);
    },
  });
  try {
    await pipeline(createReadStream(file.path), createGunzip(), measure, createWriteStream(to), { signal });
  } catch (cause) {
    if (systemCode(cause).startsWith('Z_'))
      throw brokenIdx(file.path, cause instanceof Error ? cause.message : '');
    throw cause;
  }
  if (bytes !== expected)
    throw brokenIdx(file.path, `it unpacks to ${bytes} bytes; its header announces ${expected}`);
}

/** Labels lie beside the images: `train-images-idx3-ubyte(.gz)` has `train-labels-idx1-ubyte`, packed or not. */
async function readLabels(imagesPath: string, count: number): Promise<Uint8Array | null> {
  const name = basename(imagesPath).replace(/\.gz$/i, '');
  const wanted = name.replace(/images/i, 'labels').replace(/idx3/i, 'idx1');
  if (wanted === name) return null;
  for (const candidate of [wanted, `${wanted}.gz`]) {
    const path = join(dirname(imagesPath), candidate);
    const bytes = await readWhole(path, 8 + count + 1);
    if (bytes === null) continue;
    const isWhole = bytes.length === 8 + count && bytes.readUInt32BE(0) === LABELS_MAGIC;
    if (isWhole && bytes.readUInt32BE(4) === count) return bytes.subarray(8);
    throw new AppError(
      'dataset.idx-labels',
      `The labels file ${path} does not hold one label for each of the ${count} images of ${imagesPath}. Replace it, or move it away to go on without classes.`,
      { source: path, count },
    );
  }
  return null;
}

/** Up to `most` bytes of a file, unpacked; null when there is no such file. */
async function readWhole(path: string, most: number): Promise<Buffer | null> {
  try {
    await stat(path);
  } catch {
    return null;
  }
  return readStart(path, most);
}

async function isGzip(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

const readHead = (path: string): Promise<Buffer> => readStart(path, HEADER_BYTES);

async function readStart(path: string, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    const isPacked = await isGzip(path);
    const file = createReadStream(path);
    const source = isPacked ? file.pipe(createGunzip()) : file;
    file.on('error', (cause) => source.destroy(cause));
    try {
      for await (const chunk of source) {
        chunks.push(chunk as Buffer);
        bytes += (chunk as Buffer).length;
        if (bytes >= most) break;
      }
    } finally {
      file.destroy();
    }
  } catch (cause) {
    if (systemCode(cause).startsWith('Z_')) throw brokenIdx(path, 'its compressed data is damaged');
    throw unreadableSource(path, cause);
  }
  return Buffer.concat(chunks).subarray(0, most);
}

const brokenIdx = (path: string, why: string): AppError =>
  new AppError('dataset.idx-broken', `The IDX file ${path} cannot be used: ${why}. Download it again.`, {
    source: path,
  });
