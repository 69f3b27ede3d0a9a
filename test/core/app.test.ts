import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { App } from '../../src-main/core/app.ts';
import { createApp } from '../../src-main/core/app.ts';
import { askTrainer, listEngines } from '../../src-main/core/ask-trainer.ts';
import { libraryFolder } from '../../src-main/store/library-folder.ts';
import { openStore } from '../../src-main/store/open-store.ts';
import { convBlock } from '../../src-shared/gan/block.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import type { Run } from '../../src-shared/library.ts';
import type { TrainCommand } from '../../src-shared/trainer-protocol.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { steps } from '../store/content.ts';
import { context } from './experiment.ts';
import { errorOf, faces, open, start, temporaryFolder, tinyDesign, tinyImages } from './library.ts';
import { ScriptedHost } from './scripted-trainer.ts';

/** Has the newest trainer train up to a step and write a checkpoint there. */
function trainTo(app: App, host: ScriptedHost, run: Run, from: number, to: number): void {
  host.newest.say({
    type: 'steps',
    steps: steps(from, to),
    imagesSeen: to * 4,
    trainingSeconds: 1,
    remainingSeconds: null,
  });
  const folder = libraryFolder(app.libraryDir).checkpointFolder(run.id, to);
  mkdirSync(folder, { recursive: true });
  host.newest.say({ type: 'checkpoint', step: to, imagesSeen: to * 4, trainingSeconds: 1, folder, bytes: 0 });
}

function commandOf(host: ScriptedHost): TrainCommand {
  const command = host.newest.commands[0];
  if (command?.type !== 'train') throw new Error('the trainer was not told to train');
  return command;
}

/** A folder of plain images of different greys. */
async function writeImages(dir: string, count: number, first = 0): Promise<void> {
  mkdirSync(dir, { recursive: true });
  for (let i = first; i < first + count; i += 1) {
    const background = { r: i * 9, g: 100, b: 255 - i * 9 };
    await sharp({ create: { width: 9, height: 8, channels: 3, background } })
      .png()
      .toFile(join(dir, `${String(i).padStart(3, '0')}.png`));
  }
}

test('a run is made with all that it needs to be repeated, and trained', async () => {
  const host = new ScriptedHost();
  const app = open(host);
  const dataset = await faces(app);
  const run = start(app, dataset);
  expect(run).toMatchObject({
    number: 1,
    name: 'tiny run',
    state: 'running',
    seed: 7,
    engineWanted: 'onnx',
    step: 0,
  });
  expect(commandOf(host)).toEqual({
    type: 'train',
    design: tinyDesign,
    hyperparameters: run.hyperparameters,
    dataset,
    seed: 7,
    engine: 'onnx',
    limits: { steps: 6, kimg: null, minutes: null },
    runDir: libraryFolder(app.libraryDir).runFolder(run.id),
    checkpoint: null,
    trials: libraryFolder(app.libraryDir).engineTrials,
    graphs: libraryFolder(app.libraryDir).graphs,
  });
  for (const name of ['tiny run', '1', run.id]) expect(app.runs.find(name).id).toBe(run.id);
  expect(app.runs.list()).toHaveLength(1);
});

describe('what cannot be trained is refused before there is a run', () => {
  test.each([
    [
      'design.does-not-fit',
      'Block 2',
      {
        design: {
          ...tinyDesign,
          discriminator: {
            ...tinyDesign.discriminator,
            blocks: [convBlock({ id: 'a', outChannels: 4 }), convBlock({ id: 'b', outChannels: 2 })],
          },
        },
      },
    ],
    [
      'dataset.wrong-shape',
      '8x8x3',
      {
        design: {
          ...tinyDesign,
          discriminator: { ...tinyDesign.discriminator, image: { height: 8, width: 8, channels: 1 } },
        },
      },
    ],
    [
      'dataset.fewer-than-batch',
      'The dataset has 12 images, fewer than a batch of 13',
      { hyperparameters: { ...defaultHyperparameters(), batch: 13 } },
    ],
  ])('%s', async (code, words, changes) => {
    const host = new ScriptedHost();
    const app = open(host);
    const dataset = await faces(app);
    const error = await errorOf(() => start(app, dataset, changes));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(app.runs.list()).toEqual([]);
    expect(host.trainers).toEqual([]);
    expect(readdirSync(libraryFolder(app.libraryDir).runs)).toEqual([]);
  });
});

