import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { libraryFolder } from '../../src-main/store/library-folder.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import { startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import type { Progress } from '../../src-shared/progress.ts';
import { AnsweringHost } from '../contract/answering-trainers.ts';
import { context, draft, makeExperiment, startRun } from './experiment.ts';
import { errorOf, open, temporaryFolder, tinyDesign, tinyImages } from './library.ts';

async function pictures(count: number): Promise<string> {
  const dir = join(temporaryFolder(), 'pictures');
  mkdirSync(dir);
  for (let i = 0; i < count; i += 1) {
    const background = { r: i * 9, g: 100, b: 200 };
    await sharp({ create: { width: 9, height: 8, channels: 3, background } })
      .png()
      .toFile(join(dir, `${i}.png`));
  }
  return dir;
}

test('images that are not prepared are, with progress; those that are, are compared with their sum alone', async () => {
  const host = new AnsweringHost();
  const app = open(host);
  const source = await pictures(5);
  const { id } = await makeExperiment(app, { source });
  const start = async () => {
    const phases = new Set<string>();
    const run = await app.handlers['runs.start'](
      { experiment: id, name: 'A run', seed: null },
      { ...context, onProgress: ({ phase }) => phases.add(phase) },
    );
    return { run, phases: [...phases] };
  };
  const first = await start();
  expect(first.phases).toContain('reading images');
  expect(first.run.dataset).toMatchObject({ source, count: 5, settings: tinyImages });
  rmSync(source, { recursive: true });
  const second = await start();
  expect(second.phases).toEqual(['checking prepared images']);
  expect(second.run.dataset).toEqual(first.run.dataset);
  expect(second.run.seed).not.toBe(first.run.seed);
});

test('prepared images that are damaged are prepared again; where their source is gone, too, that is said', async () => {
  const app = open(new AnsweringHost());
  const source = await pictures(5);
  const { id } = await makeExperiment(app, { source });
  const first = await startRun(app, id);
  const images = join(libraryFolder(app.libraryDir).cacheFolder(first.dataset.key), 'images.u8');
  const whole = readFileSync(images);
  writeFileSync(images, Buffer.alloc(whole.length));
  expect((await startRun(app, id)).dataset).toEqual(first.dataset);
  expect(readFileSync(images).equals(whole)).toBe(true);
  writeFileSync(images, Buffer.alloc(whole.length));
  rmSync(source, { recursive: true });
  const error = await errorOf(() => startRun(app, id));
  expect(error.code).toBe('dataset.gone');
  expect(error.message).toContain(`damaged in the library, and what they were made from is not at ${source}`);
});

test('a drawn dataset is found however it was called', async () => {
  const app = open(new AnsweringHost());
  const prepared = await app.handlers['datasets.prepare'](
    { source: 'sample:12', settings: tinyImages },
    context,
  );
  expect(prepared.source).toBe('sample:12x8');
  for (const source of ['sample:12', 'sample:12x8']) {
    expect(await app.handlers['datasets.find']({ source, settings: tinyImages }, context)).toEqual(prepared);
  }
  const settings = { ...tinyImages, fit: 'pad' } as const;
  expect(await app.handlers['datasets.find']({ source: 'sample:12', settings }, context)).toBeNull();
});

test('what is in the list but gone from the disk is not found', async () => {
  const app = open(new AnsweringHost());
  await makeExperiment(app);
  rmSync(libraryFolder(app.libraryDir).cache, { recursive: true });
  const asked = { source: 'sample:12x8', settings: tinyImages };
  expect(await app.handlers['datasets.find'](asked, context)).toBeNull();
});

test('what cannot be trained is refused before there is a run, and before images are prepared where that can be told', async () => {
  const app = open(new AnsweringHost());
  const source = await pictures(3);
  const nowhere = join(source, 'nowhere');
  const codes: [object, string][] = [
    [{ imageSettings: null }, 'experiment.no-images'],
    [{ source: null }, 'experiment.no-images'],
    [{ source: nowhere, imageSettings: { ...tinyImages, height: 9 } }, 'dataset.wrong-shape'],
    [{ source: nowhere }, 'dataset.missing'],
    [{ source }, 'dataset.fewer-than-batch'],
  ];
  for (const [changes, code] of codes) {
    const { id } = await makeExperiment(app, changes);
    expect((await errorOf(() => startRun(app, id))).code).toBe(code);
  }
  expect((await errorOf(() => startRun(app, 'nothing'))).code).toBe('experiment.missing');
  expect(app.runs.list()).toEqual([]);
});

test('cancelled, or deleted meanwhile: there is no run', async () => {
  const app = open(new AnsweringHost());
  const source = await pictures(5);
  const { id } = await makeExperiment(app, { source });
  const controller = new AbortController();
  const asked = { experiment: id, name: 'A run', seed: 1 };
  const cancelled = errorOf(() =>
    app.handlers['runs.start'](asked, {
      ...context,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    }),
  );
  expect((await cancelled).code).toBe('cancelled');
  const deleted = errorOf(() =>
    app.handlers['runs.start'](asked, {
      ...context,
      onProgress: () => void app.handlers['experiments.delete']({ id }, context),
    }),
  );
  expect((await deleted).code).toBe('experiment.deleted');
  expect(app.runs.list()).toEqual([]);
});

