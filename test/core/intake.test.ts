import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { createIntake, type Intake, type IntakeOptions } from '../../src-main/core/intake.ts';
import { readImages } from '../../src-main/datasets/read-images.ts';
import { libraryFolder } from '../../src-main/store/library-folder.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import type { Progress } from '../../src-shared/progress.ts';
import type { CallContext } from '../../src-shared/rpc.ts';
import { pngPixels } from '../datasets/fixtures.ts';
import { errorOf, temporaryFolder, tinyImages } from './library.ts';

const { signal } = new AbortController();
const context: CallContext = { onProgress: () => undefined, signal, connection: signal };

const picture = await sharp({ create: { width: 9, height: 8, channels: 3, background: '#306090' } })
  .png()
  .toBuffer();

/** A folder of pictures of one colour. */
function pictures(count: number, dir = join(temporaryFolder(), 'pictures')): string {
  mkdirSync(dir, { recursive: true });
  for (let i = 0; i < count; i += 1) writeFileSync(join(dir, `${i}.png`), picture);
  return realpathSync(dir);
}

function open(options: Partial<IntakeOptions> = {}): Intake {
  const intake = createIntake({
    paths: libraryFolder(join(temporaryFolder(), 'library')),
    dataRoots: null,
    findDataset: () => null,
    isKnown: () => false,
    isUsed: () => false,
    ...options,
  });
  intake.sweep();
  onTestFinished(() => intake.close());
  return intake;
}

async function* bodyOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Uploads files of the same content. */
async function upload(intake: Intake, name: string, paths: readonly string[], bytes: Uint8Array = picture) {
  const announced = { name, files: paths.length, bytes: paths.length * bytes.length };
  const { id } = await intake.handlers['datasets.beginUpload'](announced, context);
  for (const path of paths) await intake.files.receive(id, path, bodyOf(bytes));
  const { source } = await intake.handlers['datasets.finishUpload']({ id }, context);
  return source;
}

test('an upload is looked at and prepared under its own name', async () => {
  const intake = open();
  const source = await upload(intake, 'Holiday', ['cats/1.png', 'dogs/1.png', 'dogs/2.png']);
  const preview = await intake.handlers['datasets.preview']({ source, settings: null, count: 8 }, context);
  expect(preview).toMatchObject({ count: 3, files: 3, sizes: [[9, 8, 3]], sourceName: 'Holiday' });
  expect(preview.settings).toEqual({ height: 32, width: 32, channels: 3, fit: 'crop' });
  const content = await intake.files.preview(preview.id, 2);
  expect(content).toMatchObject({ kind: 'bytes', type: 'image/png' });
  const prepared = await intake.prepare(source, tinyImages);
  expect(prepared).toMatchObject({ source, count: 3, classes: ['cats', 'dogs'] });
  expect(await intake.prepare(source, tinyImages)).toEqual(prepared);
  expect(intake.sourceName(source)).toBe('Holiday');
});

test('errors speak of the upload, not of where it lies', async () => {
  const paths = libraryFolder(join(temporaryFolder(), 'library'));
  const intake = open({ paths });
  const source = await upload(intake, 'Notes', ['a.txt', 'b.txt'], Buffer.from('no image at all'));
  const asked = { source, settings: tinyImages, count: 8 };
  for (const ask of [
    () => intake.prepare(source, tinyImages),
    () => intake.handlers['datasets.preview'](asked, context),
  ]) {
    const error = await errorOf(ask);
    expect(error.code).toBe('dataset.no-images');
    expect(error.message).toContain('Notes holds no images');
    expect(JSON.stringify([error.message, error.details])).not.toContain(paths.dir);
  }
});

test('a preview can be watched and cancelled', async () => {
  const intake = open();
  const folder = pictures(20);
  const asked = { source: folder, settings: tinyImages, count: 8 };
  const seen: Progress[] = [];
  await intake.handlers['datasets.preview'](asked, { ...context, onProgress: (told) => seen.push(told) });
  expect(seen.at(-1)).toMatchObject({ phase: 'reading images', done: 8, total: 8 });
  const controller = new AbortController();
  const cancelled = errorOf(() =>
    intake.handlers['datasets.preview'](asked, {
      ...context,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    }),
  );
  expect((await cancelled).code).toBe('cancelled');
});