describe('resuming', () => {
  test('on another engine, which the run keeps', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    trainTo(app, host, run, 1, 2);
    host.newest.say({
      type: 'failed',
      error: { code: 'engine.device-lost', message: 'The engine onnx has lost its device.', details: {} },
    });
    expect(app.runs.find(run.id)).toMatchObject({ state: 'failed', reason: { code: 'engine.device-lost' } });
    const resumed = await app.runs.resume(run.id, null, { engine: 'webgpu' });
    expect(resumed).toMatchObject({ state: 'running', step: 2, engineWanted: 'webgpu' });
    expect(commandOf(host)).toMatchObject({
      engine: 'webgpu',
      checkpoint: libraryFolder(app.libraryDir).checkpointFolder(run.id, 2),
    });
    host.newest.die();
    await app.handlers['runs.resume']({ id: run.id, step: null, limits: null }, context);
    expect(commandOf(host).engine).toBe('webgpu');
    host.newest.die();
    await app.handlers['runs.resume']({ id: run.id, step: null, limits: null, engine: 'auto' }, context);
    expect(commandOf(host).engine).toBe('auto');
  });

  test('from the newest checkpoint: what came after it is forgotten', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    trainTo(app, host, run, 1, 2);
    trainTo(app, host, run, 3, 4);
    host.newest.say({
      type: 'steps',
      steps: steps(5, 5),
      imagesSeen: 20,
      trainingSeconds: 1,
      remainingSeconds: null,
    });
    host.newest.die();
    expect(app.runs.details(run.id)).toMatchObject({ run: { step: 5, state: 'interrupted' } });
    const resumed = await app.runs.resume(run.id, null);
    expect(resumed).toMatchObject({ state: 'running', step: 4, imagesSeen: 16, reason: null });
    expect(commandOf(host)).toMatchObject({
      checkpoint: libraryFolder(app.libraryDir).checkpointFolder(run.id, 4),
      limits: run.limits,
    });
    expect(app.runs.details(run.id).last?.step).toBe(4);
    expect(app.runs.details(run.id).history.map(({ state }) => state)).toEqual([
      'queued',
      'running',
      'interrupted',
      'queued',
      'running',
    ]);
  });

  test('from an earlier one: what came after it is forgotten, and files of it are gone', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    for (const to of [2, 4, 6]) trainTo(app, host, run, to - 1, to);
    host.newest.say({ type: 'trained', as: 'done' });
    const missing = await errorOf(() => app.runs.resume(run.id, null, { step: 3 }));
    expect(missing).toMatchObject({ code: 'checkpoint.missing', details: { step: 3, steps: [2, 4, 6] } });
    expect(missing.message).toBe('The run has no checkpoint of step 3. It has those of the steps 2, 4, 6.');
    expect(app.runs.details(run.id)).toMatchObject({ run: { step: 6, state: 'done' } });

    const before = host.trainers.length;
    expect(await app.runs.resume(run.id, null, { step: 4 })).toMatchObject({ state: 'running', step: 4 });
    const { checkpointFolder, checkpointsFolder } = libraryFolder(app.libraryDir);
    // A trainer of its own has read it first.
    const [reader] = host.trainers.slice(before);
    expect(reader!.commands).toEqual([{ type: 'inspect', checkpoint: checkpointFolder(run.id, 4) }]);
    expect(commandOf(host).checkpoint).toBe(checkpointFolder(run.id, 4));
    expect(app.runs.details(run.id)).toMatchObject({
      last: { step: 4 },
      checkpoints: [{ step: 2 }, { step: 4 }],
    });
    expect(readdirSync(checkpointsFolder(run.id))).toEqual(['00000002', '00000004']);
  });

  test('from the beginning, when that is wished', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    trainTo(app, host, run, 1, 6);
    host.newest.say({ type: 'trained', as: 'done' });
    expect(await app.runs.resume(run.id, null, { step: 0 })).toMatchObject({ state: 'running', step: 0 });
    expect(commandOf(host).checkpoint).toBeNull();
    expect(app.runs.details(run.id)).toMatchObject({ last: null, checkpoints: [] });
  });

  test('from a damaged one: refused with the newest earlier one that was read and is whole; the run stays as it was', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    for (const to of [1, 2, 3]) trainTo(app, host, run, to, to);
    host.newest.say({ type: 'trained', as: 'stopped' });
    const before = app.runs.details(run.id);
    for (const [step, damaged, earlier, words] of [
      [undefined, [3], [2], 'The checkpoint of step 2 is whole.'],
      [undefined, [3, 2], [1], 'The checkpoint of step 1 is whole.'],
      [undefined, [3, 2, 1], [], 'No earlier checkpoint is whole, either.'],
      [2, [2], [1], 'The checkpoint of step 1 is whole.'],
      [1, [1], [], 'There is no earlier checkpoint.'],
    ] as const) {
      host.damaged.clear();
      for (const bad of damaged) host.damaged.add(bad);
      const at = step === undefined ? {} : { step };
      const refused = {
        code: 'checkpoint.damaged',
        message: `It is damaged. ${words}`,
        details: { earlier },
      };
      expect(await errorOf(() => app.runs.resume(run.id, null, at))).toMatchObject(refused);
      const settings = { hyperparameters: null, measuring: null, limits: null };
      const fork = { id: run.id, step: step ?? 3, name: 'fork', ...settings };
      const longer = { steps: 9, kimg: null, minutes: null };
      const forking = () => app.handlers['runs.fork']({ ...fork, limits: longer }, context);
      expect(await errorOf(forking)).toMatchObject(refused);
      expect(app.runs.details(run.id)).toEqual(before);
      expect(app.runs.list()).toHaveLength(1);
    }
  });

  test('clears what the trainer had not told yet when it died', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    trainTo(app, host, run, 1, 2);
    host.newest.die();
    const { checkpointsFolder, checkpointFolder, samplesFolder, sampleFile } = libraryFolder(app.libraryDir);
    mkdirSync(checkpointFolder(run.id, 4));
    mkdirSync(samplesFolder(run.id));
    writeFileSync(sampleFile(run.id, 4), 'a picture');
    await app.runs.resume(run.id, null);
    expect(readdirSync(checkpointsFolder(run.id))).toEqual(['00000002']);
    expect(readdirSync(samplesFolder(run.id))).toEqual([]);
  });

  test('without a checkpoint: from the beginning', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    host.newest.say({
      type: 'steps',
      steps: steps(1, 1),
      imagesSeen: 4,
      trainingSeconds: 1,
      remainingSeconds: null,
    });
    host.newest.die();
    expect(await app.runs.resume(run.id, null)).toMatchObject({ step: 0 });
    expect(commandOf(host).checkpoint).toBeNull();
    expect(app.runs.details(run.id).last).toBeNull();
  });

  test('at its end: refused, unless there is more to do', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    trainTo(app, host, run, 1, 6);
    host.newest.say({ type: 'trained', as: 'done' });
    const limits = { steps: null, kimg: null, minutes: null };
    for (const same of [
      null,
      { ...limits, steps: 6 },
      { ...limits, kimg: 0.024 },
      { ...limits, steps: 3, minutes: 5 },
    ]) {
      const error = await errorOf(() => app.runs.resume(run.id, same));
      expect(error.code).toBe('run.at-its-end');
      expect(error.message).toContain('at step 6');
    }
    expect(app.runs.find('1')).toMatchObject({ state: 'done', limits: run.limits });
    const more = { ...limits, kimg: 0.028 };
    expect(await app.runs.resume(run.id, more)).toMatchObject({ state: 'running', limits: more });
  });

  test('what is active, or not there', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const dataset = await faces(app);
    const running = start(app, dataset);
    const waiting = start(app, dataset);
    for (const run of [running, waiting]) {
      expect((await errorOf(() => app.runs.resume(run.id, null))).code).toBe('run.active');
    }
    expect((await errorOf(() => app.runs.resume('nobody', null))).code).toBe('run.missing');
  });

  test('twice at the same time: one of them', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    trainTo(app, host, run, 1, 2);
    host.newest.die();
    const both = await Promise.allSettled([app.runs.resume(run.id, null), app.runs.resume(run.id, null)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'run.active' },
    });
    expect(app.runs.find('1').state).toBe('running');
    const trainings = host.trainers.filter(({ commands }) => commands[0]?.type === 'train');
    expect(trainings).toHaveLength(2);
  });

  test('with images that are gone, while the cache has them', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const images = join(temporaryFolder(), 'images');
    await writeImages(images, 5);
    const dataset = await app.datasets.prepare(images, tinyImages);
    const run = start(app, dataset);
    host.newest.die();
    rmSync(images, { recursive: true });
    expect((await app.runs.resume(run.id, null)).state).toBe('running');
    expect(commandOf(host).dataset).toEqual(dataset);
  });

  test('with an empty cache: the same images are prepared again', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const images = join(temporaryFolder(), 'images');
    await writeImages(images, 5);
    const dataset = await app.datasets.prepare(images, tinyImages);
    const run = start(app, dataset);
    host.newest.die();
    rmSync(dataset.dir, { recursive: true });
    const phases = new Set<string>();
    await app.runs.resume(run.id, null, { onProgress: ({ phase }) => phases.add(phase) });
    expect(phases).toContain('reading images');
    expect(commandOf(host).dataset).toEqual(dataset);
    expect(readdirSync(dataset.dir)).toContain('images.u8');
  });

  test('with changed images: refused, and the run stays as it was', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const images = join(temporaryFolder(), 'images');
    await writeImages(images, 5);
    const dataset = await app.datasets.prepare(images, tinyImages);
    const run = start(app, dataset);
    trainTo(app, host, run, 1, 2);
    host.newest.die();
    rmSync(dataset.dir, { recursive: true });
    await writeImages(images, 2, 5);
    const before = app.runs.details(run.id);
    const error = await errorOf(() => app.runs.resume(run.id, null));
    expect(error.code).toBe('dataset.changed');
    expect(error.message).toContain('(5 then, 7 now)');
    expect(app.runs.details(run.id)).toEqual(before);
    rmSync(images, { recursive: true });
    expect(await errorOf(() => app.runs.resume(run.id, null))).toMatchObject({
      code: 'dataset.gone',
      message: expect.stringMatching(/not in the library any more.* not at .*images any more/) as string,
    });
    expect(app.runs.details(run.id)).toEqual(before);
  });

  test('with damaged images or labels in the cache: prepared again from the same source, else refused', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const images = join(temporaryFolder(), 'images');
    for (const name of ['a', 'b']) await writeImages(join(images, name), 3);
    const dataset = await app.datasets.prepare(images, tinyImages);
    const whole = (name: string) => readFileSync(join(dataset.dir, name));
    const files = ['images.u8', 'labels.u16'].map((name) => ({ name, bytes: whole(name) }));
    const run = start(app, dataset);
    for (const { name, bytes } of files) {
      host.newest.die();
      const rotten = Buffer.from(bytes);
      rotten[1]! ^= 1;
      writeFileSync(join(dataset.dir, name), rotten);
      await app.runs.resume(run.id, null);
      expect(commandOf(host).dataset).toEqual(dataset);
      expect(whole(name).equals(bytes), name).toBe(true);
    }
    host.newest.die();
    rmSync(images, { recursive: true });
    // While it is whole, nobody asks for its source.
    expect((await app.runs.resume(run.id, null)).state).toBe('running');
    host.newest.die();
    writeFileSync(join(dataset.dir, 'labels.u16'), Buffer.alloc(12));
    expect(await errorOf(() => app.runs.resume(run.id, null))).toMatchObject({
      code: 'dataset.gone',
      message: expect.stringMatching(/damaged in the library.* not at .*images any more/) as string,
    });
    expect(app.runs.find('1').state).toBe('interrupted');
  });

  test('with images that were moved: from where they are said to lie, if they are the same', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const home = temporaryFolder();
    const [images, moved, wrong] = ['images', 'moved', 'wrong'].map((name) => join(home, name)) as [
      string,
      string,
      string,
    ];
    await writeImages(images, 5);
    await writeImages(wrong, 5, 1);
    const dataset = await app.datasets.prepare(images, tinyImages);
    const run = start(app, dataset);
    host.newest.die();
    rmSync(dataset.dir, { recursive: true });
    app.datasets.delete(dataset.key);
    renameSync(images, moved);
    expect((await errorOf(() => app.runs.resume(run.id, null))).code).toBe('dataset.gone');
    const refused = await errorOf(() => app.runs.resume(run.id, null, { source: wrong }));
    expect(refused).toMatchObject({ code: 'dataset.changed', details: { source: wrong } });
    expect(refused.message).toContain('(5 then and now, but at least one has other pixels');
    // What was prepared only to be compared takes no space.
    expect(readdirSync(libraryFolder(app.libraryDir).cache)).toEqual([]);
    expect(app.datasets.list()).toEqual([]);
    expect(app.runs.find('1').dataset.source).toBe(images);

    const resumed = await app.runs.resume(run.id, null, { source: moved });
    expect(resumed).toMatchObject({ state: 'running', dataset: { source: moved } });
    expect(commandOf(host).dataset).toEqual({ ...dataset, source: moved });
    host.newest.die();
    rmSync(dataset.dir, { recursive: true });
    expect((await app.runs.resume(run.id, null)).state).toBe('running');
  });

  test('what a process left behind that died', async () => {
    const host = new ScriptedHost();
    const dir = join(temporaryFolder(), 'library');
    const before = open(host, dir);
    const dataset = await faces(before);
    const runs = [start(before, dataset, { name: 'a' }), start(before, dataset, { name: 'b' })] as const;
    trainTo(before, host, runs[0], 1, 2);
    before.close();
    const store = openStore(dir, { access: 'write' });
    for (const { id } of runs) store.runs.setState(id, 'queued');
    store.runs.setState(runs[0].id, 'running');
    store.close();
    const app = open(host, dir);
    expect(app.runs.list().map(({ name, state }) => `${name} ${state}`)).toEqual([
      'b interrupted',
      'a interrupted',
    ]);
    expect(app.runs.find('a').reason).toMatchObject({ code: 'run.interrupted' });
    await app.runs.resume(runs[0].id, null);
    expect(commandOf(host).checkpoint).toBe(libraryFolder(dir).checkpointFolder(runs[0].id, 2));
    expect((await app.runs.resume(runs[1].id, null)).state).toBe('queued');
  });
});

