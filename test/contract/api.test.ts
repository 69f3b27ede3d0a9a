/** Every method of the contract, called by windows over every kind of connection; trainers are scripted, all else is real. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { App } from '../../src-main/core/app.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import { api } from '../../src-shared/api.ts';
import { commit, startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import { serve } from '../../src-shared/rpc.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { errorOf, open, temporaryFolder, tinyDesign, tinyImages } from '../core/library.ts';
import { AnsweringHost } from './answering-trainers.ts';
import { kindsOfEnds } from './ports.ts';
import { Window } from './window.ts';

const hyperparameters = {
  ...defaultHyperparameters(),
  batch: 4,
  sampleCount: 4,
  sampleEvery: null,
  checkpointEvery: 2,
};
const draft = {
  history: packHistory(startHistory(tinyDesign)),
  hyperparameters,
  measuring: defaultMeasuring(),
  limits: { steps: 10, kimg: null, minutes: null },
  engine: 'onnx',
  imageSettings: tinyImages,
  source: 'sample:12x8',
} as const;
const noLimits = { steps: null, kimg: null, minutes: null };

describe.each(kindsOfEnds)('over $kind', ({ ends }) => {
  class Server {
    readonly host = new AnsweringHost();
    readonly roots = temporaryFolder();
    readonly app: App;
    readonly #senders: ((event: ApiEvent) => void)[] = [];

    constructor() {
      this.app = open(
        this.host,
        undefined,
        (event) => {
          for (const send of this.#senders) send(event);
        },
        { roots: [this.roots], shell: 'server' },
      );
    }

    async window(): Promise<Window> {
      const { near, far } = await ends();
      this.#senders.push(serve(far, api, this.app.handlers));
      const window = new Window(near);
      await window.load();
      return window;
    }
  }

  const codeOf = async (work: () => unknown) => (await errorOf(work)).code;

  test('every method does what it says, and all windows are told the same', async () => {
    const server = new Server();
    const { host, app } = server;
    const [window, other] = [await server.window(), await server.window()];

    // The system.
    const info = await window.call('system.info', {});
    expect(info).toMatchObject({
      shell: 'server',
      library: basename(app.libraryDir),
      canBrowse: true,
      dialogs: false,
    });
    expect(info.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(await window.call('system.engines', {})).toMatchObject([{ name: 'onnx', available: true }]);
    const design = { design: tinyDesign, hyperparameters, engine: 'onnx' } as const;
    const { kimgSeconds } = await window.call('system.stepTime', design);
    expect(kimgSeconds).toBe(500 / hyperparameters.batch);
    const resources = await window.call('system.resources', {});
    expect(resources.libraryBytes).toBeGreaterThan(0);
    expect(resources.diskFree).toBeGreaterThan(0);

    // What a shell with windows of its own does itself.
    for (const call of [
      () => window.call('system.setTheme', { theme: 'dark' }),
      () => window.call('datasets.choose', { kind: 'folder' }),
      () => window.call('experiments.openFile', {}),
      () => window.call('experiments.saveFile', { id: 'none' }),
    ])
      expect(await codeOf(call)).toBe('shell.not-here');

    // Images: from a folder, from an upload, and drawn.
    mkdirSync(join(server.roots, 'cats'));
    const image = (background: string) =>
      sharp({ create: { width: 9, height: 8, channels: 3, background } })
        .png()
        .toBuffer();
    const [blue, red] = [await image('#336699'), await image('#993333')];
    for (let i = 0; i < 4; i += 1) writeFileSync(join(server.roots, 'cats', `${i}.png`), blue);
    const { entries } = await window.call('datasets.browse', { path: server.roots });
    expect(entries).toMatchObject([{ name: 'cats', kind: 'folder' }]);
    const cats = entries[0]!.path;
    const preview = await window.call('datasets.preview', { source: cats, settings: tinyImages, count: 2 });
    expect(preview).toMatchObject({ count: 2, files: 4, sourceName: 'cats' });
    expect(await app.files.preview(preview.id, 1)).toMatchObject({ kind: 'bytes', type: 'image/png' });
    // Where not all of the machine is allowed, nothing on it is selected.
    expect(await window.call('datasets.select', { paths: [cats] })).toEqual({ source: null });
    const outside = temporaryFolder();
    expect(
      await codeOf(() => window.call('datasets.prepare', { source: outside, settings: tinyImages })),
    ).toBe('dataset.not-allowed');
    expect(await codeOf(() => window.call('datasets.find', { source: outside, settings: tinyImages }))).toBe(
      'dataset.not-allowed',
    );
    expect(await window.call('datasets.find', { source: cats, settings: tinyImages })).toBeNull();
    const phases = new Set<string>();
    const prepared = await window.call(
      'datasets.prepare',
      { source: cats, settings: tinyImages },
      { onProgress: ({ phase }) => phases.add(phase) },
    );
    expect(phases).toContain('reading images');
    expect(prepared).toMatchObject({ count: 4, sourceName: 'cats' });
    expect(prepared).not.toHaveProperty('dir');
    expect(await window.call('datasets.find', { source: cats, settings: tinyImages })).toEqual(prepared);

    const upload = { name: 'Dogs', files: 4, bytes: red.length * 4 };
    const { id: begun } = await window.call('datasets.beginUpload', upload);
    for (let i = 0; i < 4; i += 1) {
      await app.files.receive(
        begun,
        `${i}.png`,
        (async function* () {
          yield red;
        })(),
      );
    }
    const { source: dogs } = await window.call('datasets.finishUpload', { id: begun });
    expect(await window.call('datasets.prepare', { source: dogs, settings: tinyImages })).toMatchObject({
      source: dogs,
      sourceName: 'Dogs',
    });
    const { id: given } = await window.call('datasets.beginUpload', upload);
    await other.hears((event) => event.type === 'task' && event.task.id === given);
    await other.expectInStep();
    await window.call('datasets.continueUpload', { id: given });
    await window.call('datasets.cancelUpload', { id: given });
    const { id: ended } = await window.call('datasets.beginUpload', upload);
    await other.call('tasks.cancel', { id: ended });
    await window.hears((event) => event.type === 'task-ended' && event.task === ended);
    expect(await codeOf(() => window.call('datasets.continueUpload', { id: ended }))).toBe('upload.missing');
    expect(await codeOf(() => window.call('datasets.finishUpload', { id: given }))).toBe('upload.missing');
    const listed = await window.call('datasets.list', {});
    expect(listed.map(({ sourceName }) => sourceName).sort()).toEqual(['Dogs', 'cats']);
    expect(await app.files.image(prepared.key, 0)).toMatchObject({ type: 'image/png' });
    await window.call('datasets.delete', { key: prepared.key });
    expect(await window.call('datasets.list', {})).toHaveLength(1);

    // An experiment.
    const made = await window.call('experiments.create', { name: 'Faces', ...draft });
    expect(made).toMatchObject({ name: 'Faces', revision: 0, design: tinyDesign, deletedAt: null });
    const larger = { ...tinyDesign, latentDim: 8 };
    const history = packHistory(commit(startHistory(tinyDesign), { design: larger, what: 'a larger z' }));
    const save = { id: made.id, revision: 0, draft: { history } };
    const saved = await window.call('experiments.save', save);
    expect(saved).toMatchObject({ revision: 1, design: larger, source: 'sample:12x8' });
    const stale = await errorOf(() => other.call('experiments.save', save));
    expect(stale).toMatchObject({ code: 'experiment.changed', details: { revision: 1 } });
    const forbidden = { ...save, revision: 1, draft: { source: outside } };
    expect(await codeOf(() => window.call('experiments.save', forbidden))).toBe('dataset.not-allowed');
    await window.call('experiments.rename', { id: made.id, name: 'My faces' });
    await window.call('experiments.tag', { id: made.id, tags: ['small'] });
    const twice = { id: made.id, tags: ['a', 'b', 'a'] };
    expect(await codeOf(() => window.call('experiments.tag', twice))).toBe('rpc.bad-params');
    const opened = await other.call('experiments.get', { id: made.id });
    expect(opened).toEqual({ ...saved, name: 'My faces', tags: ['small'], updatedAt: opened.updatedAt });
    const copy = await window.call('experiments.duplicate', { id: made.id, run: null, name: 'Copy' });
    expect(copy).toMatchObject({ name: 'Copy', history, tags: ['small'], revision: 0 });
    await window.call('experiments.delete', { id: copy.id });
    expect(await codeOf(() => window.call('experiments.rename', { id: copy.id, name: 'x' }))).toBe(
      'experiment.deleted',
    );
    await window.call('experiments.restore', { id: copy.id });
    await other.expectInStep();

    // A run of it.
    const run = await window.call('runs.start', { experiment: made.id, name: 'First', seed: 7 });
    expect(run).toMatchObject({ name: 'First', seed: 7, design: larger, engineWanted: 'onnx', number: 1 });
    const waiting = await window.call('runs.start', { experiment: copy.id, name: 'Waits', seed: null });
    expect(waiting.state).toBe('queued');
    expect(await codeOf(() => window.call('runs.delete', { id: waiting.id }))).toBe('run.active');
    expect(await codeOf(() => window.call('experiments.delete', { id: made.id }))).toBe('run.active');
    await window.call('runs.stop', { id: waiting.id });
    host.train(1, 4);
    await other.hears((event) => event.type === 'checkpoint' && event.run === run.id && event.step === 4);
    expect(other.heard).toContainEqual({ type: 'resources', run: run.id, cpu: 0.5, memoryBytes: 1e8 });
    await window.call('runs.pause', { id: run.id });
    host.train(5, 6, 'paused');
    await other.hears((event) => event.type === 'run' && event.run.state === 'paused');
    const details = await window.call('runs.get', { id: run.id });
    expect(details).toMatchObject({
      run: { state: 'paused', step: 6, imagesSeen: 24, engine: 'onnx' },
      last: { step: 6 },
      samples: [
        { step: 4, count: 4, columns: 2 },
        { step: 6, count: 4, columns: 2 },
      ],
      checkpoints: [{ step: 4 }, { step: 6 }],
      exports: [],
    });
    expect(details.history.map(({ state }) => state)).toEqual(['queued', 'running', 'paused']);
    const picture = await app.files.sample(run.id, 6);
    if (picture.kind !== 'file') throw new Error('a sample is a file');
    expect(readFileSync(picture.path, 'utf8')).toBe('a picture');
    expect(await codeOf(() => app.files.sample(run.id, 5))).toBe('sample.missing');
    const curves = { columns: ['lossG', 'imagesPerSecond'], from: 2, to: null, bins: 3 } as const;
    const series = await window.call('runs.series', { id: run.id, ...curves, columns: [...curves.columns] });
    expect(series).toMatchObject({ step: [2, 4, 6], count: [1, 2, 2], seconds: [4, 8, 12] });
    expect(Object.keys(series.columns)).toEqual(['lossG', 'imagesPerSecond']);
    expect(await window.call('runs.metrics', { id: run.id })).toEqual([]);
    await window.call('runs.rename', { id: run.id, name: 'The first' });

    // Exploring its generator.
    const explorer = await window.call('explore.open', { run: run.id, step: null });
    expect(explorer).toMatchObject({ run: run.id, step: 6, directions: 4 });
    const point = { kind: 'seed', seed: 1 } as const;
    const held = { explorer: explorer.id };
    const drawn = await window.call('explore.draw', { ...held, points: [point], columns: 1 });
    expect(await app.files.explored(explorer.id, drawn.picture)).toMatchObject({ type: 'image/png' });
    const walk = { points: [point, point], framesPerSecond: 10, format: 'gif' } as const;
    const moving = await window.call('explore.animate', { ...held, ...walk, points: [...walk.points] });
    expect(await app.files.explored(explorer.id, moving.picture)).toMatchObject({ type: 'image/gif' });
    const nearest = await window.call('explore.nearest', { ...held, point, count: 1 });
    expect(nearest).toEqual({ dataset: run.dataset.key, images: [{ index: 3, distance: 0.5 }] });
    await window.call('explore.close', held);
    expect(await codeOf(() => app.files.explored(explorer.id, drawn.picture))).toBe('picture.missing');

    // Going on, from an earlier step, and as another run.
    const fork = await window.call('runs.fork', {
      id: run.id,
      step: 6,
      name: 'Slower',
      hyperparameters: { ...hyperparameters, loss: 'hinge', batch: 2 },
      measuring: null,
      limits: noLimits,
    });
    expect(fork).toMatchObject({
      name: 'Slower',
      step: 6,
      imagesSeen: 24,
      trainingSeconds: 12,
      seed: 7,
      forkedFrom: { run: run.id, step: 6 },
      experiment: made.id,
    });
    host.train(7, 8, 'stopped');
    const forked = await window.call('runs.get', { id: fork.id });
    expect(forked.run).toMatchObject({ state: 'stopped', step: 8, imagesSeen: 28 });
    expect(forked.checkpoints.map(({ step }) => step)).toEqual([6, 8]);
    const resumed = await window.call('runs.resume', { id: run.id, step: 4, limits: null });
    expect(resumed).toMatchObject({ step: 4, imagesSeen: 16, trainingSeconds: 8, name: 'The first' });
    host.train(5, 10, 'done');
    await other.expectInStep();

    // Measures.
    const metrics = await window.call('runs.measure', { id: run.id, step: 4, images: 16 });
    expect(metrics).toEqual([{ step: 4, name: 'swd', value: 20, protocol: { images: 16, seed: 0 } }]);
    expect(await other.call('runs.metrics', { id: run.id })).toEqual(metrics);
    await other.hears((event) => event.type === 'metrics' && event.run === run.id);

    // Exports.
    const exported = await window.call('exports.create', { run: run.id, step: 4, format: 'onnx' });
    expect(exported).toMatchObject({ name: 'The-first-step-4.onnx', bytes: 11, present: true, step: 4 });
    expect(exported).not.toHaveProperty('path');
    expect(await app.files.export(exported.id)).toMatchObject({
      name: 'The-first-step-4.onnx',
      content: { kind: 'file', type: 'application/octet-stream' },
    });
    await other.expectInStep();
    expect(await codeOf(() => window.call('exports.reveal', { id: exported.id }))).toBe('shell.not-here');
    await window.call('exports.delete', { id: exported.id });
    expect(await window.call('exports.list', {})).toEqual([]);
    expect(await codeOf(() => app.files.export(exported.id))).toBe('export.missing');
    const kept = await window.call('exports.create', { run: run.id, step: null, format: 'png' });

    // Deleting, until there is need of space.
    await window.call('runs.delete', { id: run.id });
    expect(await codeOf(() => window.call('runs.resume', { id: run.id, step: null, limits: noLimits }))).toBe(
      'run.deleted',
    );
    await window.call('runs.restore', { id: run.id });
    await window.call('experiments.delete', { id: made.id });
    await other.expectInStep();
    expect(await codeOf(() => window.call('runs.start', { experiment: made.id, name: 'x', seed: 1 }))).toBe(
      'experiment.deleted',
    );
    const before = await window.call('system.resources', {});
    const after = await window.call('system.purge', {});
    expect(after.libraryBytes).toBeLessThan(before.libraryBytes);
    expect(other.heard).toContainEqual({
      type: 'purged',
      experiments: [made.id],
      runs: [run.id, fork.id],
    });
    expect((await window.call('runs.list', {})).map(({ id }) => id)).toEqual([waiting.id]);
    expect(await codeOf(() => app.files.export(kept.id))).toBe('export.missing');
    for (const { id } of [run, fork]) expect(existsSync(join(app.libraryDir, 'runs', id))).toBe(false);
    await window.expectInStep();
    await other.expectInStep();

    expect([...new Set([...window.called, ...other.called])].sort()).toEqual(Object.keys(api).sort());
    // No window is ever told where the library lies.
    expect(JSON.stringify(other.heard)).not.toContain(app.libraryDir);
  });
});

test('there are handlers for the methods of the contract, and no others', () => {
  const app = open(new AnsweringHost());
  expect(Object.keys(app.handlers).sort()).toEqual(Object.keys(api).sort());
});
