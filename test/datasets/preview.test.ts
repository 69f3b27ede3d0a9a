import {
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Previews } from '../../src-main/datasets/preview.ts';
import type { Preview } from '../../src-shared/api.ts';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import {
  failure,
  imageOf,
  picture,
  plain,
  pngPixels,
  prepare,
  settingsOf,
  temporaryFolder,
  writeFiles,
} from './fixtures.ts';

function openPreviews(): Previews {
  const dir = temporaryFolder();
  const previews = new Previews({ dir: join(dir, 'library'), scratch: join(dir, 'scratch') });
  onTestFinished(() => previews.close());
  return previews;
}

const pixelsOf = (previews: Previews, { id, count }: { id: string; count: number }): Promise<Uint8Array[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => pngPixels(previews.picture(id, index))));

test('a library among the images, reached by a link, is passed over', async () => {
  const folder = temporaryFolder();
  const link = join(temporaryFolder(), 'library');
  const image = await plain(8, 8, '#ff0000').png().toBuffer();
  writeFiles(folder, { '1.png': image, 'library/runs/r/samples/00000000.png': image });
  symlinkSync(join(folder, 'library'), link);
  const previews = new Previews({ dir: link, scratch: join(temporaryFolder(), 'scratch') });
  onTestFinished(() => previews.close());
  expect(await previews.make(folder, settingsOf(8), 9)).toMatchObject({ count: 1, files: 1 });
});

async function expectPrepared(source: string, settings: ImageSettings, count: number): Promise<void> {
  const previews = openPreviews();
  const preview = await previews.make(source, settings, 64);
  const dataset = await prepare(source, settings);
  expect(preview).toMatchObject({ count, files: count, settings, sizes: dataset.sizes });
  expect(dataset.count).toBe(count);
  for (const [index, pixels] of (await pixelsOf(previews, preview)).entries()) {
    expect(pixels).toEqual(await imageOf(dataset, index));
  }
}

/** IDX images of 2x2 pixels, each of which says which it is. */
function numbered(count: number): Buffer {
  const file = Buffer.alloc(16 + count * 4);
  [0x803, count, 2, 2].forEach((value, i) => file.writeUInt32BE(value, 4 * i));
  for (let i = 0; i < count; i++) file.writeUInt16BE(i, 16 + i * 4);
  return file;
}

async function numbersOf(previews: Previews, preview: Omit<Preview, 'sourceName'>): Promise<number[]> {
  return (await pixelsOf(previews, preview)).map((pixels) => pixels[0]! * 256 + pixels[1]!);
}

/** Makes all folders look as if nothing had happened to them for long. */
function settle(folder: string): void {
  const long = new Date(2001, 1, 1);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) settle(join(folder, entry.name));
  }
  utimesSync(folder, long, long);
}

const pictures = {
  'a/colour.png': await picture(40, 30).png().toBuffer(),
  'a/photo.jpg': await picture(900, 700).jpeg().toBuffer(),
  'b/turned.jpg': await picture(60, 40).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  'b/clear.webp': await picture(50, 50).ensureAlpha(0.4).webp({ lossless: true }).toBuffer(),
  'b/grey.png': await picture(33, 21).greyscale().png().toBuffer(),
  'c/exact.bmp.png': await picture(16, 16).png().toBuffer(),
};

const png = await plain(8, 8, '#204060').png().toBuffer();

describe('pictures are the pixels that training would see', () => {
  test.each([
    settingsOf(16, 1, 'crop'),
    settingsOf(16, 2, 'pad'),
    settingsOf(16, 3, 'stretch'),
    settingsOf(16, 4, 'crop'),
    { height: 20, width: 12, channels: 3, fit: 'pad' },
  ] as const)('of a folder with $channels channels, $fit', async (settings) => {
    const folder = temporaryFolder();
    writeFiles(folder, pictures);
    await expectPrepared(folder, settings, 6);
  });

  test('of a zip, of IDX files as they are and packed, and of drawn faces', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'pictures.zip': zipSync(pictures),
      'train-images-idx3-ubyte': numbered(50),
      'packed/train-images-idx3-ubyte.gz': gzipSync(numbered(40)),
    });
    await expectPrepared(join(folder, 'pictures.zip'), settingsOf(16), 6);
    await expectPrepared(join(folder, 'train-images-idx3-ubyte'), settingsOf(2, 1), 50);
    await expectPrepared(join(folder, 'packed'), settingsOf(4, 1), 40);
    await expectPrepared('sample:5', settingsOf(20), 5);
    await expectPrepared('sample:5x24', settingsOf(20), 5);
  });
});

