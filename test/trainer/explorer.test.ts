/** A generator that is held ready, in this process. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { readCheckpoint, writeCheckpoint } from '../../src-main/trainer/checkpoint.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { Explorer } from '../../src-main/trainer/explorer.ts';
import { initialState } from '../../src-main/trainer/parameters.ts';
import { toBytes } from '../../src-main/trainer/sample-grid.ts';
import { Sampler, latents } from '../../src-main/trainer/sampler.ts';
import type { LatentPoint } from '../../src-shared/latent-point.ts';
import type { TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import { errorOf, temporaryFolder, writeDataset } from './folders.ts';
import { everything, ofType, settings } from './runs.ts';

const seeds = (from: number, count: number): LatentPoint[] =>
  Array.from({ length: count }, (_, i) => ({ kind: 'seed', seed: from + i }));

/** The generator of `everything`, 8x8 grey, as it is before any training. */
async function opened() {
  const folder = await temporaryFolder();
  const hyperparameters = settings();
  const { folder: checkpoint } = await writeCheckpoint(folder, {
    info: {
      step: 3,
      imagesSeen: 12,
      trainingSeconds: 1,
      seed: 1,
      design: everything,
      hyperparameters,
      dataset: { fingerprint: 'abc', count: 10 },
      engine: 'onnx',
    },
    state: initialState(everything, 1, true, 0.5),
  });
  const events: TrainerEvent[] = [];
  /** Called with every event. */
  const hooks: { onEvent: (event: TrainerEvent) => void } = { onEvent: () => undefined };
  const explorer = await Explorer.open(checkpoint, onnxEngine(1), (event) => {
    events.push(event);
    hooks.onEvent(event);
  });
  const whileOpening = events.splice(0);
  return { folder, checkpoint, explorer, events, whileOpening, hooks };
}

const draw = (id: number, points: LatentPoint[], columns: number, file: string) =>
  ({ type: 'draw', id, points, columns, file }) as const;

async function greyOf(file: string): Promise<Uint8Array> {
  return new Uint8Array(await sharp(file).toColourspace('b-w').raw().toBuffer());
}

test('says how far opening is, and what it holds', async () => {
  const { explorer, whileOpening } = await opened();
  expect(whileOpening.at(0)).toEqual({
    type: 'progress',
    phase: 'reading the weights',
    done: 0,
    total: null,
  });
  expect(whileOpening.at(-1)).toEqual({
    type: 'progress',
    phase: 'measuring batch statistics',
    done: 1024,
    total: 1024,
  });
  expect(explorer.description).toEqual({
    type: 'exploring',
    step: 3,
    latentDim: 3,
    image: { height: 8, width: 8, channels: 1 },
    directions: 3,
  });
});

describe('a picture', () => {
  test.each([1, 2, 8, 9, 17])('of %d seeds: the images that the sampler makes of them', async (count) => {
    const { folder, checkpoint, explorer, events } = await opened();
    const { state } = await readCheckpoint(checkpoint);
    const sampler = await Sampler.create(onnxEngine(1), everything);
    const z = Float32Array.from(seeds(5, count).flatMap((_, i) => Array.from(latents(5 + i, 1, 3))));
    const expected = toBytes(await sampler.images(await sampler.weights(state), z));
    await sampler.dispose();

    const file = join(folder, 'wall.png');
    await explorer.answer(draw(1, seeds(5, count), 1, file));
    expect(events.at(-1)).toEqual({ type: 'drawn', id: 1, columns: 1, bytes: (await stat(file)).size });
    const images = await greyOf(file);
    expect(images).toHaveLength(expected.length);
    // Another batch may round a grey level the other way.
    images.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(1));
    expect(new Set(images).size).toBeGreaterThan(10);
  });

  test('in rows, none wider than there are images', async () => {
    const { folder, explorer, events } = await opened();
    const file = join(folder, 'wall.png');
    await explorer.answer(draw(1, seeds(1, 5), 3, file));
    expect(await sharp(file).metadata()).toMatchObject({ width: 24, height: 16 });
    await explorer.answer(draw(2, seeds(1, 2), 10, file));
    expect(await sharp(file).metadata()).toMatchObject({ width: 16, height: 8 });
    expect(ofType(events, 'drawn').map(({ columns }) => columns)).toEqual([3, 2]);
  });

  test('is the same every time, and another one for other points', async () => {
    const { folder, explorer } = await opened();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, `${name}.png`)) as [string, string, string];
    const walk: LatentPoint[] = [
      { kind: 'between', from: seeds(1, 1)[0]!, to: seeds(2, 1)[0]!, t: 0.5, along: [0, 2] },
      { kind: 'plane', centre: seeds(1, 1)[0]!, seed: 3, x: 1, y: 0 },
    ];
    await explorer.answer(draw(1, walk, 2, a));
    await explorer.answer(draw(2, walk, 2, b));
    await explorer.answer(draw(3, walk.toReversed(), 2, c));
    expect(await greyOf(a)).toEqual(await greyOf(b));
    expect(await greyOf(a)).not.toEqual(await greyOf(c));
  });

  test('needs the checkpoint no more', async () => {
    const { folder, checkpoint, explorer, events } = await opened();
    await rm(checkpoint, { recursive: true });
    await explorer.answer(draw(1, seeds(1, 1), 1, join(folder, 'a.png')));
    expect(events.at(-1)?.type).toBe('drawn');
  });

  test('with too many pixels is refused before anything is drawn', async () => {
    const { folder, explorer, events } = await opened();
    const [point] = seeds(1, 1);
    await explorer.answer(draw(1, Array<LatentPoint>(2 ** 22 + 1).fill(point!), 64, join(folder, 'a.png')));
    expect(events).toMatchObject([{ type: 'failed', id: 1, error: { code: 'explore.too-large' } }]);
    expect(await readdir(folder)).toEqual(['00000003']);
  });
});

