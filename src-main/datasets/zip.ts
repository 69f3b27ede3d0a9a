import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import {
  type Entry,
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  RandomAccessReader,
  validateFileName,
} from 'yauzl';
import { AppError } from '../../src-shared/errors.ts';
import { FileListBuilder, shared } from './file-list.ts';
import { LeftOutList } from './left-out.ts';
import type { Limits } from './limits.ts';
import { isSystemFile, type ScannedFiles, tooManyFiles, unreadableSource } from './scan-folder.ts';
import { Unusable } from './unusable.ts';

/** Where each file of a zip lies in it; in the order of the file list, in shared memory. */
export interface ZipPlaces {
  /** Byte offset of the local header. */
  offsets: Float64Array;
  packedSizes: Float64Array;
  /** Checksum of the unpacked content. */
  checksums: Uint32Array;
}

export interface ScannedZip extends ScannedFiles {
  places: ZipPlaces;
  /** SHA-256 (hex) over all bytes of the zip. */
  identity: string;
}

const STORED = 0;
const DEFLATED = 8;

/**
 * Reads a zip's directory; nothing is unpacked to disk, ever. Files come in the order of their paths by code units.
 * @throws {AppError} `dataset.zip-broken`, `dataset.zip-encrypted`, `dataset.zip-unsafe` (an entry that climbs out),
 * `dataset.zip-bomb`, `dataset.too-many-files`, `dataset.unreadable`.
 */
export async function scanZip(
  path: string,
  limits: Limits,
  onCount: (count: number) => void,
  overflow?: string,
): Promise<ScannedZip> {
  const reader = openZip(path);
  try {
    const entries: { name: string; entry: Entry }[] = [];
    const leftOut = new LeftOutList(overflow);
    for await (const entry of readDirectory(reader, path)) {
      const name = nameOf(entry);
      checkName(path, name);
      if (name.endsWith('/') || name.split('/').some(isSystemFile)) continue;
      if (entry.isEncrypted()) throw encrypted(path);
      if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
        leftOut.add(name, 'unsupported', 'It is packed by a method other than deflate; pack the zip again.');
        continue;
      }
      entries.push({ name, entry });
      if (entries.length > limits.files) throw tooManyFiles(path, limits);
      if (entries.length % 1000 === 0) onCount(entries.length);
    }
    checkUnpackedSize(path, entries, reader.size, limits);
    entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    onCount(entries.length);
    leftOut.flush();
    return pack(entries, leftOut, await hashOf(path));
  } finally {
    reader.closeFile();
  }
}

/** Over all its bytes: what a zip's directory says of its entries need not be what they are. */
async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256').update('zip\0');
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(part as Buffer);
  return hash.digest('hex');
}

function pack(
  entries: readonly { name: string; entry: Entry }[],
  leftOut: LeftOutList,
  identity: string,
): ScannedZip {
  const files = new FileListBuilder();
  for (const { name, entry } of entries) files.add(name, entry.uncompressedSize);
  return {
    files: files.build(),
    leftOut: leftOut.listed,
    leftOutCount: leftOut.count,
    identity,
    places: {
      offsets: shared(
        Float64Array,
        entries.map(({ entry }) => entry.relativeOffsetOfLocalHeader),
      ),
      packedSizes: shared(
        Float64Array,
        entries.map(({ entry }) => entry.compressedSize),
      ),
      checksums: shared(
        Uint32Array,
        entries.map(({ entry }) => entry.crc32),
      ),
    },
  };
}

function openZip(path: string): WindowedReader {
  try {
    return new WindowedReader(path);
  } catch (cause) {
    throw unreadableSource(path, cause);
  }
}

async function* readDirectory(reader: WindowedReader, path: string): AsyncGenerator<Entry> {
  try {
    const zip = await fromRandomAccessReaderPromise(reader, reader.size, {
      lazyEntries: true,
      decodeStrings: false,
      autoClose: false,
    });
    yield* zip.eachEntry();
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    if (detail.includes('encrypt')) throw encrypted(path);
    throw new AppError(
      'dataset.zip-broken',
      `The zip ${path} is damaged or not whole (${detail}). Download or pack it again, or unpack it yourself and give the folder.`,
      { source: path },
      { cause },
    );
  }
}