test('renaming: the new name is kept, found and broadcast; none is refused', async () => {
  const host = new ScriptedHost();
  const events: ApiEvent[] = [];
  const app = open(host, undefined, (event) => events.push(event));
  const run = start(app, await faces(app));
  events.length = 0;
  expect(app.runs.rename(run.id, '  my faces ')).toMatchObject({
    run: { id: run.id, name: 'my faces' },
    experiment: { id: run.experiment, name: 'my faces' },
  });
  expect(app.runs.find('my faces').id).toBe(run.id);
  expect(events).toMatchObject([
    { type: 'run', run: app.runs.find('1') },
    { type: 'experiment', experiment: { id: run.experiment, name: 'my faces' } },
  ]);
  expect((await errorOf(() => app.runs.rename(run.id, ' \t'))).code).toBe('name.invalid');
  expect((await errorOf(() => app.runs.rename('nobody', 'x'))).code).toBe('run.missing');
  expect(events).toHaveLength(2);
  expect(app.runs.find('1').name).toBe('my faces');
});

describe('the cache of prepared datasets', () => {
  test('is listed with what uses it, and freed', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const used = await faces(app);
    const unused = await app.datasets.prepare('sample:12x8', { ...tinyImages, fit: 'pad' });
    const run = start(app, used);
    const entry = ({ key, source, settings, count }: typeof used) => ({
      ...{ key, source, settings, count },
      sourceName: source,
    });
    const common = ({ source }: typeof used) => ({
      sources: [source],
      leftOutCount: 0,
      leftOutFile: null,
      bytes: expect.any(Number) as number,
      lastUsedAt: expect.any(Number) as number,
    });
    const listed = app.datasets.list();
    expect(listed).toHaveLength(2);
    expect(listed.find(({ key }) => key === unused.key)).toEqual({
      ...entry(unused),
      ...common(unused),
      runs: [],
    });
    expect(listed.find(({ key }) => key === used.key)).toEqual({
      ...entry(used),
      ...common(used),
      runs: [{ id: run.id, number: 1, name: 'tiny run' }],
    });
    // Pixels, labels, and the description beside them.
    for (const { bytes } of listed) expect(bytes).toBeGreaterThan(12 * 8 * 8 * 3 + 12 * 2);
    app.datasets.delete(unused.key);
    expect(readdirSync(libraryFolder(app.libraryDir).cache)).toEqual([used.key]);
    expect((await errorOf(() => app.datasets.delete(used.key))).code).toBe('dataset.in-use');
    host.newest.say({ type: 'trained', as: 'done' });
    app.datasets.delete(used.key);
    expect(app.datasets.list()).toEqual([]);
    expect(readdirSync(libraryFolder(app.libraryDir).cache)).toEqual([]);
  });

  test('a folder in it that no row knows is listed, by what it says of itself, and can be deleted', async () => {
    const app = open(new ScriptedHost());
    const known = await faces(app);
    const { cache } = libraryFolder(app.libraryDir);
    const other = await app.datasets.prepare('sample:12x8', { ...tinyImages, fit: 'pad' });
    const aside = join(temporaryFolder(), 'aside');
    cpSync(other.dir, aside, { recursive: true });
    app.datasets.delete(other.key);
    cpSync(aside, other.dir, { recursive: true });
    const unfinished = 'unfinished-1-00ff00ff00ff';
    mkdirSync(join(cache, unfinished));
    writeFileSync(join(cache, unfinished, 'images.u8'), Buffer.alloc(1000));
    const listed = app.datasets.list();
    expect(listed.map(({ key }) => key).sort()).toEqual([known.key, other.key, unfinished].sort());
    expect(listed.find(({ key }) => key === other.key)).toMatchObject({
      source: 'sample:12x8',
      sources: ['sample:12x8'],
      settings: { fit: 'pad' },
      count: 12,
    });
    expect(listed.find(({ key }) => key === unfinished)).toMatchObject({
      source: null,
      settings: null,
      count: null,
      bytes: 1000,
    });
    const told = await app.handlers['datasets.list']({}, context);
    expect(told.map(({ prepared }) => prepared.key).sort()).toEqual([known.key, other.key].sort());
    for (const key of [other.key, unfinished]) app.datasets.delete(key);
    expect(readdirSync(cache)).toEqual([known.key]);
  });

  test('every source that gave a dataset is known, until it is deleted', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const home = temporaryFolder();
    const [a, b] = [join(home, 'a'), join(home, 'b')];
    await writeImages(a, 5);
    cpSync(a, b, { recursive: true });
    const dataset = await app.datasets.prepare(a, tinyImages);
    expect(await app.datasets.prepare(b, tinyImages)).toEqual({ ...dataset, source: b });
    expect(app.datasets.list()).toMatchObject([{ source: b, sources: [b, a] }]);
    app.datasets.delete(dataset.key);
    await app.datasets.prepare(a, tinyImages);
    expect(app.datasets.list()).toMatchObject([{ source: a, sources: [a] }]);
  });

  test('what only one run uses is told with that run', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const dataset = await faces(app);
    const first = start(app, dataset);
    const { bytes } = app.datasets.list()[0]!;
    expect(app.runs.details(first.id).ownDataset).toEqual({ key: dataset.key, bytes });
    const second = start(app, dataset);
    for (const { id } of [first, second]) expect(app.runs.details(id).ownDataset).toBeNull();
    app.runs.interrupt(second.id, 'stopped');
    app.runs.delete(second.id);
    expect(app.runs.details(first.id).ownDataset).toEqual({ key: dataset.key, bytes });
    host.newest.say({ type: 'trained', as: 'done' });
    app.datasets.delete(dataset.key);
    expect(app.runs.details(first.id).ownDataset).toBeNull();
  });
});

