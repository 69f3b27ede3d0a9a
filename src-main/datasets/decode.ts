import jpeg from '@julusian/jpeg-turbo';
import { Transformer } from '@napi-rs/image';
import type { Sharp } from 'sharp';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import { borderValue, fitPixels, keepsAlpha, place } from './fit.ts';
import { type ImageFormat, type ImageHeader, readImageHeader } from './image-header.ts';
import type { Limits } from './limits.ts';
import { collectNow, inTurn, isLarge, type Turns } from './turns.ts';
import { Unusable } from './unusable.ts';

/** Size of an image as its file has it, in pixels, EXIF rotation applied. */
export interface OriginalSize {
  width: number;
  height: number;
}

/**
 * Up to this many pixels the light decoders win: sharp costs about half a millisecond a call, and only above this
 * does its shrinking while decoding make up for it.
 */
const LIGHT_PIXELS = 512 * 512;

/**
 * Decodes one image file and writes it, fitted, to `out` (height x width x channels bytes). Small plain files are done
 * before this returns; others give a promise, so that several can be in flight. `bytes` are not used any more then.
 * @param turns shared by all that decode the same source
 * @throws {Unusable} (at once or as a rejection) with code `empty`, `not-an-image`, `too-large`, `too-many-pixels`,
 * `unsupported` or `broken`.
 */
export function decodeImage(
  bytes: Buffer,
  settings: ImageSettings,
  limits: Limits,
  out: Uint8Array,
  turns: Turns,
): OriginalSize | Promise<OriginalSize> {
  if (bytes.length === 0) throw new Unusable('empty', 'The file is empty.');
  if (bytes.length > limits.fileBytes) throw tooLarge(bytes.length, limits);
  const header = readImageHeader(bytes);
  if (header === null) {
    throw new Unusable('not-an-image', 'It is no PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF file.');
  }
  if (header.format === 'heic') {
    throw new Unusable('unsupported', 'HEIC cannot be read; save it as JPEG, PNG or AVIF.');
  }
  const { width, height } = header;
  if (width !== null && height !== null) {
    checkPixels(width, height, limits);
    if (header.format === 'bmp') checkBmpLength(bytes, width * height);
    const isLight = header.format === 'bmp' || (header.plain && width * height <= LIGHT_PIXELS);
    if (isLight && header.coarse && decodeQuickly(bytes, width, height, settings, out))
      return { width, height };
    if (isLight && isLarge(width * height)) {
      const kept = Buffer.from(bytes);
      return inTurn(turns, width * height, async () => {
        const size = decodeLight(kept, header, width, height, settings, out);
        await collectNow();
        return size;
      });
    }
    if (isLight && !header.coarse) return decodeLight(bytes, header, width, height, settings, out);
    if (header.format === 'jpeg' && header.plain) {
      const size = { width, height, hasAlpha: false };
      return decodeWithSharp(Buffer.from(bytes), header, settings, limits, out, turns, size);
    }
  }
  return decodeWithSharp(Buffer.from(bytes), header, settings, limits, out, turns);
}

export const tooLarge = (bytes: number, limits: Limits): Unusable =>
  new Unusable('too-large', `The file has ${mega(bytes)} MB; at most ${mega(limits.fileBytes)} are read.`);

const mega = (n: number): string => (n / 1e6).toFixed(n < 1e7 ? 1 : 0);

function checkPixels(width: number, height: number, limits: Limits): void {
  if (width === 0 || height === 0)
    throw new Unusable('broken', 'The file is damaged: it announces no pixels.');
  if (width * height > limits.imagePixels) {
    const text = `The image is ${width} x ${height} pixels; at most ${mega(limits.imagePixels)} million are read.`;
    throw new Unusable('too-many-pixels', text);
  }
}

/** A BMP in run lengths (compression 1 and 2) says at most 255 pixels in two bytes; what is shorter is mostly not there. */
function checkBmpLength(bytes: Buffer, pixels: number): void {
  const isCore = bytes.readUInt32LE(14) === 12;
  if (bytes.length < (isCore ? 26 : 34))
    throw new Unusable('broken', 'The file is damaged: it ends too early.');
  const bits = bytes.readUInt16LE(isCore ? 24 : 28);
  const compression = isCore ? 0 : bytes.readUInt32LE(30);
  const least = compression === 1 || compression === 2 ? (2 * pixels) / 255 : (bits * pixels) / 8;
  if (bytes.length < least) throw new Unusable('broken', 'The file is damaged: it ends too early.');
}

const jpegPixels = Buffer.alloc(LIGHT_PIXELS * 3);
const RGB = { format: jpeg.FORMAT_RGB };