describe('an animation', () => {
  test.each(['gif', 'webp'] as const)('%s: a frame for each point, and progress', async (format) => {
    const { folder, explorer, events } = await opened();
    const file = join(folder, `walk.${format}`);
    const points = seeds(1, 20);
    await explorer.answer({ type: 'animate', id: 7, points, framesPerSecond: 10, format, file });
    expect(await sharp(file, { animated: true }).metadata()).toMatchObject({ pages: 20, width: 256 });
    expect(events.at(-1)).toEqual({ type: 'drawn', id: 7, columns: 1, bytes: (await stat(file)).size });
    expect(ofType(events, 'progress').map(({ phase, done, total }) => [phase, done, total])).toEqual([
      ...[0, 8, 16, 20].map((done) => ['drawing images', done, 20]),
      ['writing the animation', 0, null],
    ]);
  });

  test.each(['drawing images', 'writing the animation'])('cancelled while %s', async (phase) => {
    const { folder, explorer, events, hooks } = await opened();
    hooks.onEvent = (event) => {
      if (event.type === 'progress' && event.phase === phase) explorer.cancel(7);
    };
    const file = join(folder, 'walk.webp');
    const request = {
      type: 'animate',
      id: 7,
      points: seeds(1, 100),
      framesPerSecond: 10,
      format: 'webp',
      file,
    } as const;
    await explorer.answer(request);
    expect(events.at(-1)).toMatchObject({ type: 'failed', id: 7, error: { code: 'cancelled' } });
    expect(ofType(events, 'progress').filter((event) => event.phase === phase)).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['00000003']);
    // It goes on answering.
    await explorer.answer(draw(8, seeds(1, 1), 1, join(folder, 'a.png')));
    expect(events.at(-1)).toMatchObject({ type: 'drawn', id: 8 });
  });
});

describe('nearest images', () => {
  test('of a dataset, told with progress', async () => {
    const { folder, explorer, events } = await opened();
    const dataset = await writeDataset(folder, everything, 10);
    const request = { type: 'nearest', id: 4, point: seeds(1, 1)[0]!, dataset, count: 3 } as const;
    await explorer.answer(request);
    const answer = ofType(events, 'nearest')[0]!;
    expect(answer.images).toHaveLength(3);
    const distances = answer.images.map(({ distance }) => distance);
    expect(distances).toEqual(distances.toSorted((a, b) => a - b));
    expect(ofType(events, 'progress').map(({ done, total }) => [done, total])).toEqual([
      [0, 10],
      [10, 10],
    ]);
  });

  test('of a dataset that is gone: told, and it goes on', async () => {
    const { folder, explorer, events } = await opened();
    const dataset = await writeDataset(folder, everything, 10);
    await rm(dataset.dir, { recursive: true });
    const request = { type: 'nearest', id: 4, point: seeds(1, 1)[0]!, dataset, count: 3 } as const;
    await explorer.answer(request);
    expect(events.at(-1)).toMatchObject({ type: 'failed', id: 4, error: { code: 'dataset.cache-missing' } });
    await explorer.answer(draw(5, seeds(1, 1), 1, join(folder, 'a.png')));
    expect(events.at(-1)).toMatchObject({ type: 'drawn', id: 5 });
  });
});

test('a pad gets its picture while a long walk is drawn, and only the walk is cancelled', async () => {
  const { folder, explorer, events, hooks } = await opened();
  const pad = join(folder, 'pad.png');
  const asked: Promise<void>[] = [];
  hooks.onEvent = (event) => {
    if (event.type === 'progress' && event.id === 1) {
      if (asked.length === 0) asked.push(explorer.answer(draw(2, seeds(1, 1), 1, pad)));
    }
    if (event.type === 'drawn') explorer.cancel(1);
  };
  await explorer.answer(
    draw(1, Array<LatentPoint>(2 ** 19).fill(seeds(1, 1)[0]!), 64, join(folder, 'wall.png')),
  );
  await Promise.all(asked);
  expect(events.filter(({ type }) => type !== 'progress')).toMatchObject([
    { type: 'drawn', id: 2 },
    { type: 'failed', id: 1, error: { code: 'cancelled' } },
  ]);
});

test('a folder that is gone, a checkpoint that is not there', async () => {
  const { folder, explorer, events } = await opened();
  await explorer.answer(draw(1, seeds(1, 1), 1, join(folder, 'none', 'a.png')));
  expect(events.at(-1)).toMatchObject({ type: 'failed', id: 1, error: { code: 'disk.no-folder' } });
  const nothing = Explorer.open(join(folder, 'none'), onnxEngine(1), () => undefined);
  expect((await errorOf(nothing)).code).toBe('checkpoint.missing');
});