test('a server reads only what it was told to, what was uploaded, and what the library knows', async () => {
  const [inside, outside, known] = [await pictures(4), await pictures(4), await pictures(4)];
  writeFileSync(join(outside, 'x.txt'), '');
  const dir = join(temporaryFolder(), 'library');
  const host = new AnsweringHost();
  const desktop = open(host, dir);
  await desktop.datasets.prepare(known, tinyImages);
  desktop.close();
  symlinkSync(outside, join(inside, 'way-out'));
  const app = open(host, dir, undefined, { roots: [inside] });
  const codeOf = async (source: string) => {
    try {
      await app.handlers['datasets.prepare']({ source, settings: tinyImages }, context);
      await app.handlers['experiments.create']({ name: 'x', ...draft, source }, context);
      return null;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  for (const source of [inside, known, 'sample:12x8']) expect(await codeOf(source)).toBeNull();
  for (const source of [outside, join(inside, 'way-out'), join(inside, '..'), '/', 'relative'])
    expect(await codeOf(source)).toBe('dataset.not-allowed');
  const save = (source: string) =>
    app.handlers['experiments.create']({ name: 'x', ...draft, source }, context);
  expect((await errorOf(() => save(outside))).code).toBe('dataset.not-allowed');
});

test('an experiment made from a run has all that the run was made with', async () => {
  const host = new AnsweringHost();
  const app = open(host);
  const { id } = await makeExperiment(app);
  const run = await startRun(app, id);
  const larger = packHistory(startHistory({ ...tinyDesign, latentDim: 9 }));
  const changes = { history: larger, source: null, imageSettings: null };
  await app.handlers['experiments.save']({ id, revision: 0, draft: changes }, context);
  await app.handlers['experiments.tag']({ id, tags: ['a'] }, context);
  const copy = await app.handlers['experiments.duplicate']({ id, run: run.id, name: 'Again' }, context);
  expect(copy).toMatchObject({ ...draft, name: 'Again', tags: ['a'], revision: 0, design: tinyDesign });
});

test('images name an experiment that nobody has named, and no other', async () => {
  const events: ApiEvent[] = [];
  const dir = temporaryFolder();
  const app = open(new AnsweringHost(), undefined, (event) => events.push(event));
  const make = (name: string) =>
    app.handlers['experiments.create']({ name, ...draft, source: null }, context);
  const save = (id: string, revision: number, source: string | null) =>
    app.handlers['experiments.save']({ id, revision, draft: { source } }, context);
  const { id } = await make('New experiment');
  expect(await save(id, 0, null)).toMatchObject({ name: 'New experiment' });
  expect(await save(id, 1, join(dir, 'My cats.zip'))).toMatchObject({ name: 'My cats', revision: 2 });
  expect(events.at(-1)).toMatchObject({
    type: 'experiment',
    experiment: { id, name: 'My cats', revision: 2 },
  });
  expect(await save(id, 2, 'sample')).toMatchObject({ name: 'My cats' });
  const named = await make('Mine');
  expect(await save(named.id, 0, 'sample')).toMatchObject({ name: 'Mine' });
});

test('an export that fails leaves nothing; one whose file is gone is not there', async () => {
  const host = new AnsweringHost();
  const app = open(host);
  const { id } = await makeExperiment(app);
  const run = await startRun(app, id);
  const paths = libraryFolder(app.libraryDir);
  const create = () => app.handlers['exports.create']({ run: run.id, step: null, format: 'onnx' }, context);
  expect((await errorOf(create)).code).toBe('checkpoint.none');
  await new Promise(setImmediate);
  host.train(1, 2);
  const aborted = { ...context, signal: AbortSignal.abort() };
  const cancelled = errorOf(() =>
    app.handlers['exports.create']({ run: run.id, step: 2, format: 'tfjs' }, aborted),
  );
  expect((await cancelled).code).toBe('cancelled');
  expect(readdirSync(paths.exports)).toEqual([]);
  const told: Progress[] = [];
  const telling = { ...context, onProgress: (progress: Progress) => told.push(progress) };
  const made = await app.handlers['exports.create']({ run: run.id, step: null, format: 'onnx' }, telling);
  expect(told.at(0)).toMatchObject({ phase: 'measuring batch statistics', total: 1024 });
  const [folder] = readdirSync(paths.exports);
  expect(readdirSync(paths.exportFolder(folder!))).toEqual(['A-run-step-2.onnx']);
  rmSync(join(paths.exportFolder(folder!), made.name));
  expect(app.handlers['exports.list']({}, context)).toMatchObject([{ id: made.id, present: false }]);
  expect((await errorOf(() => app.files.export(made.id))).code).toBe('export.missing');
  await app.handlers['exports.delete']({ id: made.id }, context);
  expect(existsSync(paths.exportFolder(folder!))).toBe(false);
});