/**
 * Decodes a small coarse JPEG in a third of the time that the light decoder below takes; its inverse transform is off by
 * one grey level on average, where such a file of a photograph is off by six itself. At the least doubt about the file it
 * declines, and sharp has the word.
 */
function decodeQuickly(
  bytes: Buffer,
  width: number,
  height: number,
  settings: ImageSettings,
  out: Uint8Array,
): boolean {
  let decoded: ReturnType<typeof jpeg.decompressSync>;
  try {
    decoded = jpeg.decompressSync(bytes, jpegPixels, RGB);
  } catch {
    return false;
  }
  if (decoded.width !== width || decoded.height !== height) return false;
  fitPixels({ data: decoded.data, width, height, channels: 3 }, settings, out);
  return true;
}

function decodeLight(
  bytes: Buffer,
  header: ImageHeader,
  width: number,
  height: number,
  settings: ImageSettings,
  out: Uint8Array,
): OriginalSize {
  let data: Buffer;
  try {
    data = new Transformer(bytes).rawPixelsSync();
  } catch {
    throw broken(header);
  }
  const channels = data.length / (width * height);
  if (!Number.isInteger(channels) || channels < 1 || channels > 4) {
    throw new Unusable('broken', 'The file is damaged: it has not the pixels that it announces.');
  }
  fitPixels({ data, width, height, channels }, settings, out);
  return { width, height };
}

let loadingSharp: Promise<typeof import('sharp').default> | null = null;

/** sharp takes a tenth of a second to load, which a folder of small plain files need not pay. */
function loadSharp(): Promise<typeof import('sharp').default> {
  loadingSharp ??= import('sharp').then(({ default: sharp }) => {
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return loadingSharp;
}

/** What must be known before an image is decoded; width and height with EXIF rotation applied. */
interface Facts extends OriginalSize {
  hasAlpha: boolean;
}

/** Reads the header alone. */
async function factsOf(image: Sharp): Promise<Facts> {
  const { autoOrient, hasAlpha } = await image.metadata();
  return { ...autoOrient, hasAlpha };
}

/** @param known what the header has told already: reading it again costs a tenth of the time */
async function decodeWithSharp(
  bytes: Buffer,
  header: ImageHeader,
  settings: ImageSettings,
  limits: Limits,
  out: Uint8Array,
  turns: Turns,
  known?: Facts,
): Promise<OriginalSize> {
  const sharp = await loadSharp();
  try {
    const image = sharp(bytes, {
      failOn: 'error',
      limitInputPixels: false,
      sequentialRead: true,
    }).autoOrient();
    const { width, height, hasAlpha } = known ?? (await factsOf(image));
    checkPixels(width, height, limits);
    const enlarges = width < settings.width || height < settings.height;
    if (!enlarges) {
      if (settings.fit === 'crop' && header.format !== 'jpeg') image.extract(place(width, height, settings));
      shrink(image, settings, hasAlpha);
    }
    const { data, info } = await inTurn(turns, width * height, () =>
      image.toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true }),
    );
    fitPixels({ data, width: info.width, height: info.height, channels: info.channels }, settings, out);
    return { width, height };
  } catch (cause) {
    if (cause instanceof Unusable) throw cause;
    throw broken(header);
  }
}

/**
 * Lets sharp bring the image to the target's size, which for JPEG spares most of the decoding. Cutting out the centre
 * beforehand would prevent that; cutting it afterwards is up to half a pixel off.
 */
function shrink(image: Sharp, settings: ImageSettings, hasAlpha: boolean): void {
  const border = borderValue(hasAlpha, settings);
  const alpha = keepsAlpha(settings) ? 0 : 1;
  if (!keepsAlpha(settings)) image.flatten({ background: '#fff' });
  image.resize(settings.width, settings.height, {
    fit: { crop: 'cover', pad: 'contain', stretch: 'fill' }[settings.fit] as 'cover' | 'contain' | 'fill',
    kernel: 'lanczos3',
    background: { r: border, g: border, b: border, alpha },
  });
}

const FORMAT_NAMES: Record<ImageFormat, string> = {
  png: 'PNG',
  jpeg: 'JPEG',
  webp: 'WebP',
  gif: 'GIF',
  bmp: 'BMP',
  tiff: 'TIFF',
  avif: 'AVIF',
  heic: 'HEIC',
};

/** The libraries' own words are left out: they help nobody, and libvips mixes those of images decoded at the same time. */
const broken = ({ format }: ImageHeader): Unusable =>
  new Unusable(
    'broken',
    `The file is damaged, cut off, or a kind of ${FORMAT_NAMES[format]} that cannot be read.`,
  );