describe('the choice of images', () => {
  test('is spread over the source and always the same', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { images: numbered(1000) });
    const previews = openPreviews();
    const look = async (count: number) =>
      numbersOf(previews, await previews.make(join(folder, 'images'), settingsOf(2, 1), count));
    for (const count of [1, 2, 10, 64]) {
      const chosen = await look(count);
      expect(await look(count)).toEqual(chosen);
      expect(new Set(chosen).size).toBe(count);
      const gaps = [...chosen, 1000 + chosen[0]!].slice(1).map((index, i) => index - chosen[i]!);
      expect(Math.max(...gaps)).toBeLessThan((1024 / count) * 2 + 1);
      expect(Math.min(...gaps)).toBeGreaterThan(1024 / count / 2.1);
    }
  });

  test('leaves out what cannot be used and takes others for it', async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 60; i++)
      writeFiles(folder, { [`${i}.png`]: i % 3 === 0 ? png : png.subarray(0, 40) });
    const previews = openPreviews();
    const preview = await previews.make(folder, settingsOf(8), 15);
    expect(preview).toMatchObject({ count: 15, files: 60, sizes: [[8, 8, 15]] });
  });

  test('finds the few images among many other files', async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 900; i++) writeFiles(folder, { [`${i}.txt`]: 'a file that is not an image at all' });
    writeFiles(folder, { '77.png': png, '5.png': png, '500.png': png });
    const preview = await openPreviews().make(folder, settingsOf(8), 12);
    expect(preview).toMatchObject({ count: 3, files: 903 });
  });

  test('is smaller where the images would be huge', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'train-images-idx3-ubyte': numbered(40) });
    const preview = await openPreviews().make(folder, settingsOf(2048, 4), 40);
    expect(preview).toMatchObject({ count: 4, files: 40 });
  });
});

describe('errors are those of preparing', () => {
  test.each<[string, Record<string, Uint8Array | string>, string]>([
    ['nothing there', {}, 'missing'],
    ['an empty folder', { 'source/.keep': '' }, 'source'],
    ['a folder without images', { 'source/a.txt': 'some text', 'source/b/c.txt': 'more text' }, 'source'],
    [
      'nothing but broken images',
      { 'source/b.png': png.subarray(0, 50), 'source/a.png': png.subarray(0, 40) },
      'source',
    ],
    ['one image', { 'source.png': png }, 'source.png'],
    ['a text', { 'source.txt': 'some text' }, 'source.txt'],
    ['a broken zip', { 'source.zip': 'PK and then nothing' }, 'source.zip'],
    ['a cut IDX file', { 'source/x-idx3-ubyte': numbered(9).subarray(0, 30) }, 'source'],
    [
      'a cut packed IDX file',
      { 'source/x-idx3-ubyte.gz': gzipSync(numbered(900)).subarray(0, 300) },
      'source',
    ],
  ])('%s', async (_, files, name) => {
    const folder = temporaryFolder();
    writeFiles(folder, files);
    const source = join(folder, name);
    const { code, message, details } = await failure(prepare(source));
    const previews = openPreviews();
    expect(await failure(previews.make(source, settingsOf(8), 4))).toMatchObject({ code, message, details });
    expect(await failure(previews.make(source, null, 4))).toMatchObject({ code, message });
  });

  test('a name of a sample that is none', async () => {
    expect((await failure(openPreviews().make('sample:0', null, 4))).code).toBe('dataset.sample');
  });
});

const colour = (width: number, height: number): Promise<Buffer> => picture(width, height).png().toBuffer();
const grey = (width: number, height: number): Promise<Buffer> =>
  picture(width, height).greyscale().toColourspace('srgb').jpeg().toBuffer();

const suggestions: [string, Record<string, Uint8Array>, ImageSettings][] = [
  ['grey 28 x 28', { a: await grey(28, 28), b: await grey(28, 28) }, settingsOf(28, 1)],
  ['colour 28 x 28, for which there is no preset', { a: await colour(28, 28) }, settingsOf(32)],
  ['tiny', { a: await colour(9, 9) }, settingsOf(32)],
  ['70 x 50', { a: await colour(70, 50) }, settingsOf(64)],
  ['large', { a: await colour(640, 400) }, settingsOf(128)],
  ['large and grey', { a: await grey(640, 400) }, settingsOf(128, 1)],
  [
    'one in colour',
    { a: await grey(64, 64), b: await grey(64, 64), c: await colour(64, 64) },
    settingsOf(64),
  ],
  [
    'mostly small',
    { a: await colour(300, 300), b: await colour(33, 32), c: await colour(33, 32) },
    settingsOf(32),
  ],
];

describe('suggested settings', () => {
  test.each(suggestions)('%s', async (_, files, expected) => {
    const folder = temporaryFolder();
    writeFiles(folder, files);
    expect((await openPreviews().make(folder, null, 16)).settings).toEqual(expected);
  });

  test('pictures are in the suggested settings', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { a: await grey(60, 66), b: await grey(64, 64) });
    const previews = openPreviews();
    const preview = await previews.make(folder, null, 16);
    const dataset = await prepare(folder, preview.settings);
    expect(dataset.settings).toEqual(settingsOf(64, 1));
    const pixels = await pixelsOf(previews, preview);
    expect(pixels).toEqual([await imageOf(dataset, 0), await imageOf(dataset, 1)]);
  });

  test('drawn faces are looked at in a size that trains in minutes', async () => {
    expect(await openPreviews().make('sample:30', null, 4)).toMatchObject({
      settings: settingsOf(32),
      sizes: [[32, 32, 4]],
      files: 30,
    });
  });
});