test('paths are confined to the data roots, for every way to use them', async () => {
  const inside = pictures(3);
  const outside = pictures(3);
  symlinkSync(outside, join(inside, 'link'));
  const intake = open({ dataRoots: [inside] });
  const listing = await intake.handlers['datasets.browse']({ path: null }, context);
  expect(listing.entries.map(({ path }) => path)).toEqual([inside]);
  for (const source of [outside, join(inside, 'link'), `${inside}/../..`, join(outside, 'not-there')]) {
    for (const ask of [
      () => intake.handlers['datasets.browse']({ path: source }, context),
      () => intake.handlers['datasets.preview']({ source, settings: null, count: 8 }, context),
      () => intake.prepare(source, tinyImages),
      () => intake.require(source),
    ]) {
      expect((await errorOf(ask)).code).toBe('dataset.not-allowed');
    }
  }
  expect(await intake.prepare(inside, tinyImages)).toMatchObject({ source: inside, count: 3 });
  expect(await intake.prepare('sample:4', tinyImages)).toMatchObject({ source: 'sample:4x8', count: 4 });
});

test('outside of the roots, what the library was made from stays allowed; what is not there is no offence', async () => {
  const [inside, known] = [pictures(3), pictures(2)];
  const intake = open({ dataRoots: [inside], isKnown: (source) => source === known });
  expect(await intake.prepare(known, tinyImages)).toMatchObject({ source: known, count: 2 });
  expect((await errorOf(() => intake.prepare(`${known}/.`, tinyImages))).code).toBe('dataset.not-allowed');
  for (const source of [known, inside, join(inside, 'unplugged'), 'sample', 'upload:x'])
    await intake.require(source);
});

test('images of a prepared dataset are its pixels, for every number of channels', async () => {
  const datasets = new Map<string, PreparedDataset>();
  const intake = open({ findDataset: (key) => datasets.get(key) ?? null });
  for (const channels of [1, 2, 3, 4] as const) {
    const dataset = await intake.prepare('sample:4', { ...tinyImages, channels });
    datasets.set(dataset.key, dataset);
    const content = await intake.files.image(dataset.key, 3);
    if (content.kind !== 'bytes') throw new Error('expected bytes');
    expect((await sharp(content.bytes).metadata()).channels).toBe(channels);
    expect(await pngPixels(content.bytes)).toEqual(await readImages(dataset, [3]));
    for (const index of [4, -1, 0.5, NaN]) {
      expect((await errorOf(() => intake.files.image(dataset.key, index))).code).toBe('image.missing');
    }
  }
  expect((await errorOf(() => intake.files.image('unknown', 0))).code).toBe('image.missing');
  const [first] = datasets.values();
  rmSync(first!.dir, { recursive: true });
  expect((await errorOf(() => intake.files.image(first!.key, 0))).code).toBe('dataset.cache-lost');
});

test('the list of what was left out of a prepared dataset, where there is one', async () => {
  const datasets = new Map<string, PreparedDataset>();
  const intake = open({ findDataset: (key) => datasets.get(key) ?? null });
  const folder = pictures(2);
  const clean = await intake.prepare(folder, tinyImages);
  writeFileSync(join(folder, 'notes.txt'), 'no image');
  const dataset = await intake.prepare(folder, tinyImages);
  for (const each of [clean, dataset]) datasets.set(each.key, each);
  const list = await intake.files.leftOut(dataset.key);
  if (list.kind !== 'file') throw new Error('expected a file');
  expect(JSON.parse(readFileSync(list.path, 'utf8'))).toMatchObject({
    file: 'notes.txt',
    code: 'not-an-image',
  });
  for (const key of [clean.key, 'unknown'])
    expect((await errorOf(() => intake.files.leftOut(key))).code).toBe('list.missing');
});

test('an upload goes when nothing uses it any more', async () => {
  const paths = libraryFolder(join(temporaryFolder(), 'library'));
  const used = new Set<string>();
  const isUsed = (source: string) => used.has(source);
  const intake = open({ paths, isUsed });
  const source = await upload(intake, 'Holiday', ['1.png', '2.png']);
  used.add(source);
  await intake.release(source);
  expect(readdirSync(paths.uploads)).toHaveLength(1);
  used.clear();
  await intake.release(pictures(1));
  await intake.release('sample');
  await intake.release(source);
  expect(readdirSync(paths.uploads)).toEqual([]);
  expect((await errorOf(() => intake.prepare(source, tinyImages))).code).toBe('upload.missing');
});

