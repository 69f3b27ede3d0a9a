/** Explorers with real processes, asked as a window asks them. */
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { createExplorers } from '../../src-main/core/explorers.ts';
import type { Trainer, TrainerHost } from '../../src-main/core/trainer-host.ts';
import { pinnedNode } from '../../src-main/shells/node-binary.ts';
import { createTrainerHost } from '../../src-main/shells/trainer-host.ts';
import { writeCheckpoint } from '../../src-main/trainer/checkpoint.ts';
import { initialState } from '../../src-main/trainer/parameters.ts';
import { api } from '../../src-shared/api.ts';
import type { LatentPoint } from '../../src-shared/latent-point.ts';
import type { Progress } from '../../src-shared/progress.ts';
import { connect, serve } from '../../src-shared/rpc.ts';
import { memoryEnds } from '../contract/ports.ts';
import { writeDataset } from '../trainer/folders.ts';
import { everything, settings } from '../trainer/runs.ts';
import { errorOf, temporaryFolder } from './library.ts';

/** Lets a test kill the processes that were started. */
class Processes implements TrainerHost {
  readonly trainers: Trainer[] = [];
  readonly #host = createTrainerHost(pinnedNode());

  start(listener: Parameters<TrainerHost['start']>[0]): Trainer {
    const trainer = this.#host.start(listener);
    this.trainers.push(trainer);
    return trainer;
  }
}

const contract = {
  open: api['explore.open'],
  draw: api['explore.draw'],
  nearest: api['explore.nearest'],
  animate: api['explore.animate'],
};

async function course() {
  const library = temporaryFolder();
  const { folder: checkpoint } = await writeCheckpoint(join(library, 'checkpoints'), {
    info: {
      step: 3,
      imagesSeen: 12,
      trainingSeconds: 1,
      seed: 1,
      design: everything,
      hyperparameters: settings(),
      dataset: { fingerprint: 'abc', count: 10 },
      engine: 'onnx',
    },
    state: initialState(everything, 1, true, 0.5),
  });
  const dataset = await writeDataset(library, everything, 30);
  const host = new Processes();
  const folder = join(library, 'explored');
  const explorers = createExplorers({
    trainerHost: host,
    folder,
    holdCheckpoint: () => ({ folder: checkpoint, release: () => undefined }),
    datasetOf: async () => dataset,
  });
  onTestFinished(() => explorers.close());
  const { near, far, close } = await memoryEnds();
  serve(far, contract, {
    open: explorers.handlers['explore.open'],
    draw: explorers.handlers['explore.draw'],
    nearest: explorers.handlers['explore.nearest'],
    animate: explorers.handlers['explore.animate'],
  });
  const window = connect<typeof contract>(near, () => undefined);
  return { explorers, window, host, folder, checkpoint, dataset, close };
}

const seeds = (count: number): LatentPoint[] =>
  Array.from({ length: count }, (_, i) => ({ kind: 'seed', seed: i }));

test('opened, drawn, searched, animated, cancelled; it goes with its connection', async () => {
  const { explorers, window, folder, checkpoint, dataset, close } = await course();
  const opened = await window.call('open', { run: 'r', step: null });
  expect(opened).toMatchObject({ run: 'r', step: 3, latentDim: 3, directions: 3 });
  await rm(checkpoint, { recursive: true });

  const explorer = opened.id;
  const drawn = await window.call('draw', { explorer, points: seeds(6), columns: 4 });
  expect(drawn).toEqual({ picture: '1.png', columns: 4, count: 6 });
  const wall = await explorers.explored(explorer, drawn.picture);
  expect(wall).toMatchObject({ kind: 'file', type: 'image/png' });
  const path = 'path' in wall ? wall.path : '';
  expect(await sharp(path).metadata()).toMatchObject({ width: 32, height: 16 });

  const { dataset: key, images } = await window.call('nearest', {
    explorer,
    point: { kind: 'between', from: seeds(1)[0]!, to: seeds(2)[1]!, t: 0.5, along: [1, -1] },
    count: 5,
  });
  expect(key).toBe(dataset.key);
  expect(new Set(images.map(({ index }) => index)).size).toBe(5);

  const progress: Progress[] = [];
  const walk = { explorer, points: seeds(30), framesPerSecond: 20, format: 'gif' as const };
  const animation = await window.call('animate', walk, { onProgress: (now) => progress.push(now) });
  expect(animation).toEqual({ picture: '2.gif', columns: 1, count: 30 });
  expect(await sharp(join(folder, explorer, '2.gif'), { animated: true }).metadata()).toMatchObject({
    pages: 30,
  });
  expect(progress.map(({ phase }) => phase)).toContain('drawing images');

  const cancelling = new AbortController();
  const long = window.call(
    'animate',
    { ...walk, points: seeds(2000) },
    { signal: cancelling.signal, onProgress: () => cancelling.abort() },
  );
  expect((await errorOf(() => long)).code).toBe('cancelled');
  await window.call('draw', { explorer, points: seeds(1), columns: 1 });

  const waiting = errorOf(() => window.call('animate', { ...walk, points: seeds(2000) }));
  close();
  expect((await waiting).code).toBe('rpc.closed');
  await expect.poll(() => readdirSync(folder)).toEqual([]);
});

test('a process that is killed is an error in words, and another one can be opened', async () => {
  const { window, host, folder } = await course();
  const { id } = await window.call('open', { run: 'r', step: 3 });
  const waiting = errorOf(() =>
    window.call(
      'animate',
      { explorer: id, points: seeds(2000), framesPerSecond: 20, format: 'gif' },
      { onProgress: () => host.trainers[0]!.kill() },
    ),
  );
  const error = await waiting;
  expect(error.code).toBe('explore.ended');
  expect(error.message).toContain('SIGKILL');
  expect(existsSync(join(folder, id))).toBe(false);
  const again = await window.call('open', { run: 'r', step: 3 });
  await window.call('draw', { explorer: again.id, points: seeds(1), columns: 1 });
  expect(
    (await errorOf(() => window.call('draw', { explorer: id, points: seeds(1), columns: 1 }))).code,
  ).toBe('explore.ended');
});
