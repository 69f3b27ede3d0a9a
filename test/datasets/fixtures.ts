import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterEach, expect } from 'vitest';
import { prepareDataset, type PrepareOptions } from '../../src-main/datasets/prepare-dataset.ts';
import { readImages } from '../../src-main/datasets/read-images.ts';
import type { ImageSettings, PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';

const made: string[] = [];

afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** An empty folder that is removed after the test. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ganvas-datasets-'));
  made.push(dir);
  return dir;
}

/** Writes files, given by their paths inside `folder`. */
export function writeFiles(folder: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

export const settingsOf = (
  size: number,
  channels: ImageSettings['channels'] = 3,
  fit: ImageSettings['fit'] = 'crop',
): ImageSettings => ({ height: size, width: size, channels, fit });

/** A smooth colour picture without symmetry, so that every flip and turn of it differs. */
export function picture(width: number, height: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      pixels[at] = (255 * x) / width;
      pixels[at + 1] = (255 * y) / height;
      pixels[at + 2] = 128 + 100 * Math.sin((5 * x) / width) * Math.cos((3 * y) / height);
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** A picture of one colour. */
export const plain = (width: number, height: number, colour: string): Sharp =>
  sharp({ create: { width, height, channels: 4, background: colour } }).removeAlpha();

export function prepare(
  source: string,
  settings: ImageSettings = settingsOf(8),
  options: Partial<PrepareOptions> = {},
): Promise<PreparedDataset> {
  return prepareDataset(source, settings, { cacheDir: temporaryFolder(), ...options });
}

/** The pixels of a dataset's image. */
export const imageOf = (dataset: PreparedDataset, index = 0): Promise<Uint8Array> =>
  readImages(dataset, [index]);

/** Prepares one file alone and gives its pixels. */
export async function decodeOne(content: Uint8Array, settings: ImageSettings): Promise<Uint8Array> {
  const folder = temporaryFolder();
  writeFiles(folder, { image: content });
  const dataset = await prepare(folder, settings);
  expect(dataset.leftOut).toEqual([]);
  return imageOf(dataset);
}

/** The pixels of a PNG, with the channels that it has. */
export async function pngPixels(png: Uint8Array): Promise<Uint8Array> {
  const { channels } = await sharp(png).metadata();
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  // Grey is decoded to red, green and blue.
  const places = { 1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3] }[channels];
  return Uint8Array.from({ length: info.width * info.height * channels }, (_, at) => {
    return data[Math.floor(at / channels) * info.channels + places[at % channels]!]!;
  });
}

/** Mean absolute difference. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}

/** The code of the error that `promise` fails with; its message must be a sentence that says what to do. */
export async function failure(promise: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof AppError)) throw new Error(`expected an AppError, got ${String(thrown)}`);
  return thrown;
}

/** Names in a cache folder: nothing when all went well and nothing was kept. */
export const namesIn = (folder: string): string[] => readdirSync(folder);