test('opening a library clears away what was not finished or used', async () => {
  const paths = libraryFolder(join(temporaryFolder(), 'library'));
  const first = open({ paths });
  const [kept, unused] = [await upload(first, 'kept', ['1.png']), await upload(first, 'unused', ['1.png'])];
  const { id } = await first.handlers['datasets.beginUpload']({ name: 'begun', files: 1, bytes: 9 }, context);
  await first.files.receive(id, 'a.png', bodyOf(Buffer.from('x')));
  const second = open({ paths, isUsed: (source) => source === kept });
  expect(readdirSync(paths.uploads)).toEqual([kept.slice('upload:'.length)]);
  expect((await errorOf(() => second.prepare(unused, tinyImages))).code).toBe('upload.missing');
  expect(second.sourceName(kept)).toBe('kept');
  const cancel = () => second.handlers['datasets.cancelUpload']({ id }, context);
  expect((await errorOf(cancel)).code).toBe('upload.missing');
});

test('sources have names that people know', () => {
  const intake = open();
  expect(intake.sourceName('/home/someone/My cats')).toBe('My cats');
  expect(intake.sourceName('sample:5000x32')).toBe('Drawn faces');
  expect(intake.sourceName('/')).toBe('/');
});

test('files and folders of one folder are one source, read where they lie, and nothing beside them', async () => {
  const paths = libraryFolder(join(temporaryFolder(), 'library'));
  const intake = open({ paths });
  const folder = pictures(3);
  pictures(2, join(folder, 'cats'));
  pictures(1, join(folder, 'dogs'));
  pictures(4, join(folder, 'not these'));
  const select = async (...names: string[]) => {
    const chosen = names.map((name) => join(folder, name));
    return (await intake.handlers['datasets.select']({ paths: chosen }, context)).source!;
  };
  const source = await select('cats', 'dogs', '1.png');
  const prepared = await intake.prepare(source, tinyImages);
  expect(prepared).toMatchObject({ source, count: 4, leftOutCount: 0 });
  const preview = await intake.handlers['datasets.preview']({ source, settings: null, count: 8 }, context);
  expect(preview).toMatchObject({ files: 4, sourceName: 'cats and more' });
  // What else of the folder is chosen is another source, also to what remembers the last ones.
  const other = await select('0.png', '1.png');
  const second = await intake.handlers['datasets.preview'](
    { source: other, settings: null, count: 8 },
    context,
  );
  expect(second.files).toBe(2);
  // Those of the same name that are uploaded are the same dataset.
  const uploaded = await upload(intake, 'cats and more', ['1.png', 'cats/0.png', 'cats/1.png', 'dogs/0.png']);
  expect((await intake.prepare(uploaded, tinyImages)).fingerprint).toBe(prepared.fingerprint);
  expect(readdirSync(join(paths.uploads, source.slice('upload:'.length)))).toEqual(['upload.json']);

  rmSync(folder, { recursive: true });
  expect(await errorOf(() => intake.prepare(source, tinyImages))).toMatchObject({ code: 'dataset.missing' });
  await intake.release(source);
  expect(await errorOf(() => intake.prepare(source, tinyImages))).toMatchObject({ code: 'upload.missing' });
});

test('a selection never leads out of its folder, whatever a library says of it', async () => {
  const paths = libraryFolder(join(temporaryFolder(), 'library'));
  const intake = open({ paths });
  const folder = pictures(1);
  pictures(1, join(folder, 'inside'));
  symlinkSync(folder, join(folder, 'inside', 'link'));
  const lines = {
    name: 'x',
    selection: { folder: join(folder, 'inside'), names: ['..', '../0.png', 'link', '/'] },
  };
  const id = '0'.repeat(20);
  mkdirSync(join(paths.uploads, id), { recursive: true });
  writeFileSync(join(paths.uploads, id, 'upload.json'), JSON.stringify(lines));
  expect(await errorOf(() => intake.prepare(`upload:${id}`, tinyImages))).toMatchObject({
    code: 'dataset.no-images',
  });
});

test('what does not lie in one folder, or where not all of the machine is allowed, is no selection', async () => {
  const [one, two] = [pictures(1), pictures(1)];
  const ask = (intake: Intake, ...chosen: string[]) =>
    intake.handlers['datasets.select']({ paths: chosen }, context);
  expect(await ask(open(), join(one, '0.png'), join(two, '0.png'))).toEqual({ source: null });
  expect(await ask(open({ dataRoots: [one] }), join(one, '0.png'), one)).toEqual({ source: null });
  expect(await ask(open({ dataRoots: [one] }), join(one, '0.png'))).toEqual({ source: null });
});