describe('what a source holds is remembered', () => {
  test('until one of its folders changes', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { 'a/1.png': png, 'b/deep/er/1.png': png });
    settle(folder);
    const previews = openPreviews();
    const files = async () => (await previews.make(folder, settingsOf(8), 1)).files;
    expect(await files()).toBe(2);
    writeFiles(folder, { 'b/deep/er/2.png': png });
    settle(folder);
    expect(await files()).toBe(2);
    utimesSync(join(folder, 'b/deep'), new Date(2002, 1, 1), new Date(2002, 1, 1));
    expect(await files()).toBe(3);
  });

  test('but not what may still be changing', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { '1.png': png });
    const previews = openPreviews();
    expect((await previews.make(folder, settingsOf(8), 1)).files).toBe(1);
    const { atime, mtime } = statSync(folder);
    writeFiles(folder, { '2.png': png });
    utimesSync(folder, atime, mtime);
    expect((await previews.make(folder, settingsOf(8), 1)).files).toBe(2);
  });

  test('and looked at anew when files have gone all the same', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, { '1.png': png, '2.png': png, '3.png': png });
    settle(folder);
    const previews = openPreviews();
    await previews.make(folder, settingsOf(8), 9);
    rmSync(join(folder, '2.png'));
    settle(folder);
    expect(await previews.make(folder, settingsOf(8), 9)).toMatchObject({ count: 2, files: 2 });
  });

  test('a source that has gone is missed', async () => {
    const folder = join(temporaryFolder(), 'inner');
    writeFiles(folder, { '1.png': png });
    settle(folder);
    const previews = openPreviews();
    await previews.make(folder, settingsOf(8), 9);
    rmSync(folder, { recursive: true });
    expect((await failure(previews.make(folder, settingsOf(8), 9))).code).toBe('dataset.missing');
  });

  test('unpacked files go with the memory of them, also when several look at once', async () => {
    const dir = temporaryFolder();
    const previews = new Previews({ dir: join(dir, 'library'), scratch: join(dir, 'scratch') });
    onTestFinished(() => previews.close());
    const sources = Array.from({ length: 6 }, (_, i) => join(dir, `${i}-idx3-ubyte.gz`));
    for (const [i, source] of sources.entries()) {
      writeFileSync(source, gzipSync(numbered(10 + i)));
      utimesSync(source, new Date(2001, 1, 1), new Date(2001, 1, 1));
    }
    const counts: number[] = [];
    for (const source of sources) counts.push((await previews.make(source, settingsOf(2, 1), 20)).count);
    expect(counts).toEqual([10, 11, 12, 13, 14, 15]);
    const twice = [sources[0]!, sources[0]!].map((source) => previews.make(source, settingsOf(2, 1), 20));
    expect((await Promise.all(twice)).map(({ count }) => count)).toEqual([10, 10]);
    expect(readdirSync(join(dir, 'scratch'))).toHaveLength(4);
  });
});

test('pictures are kept for the last few previews that were looked at', async () => {
  const previews = openPreviews();
  const make = () => previews.make('sample:3x8', settingsOf(8), 2);
  const first = await make();
  const second = await make();
  for (let i = 0; i < 14; i++) await make();
  previews.picture(first.id, 0);
  await make();
  expect(previews.picture(first.id, 1).length).toBeGreaterThan(50);
  const missing = { code: 'preview.missing' };
  expect(() => previews.picture(second.id, 0)).toThrow(expect.objectContaining(missing));
  expect(() => previews.picture(first.id, 2)).toThrow(expect.objectContaining(missing));
  expect(() => previews.picture(first.id, -1)).toThrow(expect.objectContaining(missing));
});

test('a preview can be cancelled at any time, and the next one works', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'a'));
  for (let i = 0; i < 40; i++) writeFileSync(join(folder, 'a', `${i}.png`), png);
  const previews = openPreviews();
  for (const phase of ['finding files', 'reading images']) {
    const { signal, abort } = abortion();
    const onProgress = (progress: { phase: string }): void => {
      if (progress.phase === phase) abort();
    };
    const failed = await failure(previews.make(folder, settingsOf(8), 30, { signal, onProgress }));
    expect(failed.code).toBe('cancelled');
  }
  const { signal, abort } = abortion();
  abort();
  expect((await failure(previews.make(folder, settingsOf(8), 30, { signal }))).code).toBe('cancelled');
  expect((await previews.make(folder, settingsOf(8), 30)).count).toBe(30);
  const last = failure(previews.make(folder, settingsOf(8), 30));
  await previews.close();
  expect((await last).code).toBe('cancelled');
});

function abortion(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

test.runIf(process.platform === 'linux')('no source stays open', async () => {
  const folder = temporaryFolder();
  const source = join(folder, 'a.zip');
  writeFiles(folder, { 'a.zip': zipSync({ 'a.png': await plain(8, 8, '#204060').png().toBuffer() }) });
  await openPreviews().make(source, settingsOf(8), 3);
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  expect(open).not.toContain(source);
});
