import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { App } from '../../src-main/core/app.ts';
import { listEngines } from '../../src-main/core/ask-trainer.ts';
import { pinnedNode } from '../../src-main/shells/node-binary.ts';
import { createTrainerHost } from '../../src-main/shells/trainer-host.ts';
import { libraryFolder } from '../../src-main/store/library-folder.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import type { Run } from '../../src-shared/library.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { errorOf, faces, open, start, temporaryFolder } from './library.ts';

/** Settings for runs of a few hundred steps. */
const longer: Hyperparameters = {
  ...defaultHyperparameters(),
  batch: 4,
  sampleCount: 4,
  sampleEvery: null,
  checkpointEvery: 50,
};

/** An application with real trainers, and what it tells. */
class Course {
  readonly app: App;
  readonly events: ApiEvent[] = [];
  #listener: (event: ApiEvent) => void = () => undefined;

  constructor() {
    this.app = open(createTrainerHost(pinnedNode()), undefined, (event) => {
      this.events.push(event);
      this.#listener(event);
    });
  }

  /** Resolves with the first event that `wanted` accepts, from now on. */
  async next(wanted: (event: ApiEvent) => boolean): Promise<ApiEvent> {
    const { promise, resolve } = Promise.withResolvers<ApiEvent>();
    this.#listener = (event) => {
      if (wanted(event)) resolve(event);
    };
    return promise;
  }

  async ended({ id }: Run): Promise<Run> {
    const over = (run: Run) => run.id === id && run.state !== 'running' && run.state !== 'queued';
    const now = this.app.runs.find(id);
    if (over(now)) return now;
    await this.next((event) => event.type === 'run' && over(event.run));
    return this.app.runs.find(id);
  }

  /** The weights, moments and everything else that a run has come to. */
  state({ id }: Run, step: number): Buffer {
    return readFileSync(
      join(libraryFolder(this.app.libraryDir).checkpointFolder(id, step), 'state.safetensors'),
    );
  }
}

test('a run that is paused and resumed ends as one that is not, and its generator gives images elsewhere', async () => {
  const course = new Course();
  const { app } = course;
  const dataset = await faces(app);
  const until = (steps: number) => ({ steps, kimg: null, minutes: null });

  const run = start(app, dataset, { limits: until(1_000_000), hyperparameters: longer });
  await course.next((event) => event.type === 'checkpoint');
  app.runs.interrupt(run.id, 'paused');
  const paused = await course.ended(run);
  expect(paused).toMatchObject({ state: 'paused', engine: 'onnx', reason: null });
  expect(app.runs.details(run.id).checkpoints.at(-1)?.step).toBe(paused.step);

  const end = paused.step + 60;
  await app.runs.resume(run.id, until(end));
  expect(await course.ended(run)).toMatchObject({ state: 'done', step: end, imagesSeen: end * 4 });
  const straight = start(app, dataset, { limits: until(end), hyperparameters: longer });
  expect(await course.ended(straight)).toMatchObject({ state: 'done', step: end });
  expect(course.state(run, end).equals(course.state(straight, end))).toBe(true);

  const { samples, checkpoints, last } = app.runs.details(run.id);
  expect(last?.step).toBe(end);
  expect(checkpoints.at(-1)?.step).toBe(end);
  expect(checkpoints).toHaveLength(longer.keepCheckpoints);
  for (const { file } of samples)
    expect(await sharp(file).metadata()).toMatchObject({ width: 16, height: 16, channels: 3 });

  const out = temporaryFolder();
  const grid = join(out, 'grid.png');
  await app.generator.sample(run.id, { count: 5, seed: 3, file: grid });
  expect(await sharp(grid).metadata()).toMatchObject({ width: 24, height: 16 });
  const onnx = await app.generator.export(run.id, { format: 'onnx', path: join(out, 'generator.onnx') });
  expect(onnx.step).toBe(end);
  expect(onnx.difference).toBeLessThan(1e-4);
  expect(app.runs.details(run.id).exports).toMatchObject([
    { format: 'onnx', path: join(out, 'generator.onnx') },
  ]);
  expect(readdirSync(out).sort()).toEqual(['generator.onnx', 'grid.png']);
  const before = readFileSync(grid);
  const again = await errorOf(() => app.generator.sample(run.id, { count: 5, seed: 4, file: grid }));
  expect(again.code).toBe('disk.exists');
  expect(again.message).toBe(`${grid} exists already. Remove it or choose another name.`);
  expect(readFileSync(grid).equals(before)).toBe(true);
});

test('a trainer that is killed leaves a run that can be resumed', async () => {
  const course = new Course();
  const { app } = course;
  const dataset = await faces(app);
  const run = start(app, dataset, {
    hyperparameters: longer,
    limits: { steps: 100_000, kimg: null, minutes: null },
  });
  await course.next((event) => event.type === 'checkpoint');
  app.close();
  const again = open(createTrainerHost(pinnedNode()), app.libraryDir);
  const { step } = again.runs.details(run.id).checkpoints.at(-1)!;
  expect(again.runs.find(run.id)).toMatchObject({
    state: 'interrupted',
    reason: { code: 'run.interrupted' },
  });
  expect(step).toBeGreaterThan(0);
});

test('an engine that is not there, a place where nothing can be written', async () => {
  const course = new Course();
  const { app } = course;
  const dataset = await faces(app);
  const reports = await listEngines(createTrainerHost(pinnedNode()));
  expect(reports.map(({ name }) => name)).toEqual(['cuda', 'webgpu', 'onnx', 'tensorflow-cpu', 'reference']);
  for (const { available, device, note } of reports) {
    expect(device === null).toBe(!available);
    expect(note).not.toBe('');
  }
  if (!reports.find(({ name }) => name === 'cuda')!.available) {
    const failed = await course.ended(start(app, dataset, { engine: 'cuda' }));
    expect(failed).toMatchObject({ state: 'failed', step: 0, reason: { code: 'engine.missing' } });
  }

  const run = start(app, dataset);
  await course.ended(run);
  const out = join(temporaryFolder(), 'folder.png');
  mkdirSync(out);
  expect((await errorOf(() => app.generator.sample(run.id, { count: 1, seed: 1, file: out }))).code).toBe(
    'disk.exists',
  );
  expect(
    (await errorOf(() => app.generator.sample(run.id, { count: 1, seed: 1, file: join(out, 'no', 'x.png') })))
      .code,
  ).toBe('disk.no-folder');
  expect(existsSync(join(out, 'no'))).toBe(false);
  expect(readdirSync(out)).toEqual([]);
});
