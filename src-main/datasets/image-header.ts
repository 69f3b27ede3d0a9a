export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'bmp' | 'tiff' | 'avif' | 'heic';

/** What the first bytes of an image file tell without decoding it. */
export interface ImageHeader {
  format: ImageFormat;
  /** Pixels as stored, before any EXIF rotation; null when the format hides them deeper (TIFF, AVIF). */
  width: number | null;
  height: number | null;
  /** 8-bit grey or RGB(A) without profile, rotation or other cases on which decoders differ. */
  plain: boolean;
  /** A JPEG with quantisation steps that a quick, inexact inverse transform does not suffer from: up to quality 90 or so. */
  coarse: boolean;
}

const unknownSize = (format: ImageFormat): ImageHeader => ({
  format,
  width: null,
  height: null,
  plain: false,
  coarse: false,
});

/**
 * Recognises an image by its content, never by its name, and reads its size.
 * Null when it is none of PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF and HEIC.
 */
export function readImageHeader(bytes: Buffer): ImageHeader | null {
  if (bytes.length < 12) return null;
  if (bytes.readUInt32BE(0) === 0x89504e47 && bytes.readUInt32BE(4) === 0x0d0a1a0a) return readPng(bytes);
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return readJpeg(bytes);
  const tag = bytes.toString('latin1', 0, 4);
  if (tag === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP') return readWebp(bytes);
  if (tag === 'GIF8') {
    const [width, height] = [bytes.readUInt16LE(6), bytes.readUInt16LE(8)];
    return { format: 'gif', width, height, plain: false, coarse: false };
  }
  if (tag.startsWith('BM') && bytes.length >= 26) return readBmp(bytes);
  if (tag === 'II*\0' || tag === 'MM\0*' || tag === 'II+\0' || tag === 'MM\0+') return unknownSize('tiff');
  if (bytes.toString('latin1', 4, 8) === 'ftyp') {
    const brands = bytes.toString('latin1', 8, Math.min(bytes.readUInt32BE(0), bytes.length, 64));
    if (brands.includes('avif') || brands.includes('avis')) return unknownSize('avif');
    if (/hei[cxms]|hev[cx]|mif1/.test(brands)) return unknownSize('heic');
  }
  return null;
}

function readPng(bytes: Buffer): ImageHeader {
  if (bytes.length < 33) return unknownSize('png');
  const width = bytes.readUInt32BE(16);
  const height = bytes.readUInt32BE(20);
  let plain = bytes[24] !== 16;
  for (let at = 33; plain && at + 8 <= bytes.length;) {
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IDAT') break;
    if (type === 'iCCP' || type === 'eXIf') plain = false;
    at += 12 + bytes.readUInt32BE(at);
  }
  return { format: 'png', width, height, plain, coarse: false };
}

/** Segments of a JPEG up to the frame header. */
function readJpeg(bytes: Buffer): ImageHeader {
  let plain = endsWithMarker(bytes);
  let step = 0;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) break;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      if (at + 10 > bytes.length) break;
      const components = bytes[at + 9] ?? 0;
      plain &&= marker <= 0xc2 && bytes[at + 4] === 8 && (components === 1 || components === 3);
      const [width, height] = [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
      return { format: 'jpeg', width, height, plain, coarse: step >= COARSE_STEP };
    }
    if (marker === 0xdb) step = smallestStep(bytes.subarray(at + 4, end), step);
    if (plain && marker >= 0xe1 && marker <= 0xee)
      plain = isPlainSegment(marker, bytes.subarray(at + 4, end));
    at = end;
  }
  return unknownSize('jpeg');
}

/** Below this step of its constant part, a JPEG differs visibly more when it is decoded by the quick transform. */
const COARSE_STEP = 3;

/** The smallest first step of the quantisation tables in a segment, and of those before: `step`, or 0 when there were none. */
function smallestStep(tables: Buffer, step: number): number {
  let smallest = step === 0 ? Infinity : step;
  for (let at = 0; at + 65 <= tables.length;) {
    const isWide = tables[at]! >> 4 !== 0;
    smallest = Math.min(smallest, isWide ? tables.readUInt16BE(at + 1) : tables[at + 1]!);
    at += isWide ? 129 : 65;
  }
  return smallest === Infinity ? 0 : smallest;
}

/** Whether an application segment leaves colours and orientation as they are without it. */
function isPlainSegment(marker: number, segment: Buffer): boolean {
  const name = segment.toString('latin1', 0, 12);
  if (marker === 0xe1 && name.startsWith('Exif\0\0')) return isUpright(segment.subarray(6));
  if (marker === 0xe2 && name === 'ICC_PROFILE\0') return segment.includes('sRGB IEC61966-2');
  if (marker === 0xee && name.startsWith('Adobe')) return segment[11] === 1;
  return true;
}

/** Whether EXIF data, which is built like a TIFF file, names no orientation or the usual one. */
function isUpright(exif: Buffer): boolean {
  if (exif.length < 8) return true;
  const isLittle = exif[0] === 0x49;
  const short = (at: number): number => (isLittle ? exif.readUInt16LE(at) : exif.readUInt16BE(at));
  const directory = isLittle ? exif.readUInt32LE(4) : exif.readUInt32BE(4);
  if (directory + 2 > exif.length) return true;
  const count = short(directory);
  for (let i = 0, at = directory + 2; i < count && at + 12 <= exif.length; i++, at += 12) {
    if (short(at) === 0x0112) return short(at + 8) <= 1;
  }
  return true;
}

/** Whether the file ends as a whole JPEG does. The light decoder fills a cut one with grey and says nothing. */
function endsWithMarker(bytes: Buffer): boolean {
  let end = bytes.length;
  while (end > 2 && bytes[end - 1] === 0) end--;
  return bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
}

function readWebp(bytes: Buffer): ImageHeader {
  const kind = bytes.toString('latin1', 12, 16);
  if (bytes.length < 30) return unknownSize('webp');
  if (kind === 'VP8 ') {
    const width = bytes.readUInt16LE(26) & 0x3fff;
    return { format: 'webp', width, height: bytes.readUInt16LE(28) & 0x3fff, plain: true, coarse: false };
  }
  if (kind === 'VP8L') {
    const bits = bytes.readUInt32LE(21);
    const [width, height] = [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
    return { format: 'webp', width, height, plain: true, coarse: false };
  }
  if (kind === 'VP8X') {
    const alphaFlag = 0x10;
    const plain = ((bytes[20] ?? 0) & ~alphaFlag) === 0;
    const [width, height] = [bytes.readUIntLE(24, 3) + 1, bytes.readUIntLE(27, 3) + 1];
    return { format: 'webp', width, height, plain, coarse: false };
  }
  return unknownSize('webp');
}

function readBmp(bytes: Buffer): ImageHeader {
  const isCore = bytes.readUInt32LE(14) === 12;
  const width = isCore ? bytes.readUInt16LE(18) : Math.abs(bytes.readInt32LE(18));
  const height = isCore ? bytes.readUInt16LE(20) : Math.abs(bytes.readInt32LE(22));
  return { format: 'bmp', width, height, plain: true, coarse: false };
}