describe('deleting', () => {
  test('takes the run and its files', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    trainTo(app, host, run, 1, 2);
    host.newest.say({ type: 'trained', as: 'stopped' });
    app.runs.delete(run.id);
    expect(app.runs.list()).toEqual([]);
    expect(readdirSync(libraryFolder(app.libraryDir).runs)).toEqual([]);
  });

  test('an active run is refused', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const dataset = await faces(app);
    for (const run of [start(app, dataset), start(app, dataset)]) {
      const error = await errorOf(() => app.runs.delete(run.id));
      expect(error.code).toBe('run.active');
      expect(error.message).toContain('Stop it before');
    }
    expect(app.runs.list().map(({ state }) => state)).toEqual(['queued', 'running']);
  });
});

describe('a generator', () => {
  test('of a run without a checkpoint', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    const file = join(temporaryFolder(), 'grid.png');
    expect((await errorOf(() => app.generator.sample(run.id, { count: 4, seed: 1, file }))).code).toBe(
      'checkpoint.none',
    );
    expect((await errorOf(() => app.generator.export(run.id, { format: 'png', path: file }))).code).toBe(
      'checkpoint.none',
    );
    expect(host.trainers).toHaveLength(1);
  });

  test('is asked of a trainer of its own, beside the one that trains, and an export is noted', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    trainTo(app, host, run, 1, 2);
    const [training] = host.trainers;
    const exporting = app.generator.export(run.id, {
      format: 'onnx',
      path: '/somewhere/generator.onnx',
    });
    const checkpoint = libraryFolder(app.libraryDir).checkpointFolder(run.id, 2);
    const command = {
      type: 'export',
      checkpoint,
      engine: 'auto',
      format: 'onnx',
      path: '/somewhere/generator.onnx',
    };
    expect(host.newest.commands).toEqual([command]);
    host.newest.say({ type: 'exported', path: '/somewhere/generator.onnx', bytes: 100, difference: 1e-6 });
    expect(await exporting).toMatchObject({
      path: '/somewhere/generator.onnx',
      bytes: 100,
      difference: 1e-6,
      step: 2,
    });
    expect(app.runs.details(run.id).exports).toMatchObject([
      { format: 'onnx', step: 2, path: '/somewhere/generator.onnx' },
    ]);
    expect(host.newest.killed).toBe(true);
    expect(training?.killed).toBe(false);
  });

  test('of an earlier checkpoint; a damaged one says which earlier one is whole', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    for (const to of [1, 2, 3]) trainTo(app, host, run, to, to);
    const sampling = app.generator.sample(run.id, { count: 1, seed: 1, file: '/x.png', step: 2 });
    expect(host.newest.commands).toMatchObject([
      { type: 'sample', checkpoint: libraryFolder(app.libraryDir).checkpointFolder(run.id, 2) },
    ]);
    host.newest.say({ type: 'sampled', file: '/x.png', columns: 1 });
    await sampling;
    const exporting = app.generator.export(run.id, { format: 'png', path: '/y.png', step: 1 });
    host.newest.say({ type: 'exported', path: '/y.png', bytes: 1, difference: 0 });
    expect(await exporting).toMatchObject({ step: 1 });

    host.damaged.add(2);
    const damaged = errorOf(() => app.generator.export(run.id, { format: 'png', path: '/z.png' }));
    const details = { folder: 'f' };
    host.newest.say({
      type: 'failed',
      error: { code: 'checkpoint.damaged', message: 'It is damaged.', details },
    });
    expect(await damaged).toMatchObject({
      code: 'checkpoint.damaged',
      message: 'It is damaged. The checkpoint of step 1 is whole.',
      details: { folder: 'f', earlier: [1] },
    });
    for (const step of [4, 7]) {
      const sample = { count: 1, seed: 1, file: '/x.png', step };
      const missing = await errorOf(() => app.generator.sample(run.id, sample));
      expect(missing).toMatchObject({ code: 'checkpoint.missing', details: { steps: [1, 2, 3] } });
    }
    const sample = { count: 1, seed: 1, file: '/x.png', step: 0 };
    expect((await errorOf(() => app.generator.sample(run.id, sample))).code).toBe('checkpoint.none');
  });

  test('that was not written is not noted', async () => {
    const host = new ScriptedHost();
    const app = open(host);
    const run = start(app, await faces(app));
    trainTo(app, host, run, 1, 2);
    const png = { format: 'png', path: '/x.png' } as const;
    const failing = errorOf(() => app.generator.export(run.id, png));
    host.newest.say({
      type: 'failed',
      error: { code: 'disk.exists', message: 'It is there.', details: { path: '/x.png' } },
    });
    expect(await failing).toMatchObject({ code: 'disk.exists', details: { path: '/x.png' } });
    const dying = errorOf(() => app.generator.export(run.id, png));
    host.newest.die('it was killed by SIGKILL');
    expect(await dying).toMatchObject({ code: 'trainer.died' });
    const controller = new AbortController();
    const cancelled = errorOf(() => app.generator.export(run.id, png, controller.signal));
    controller.abort();
    expect((await cancelled).code).toBe('cancelled');
    expect(host.newest.killed).toBe(true);
    expect(app.runs.details(run.id).exports).toEqual([]);
  });
});