const nameOf = (entry: Entry): string =>
  getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false);

function checkName(path: string, name: string): void {
  if (validateFileName(name) === null && !name.includes('\0')) return;
  throw new AppError(
    'dataset.zip-unsafe',
    `The zip ${path} holds the entry "${name}", which points outside of it. Such a zip may be an attack and is not used; unpack it with a tool you trust and give the folder.`,
    { source: path, entry: name },
  );
}

const encrypted = (path: string): AppError =>
  new AppError(
    'dataset.zip-encrypted',
    `The zip ${path} is protected by a password. Unpack it and give the folder, or pack it without a password.`,
    { source: path },
  );

/** Refuses what unpacks to far more than a set of images ever does, and entries that share their bytes. */
function checkUnpackedSize(
  path: string,
  entries: readonly { entry: Entry }[],
  zipBytes: number,
  limits: Limits,
): void {
  const unpacked = entries.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
  const packed = entries.reduce((sum, { entry }) => sum + entry.compressedSize, 0);
  const tooMuch = unpacked > limits.unpackedBytes;
  const tooDense = unpacked > 100e6 && unpacked > zipBytes * limits.unpackedRatio;
  if (!tooMuch && !tooDense && packed <= zipBytes) return;
  throw new AppError(
    'dataset.zip-bomb',
    `The zip ${path} has ${zipBytes} bytes and would unpack to ${unpacked}, more than is read from a zip. If that is right, unpack it yourself and give the folder.`,
    { source: path, zipBytes, unpackedBytes: unpacked },
  );
}

/**
 * Unpacks file number `index` in memory.
 * @throws {Unusable} `broken` when the packed data is damaged, `unreadable` when the zip cannot be read.
 */
export function readZipEntry(fd: number, index: number, size: number, places: ZipPlaces): Buffer {
  const offset = places.offsets[index]!;
  const header = readExactly(fd, 30, offset);
  if (header.readUInt32LE(0) !== 0x04034b50) throw damagedEntry('no file starts where the directory says');
  const dataStart = offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = readExactly(fd, places.packedSizes[index]!, dataStart);
  let bytes = packed;
  if (header.readUInt16LE(8) === DEFLATED) {
    try {
      bytes = inflateRawSync(packed, { maxOutputLength: size + 1 });
    } catch {
      throw damagedEntry('it cannot be unpacked');
    }
  }
  if (bytes.length !== size) throw damagedEntry('its size is not what the directory says');
  if (crc32(bytes) !== places.checksums[index]) throw damagedEntry('its checksum is wrong');
  return bytes;
}

const damagedEntry = (why: string): Unusable =>
  new Unusable('broken', `The entry in the zip is damaged: ${why}.`);

function readExactly(fd: number, length: number, position: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const read = readSync(fd, buffer, done, length - done, position + done);
    if (read === 0) throw damagedEntry('the zip ends in the middle of it');
    done += read;
  }
  return buffer;
}

/** Reads a file through a window of a megabyte: yauzl asks for a few dozen bytes at a time. */
class WindowedReader extends RandomAccessReader {
  readonly size: number;
  private readonly fd: number;
  private readonly window = Buffer.allocUnsafe(1 << 20);
  private start = 0;
  private length = 0;

  constructor(path: string) {
    super();
    this.fd = openSync(path, 'r');
    this.size = fstatSync(this.fd).size;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    try {
      if (length > this.window.length) {
        callback(null, readSync(this.fd, buffer, offset, length, position));
        return;
      }
      if (position < this.start || position + length > this.start + this.length) {
        this.start = position;
        this.length = readSync(this.fd, this.window, 0, this.window.length, position);
      }
      const from = position - this.start;
      const end = Math.min(from + length, this.length);
      callback(null, this.window.copy(buffer, offset, from, end));
    } catch (cause) {
      callback(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }

  closeFile(): void {
    closeSync(this.fd);
  }
}