test('a question that was cancelled before starts nothing', async () => {
  const host = new ScriptedHost();
  expect((await errorOf(() => listEngines(host, AbortSignal.abort()))).code).toBe('cancelled');
  expect(host.trainers).toEqual([]);
});

test('only the answer to the question is one', async () => {
  const host = new ScriptedHost();
  const asking = askTrainer(host, { type: 'engines' }, 'engines');
  host.newest.say({ type: 'engine', name: 'onnx', device: 'CPU' });
  host.newest.say({ type: 'engines', engines: [] });
  expect(await asking).toEqual({ type: 'engines', engines: [] });
});

test('a closed application trains no more, and its library is free', async () => {
  const host = new ScriptedHost();
  const dir = join(temporaryFolder(), 'library');
  const app = createApp({ libraryDir: dir, trainerHost: host, broadcast: () => undefined });
  const run = start(app, await faces(app));
  app.close();
  expect(host.newest.killed).toBe(true);
  host.newest.die();
  const again = open(host, dir);
  expect(again.runs.find(run.id).reason?.message).toContain('Ganvas was closed');
});

test('one that only looks sees everything and changes nothing', async () => {
  const host = new ScriptedHost();
  const dir = join(temporaryFolder(), 'library');
  const writer = open(host, dir);
  const dataset = await faces(writer);
  const run = start(writer, dataset);
  trainTo(writer, host, run, 1, 2);
  const reader = createApp({
    libraryDir: dir,
    access: 'read',
    trainerHost: host,
    broadcast: () => undefined,
  });
  expect(reader.runs.details(run.id)).toEqual(writer.runs.details(run.id));
  expect((await errorOf(() => start(reader, dataset))).code).toBe('library.read-only');
  reader.close();
  expect(writer.runs.find(run.id).state).toBe('running');
  expect(host.newest.killed).toBe(false);
});

test('a second writer is refused', async () => {
  const host = new ScriptedHost();
  const dir = join(temporaryFolder(), 'library');
  open(host, dir);
  expect((await errorOf(() => open(host, dir))).code).toBe('library.in-use');
});

test('a broken source leaves the library as it was', async () => {
  const app = open(new ScriptedHost());
  const images = join(temporaryFolder(), 'images');
  mkdirSync(images);
  writeFileSync(join(images, 'a.png'), 'no image at all');
  expect((await errorOf(() => app.datasets.prepare(images, tinyImages))).code).toBe('dataset.no-images');
  expect(readdirSync(libraryFolder(app.libraryDir).cache)).toEqual([]);
});

test('the space that the library takes is told as a whole and for each run', async () => {
  const host = new ScriptedHost();
  const app = open(host);
  const dataset = await faces(app);
  const first = start(app, dataset);
  const second = start(app, dataset);
  const { runFolder, checkpointFolder } = libraryFolder(app.libraryDir);
  mkdirSync(checkpointFolder(first.id, 2), { recursive: true });
  writeFileSync(join(checkpointFolder(first.id, 2), 'tensors'), Buffer.alloc(3000));
  writeFileSync(join(runFolder(first.id), 'note'), Buffer.alloc(40));
  const signal = new AbortController().signal;
  const told = await app.handlers['system.resources'](
    {},
    { onProgress: () => undefined, signal, connection: signal },
  );
  expect(told.runBytes[first.id]).toBe(3040);
  expect(told.runBytes[first.id]).toBe(app.runs.details(first.id).diskUse);
  expect(told.runBytes[second.id] ?? 0).toBe(app.runs.details(second.id).diskUse);
  expect(told.libraryBytes).toBeGreaterThan(3040 + dataset.count * 8 * 8 * 3 - 1);
});
