import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { libraryFolder } from '../../src-main/store/library-folder.ts';
import { AnsweringHost } from '../contract/answering-trainers.ts';
import { context, makeExperiment, startRun } from './experiment.ts';
import { errorOf, open, temporaryFolder } from './library.ts';

const settings = { name: 'Fork', hyperparameters: null, measuring: null, limits: null };

/** A run that trains and has a checkpoint of step 4. */
async function training() {
  const host = new AnsweringHost();
  const app = open(host);
  const experiment = await makeExperiment(app);
  const run = await startRun(app, experiment.id);
  await setImmediate();
  host.train(1, 4);
  return { host, app, experiment, run, paths: libraryFolder(app.libraryDir) };
}

test('of a run that trains on: it waits its turn, and has its own copy', async () => {
  const { host, app, run, paths } = await training();
  const forking = app.handlers['runs.fork']({ id: run.id, step: 4, ...settings }, context);
  // Newer checkpoints would push the fork's one out, but it is held until it is copied.
  host.train(5, 6);
  host.train(7, 8);
  const fork = await forking;
  expect(fork).toMatchObject({
    state: 'queued',
    step: 4,
    imagesSeen: 16,
    forkedFrom: { run: run.id, step: 4 },
  });
  expect(fork.design).toEqual(run.design);
  const state = join(paths.checkpointFolder(fork.id, 4), 'state.safetensors');
  expect(readFileSync(state, 'utf8')).toBe('weights of step 4');
  expect(readFileSync(paths.sampleFile(fork.id, 4), 'utf8')).toBe('a picture');
  expect(app.runs.details(fork.id)).toMatchObject({ samples: [{ step: 4, count: 4 }], last: null });
  host.train(9, 10, 'done');
  await setImmediate();
  const command = host.trainings.at(-1)!.command;
  expect(command).toMatchObject({
    changedSettings: true,
    checkpoint: paths.checkpointFolder(fork.id, 4),
    runDir: paths.runFolder(fork.id),
    seed: run.seed,
  });
});

test('outlives the run that it came from, and is an ordinary run from its own first checkpoint on', async () => {
  const { host, app, run, paths } = await training();
  const fork = await app.handlers['runs.fork']({ id: run.id, step: 4, ...settings }, context);
  host.train(5, 6, 'stopped');
  app.runs.delete(run.id);
  await setImmediate();
  host.train(5, 6, 'paused');
  expect(app.runs.find(fork.id)).toMatchObject({ state: 'paused', step: 6, imagesSeen: 24 });
  await app.runs.resume(fork.id, null);
  await setImmediate();
  const later = host.trainings.at(-1)!.command;
  expect(later.checkpoint).toBe(paths.checkpointFolder(fork.id, 6));
  expect(later).not.toHaveProperty('fork');
  host.train(7, 8, 'paused');
  // The checkpoint that it began with has made room: there is no way back to a beginning.
  expect((await errorOf(() => app.runs.resume(fork.id, null, { step: 0 }))).code).toBe('checkpoint.none');
  const child = await app.handlers['runs.fork']({ id: fork.id, step: 6, ...settings }, context);
  expect(child).toMatchObject({ step: 6, imagesSeen: 24, forkedFrom: { run: fork.id, step: 6 } });
});

test('what cannot be forked is refused and leaves nothing behind', async () => {
  const { host, app, experiment, run, paths } = await training();
  const before = readdirSync(paths.runs);
  const fork = (changes: object) => () =>
    app.handlers['runs.fork']({ id: run.id, step: 4, ...settings, ...changes }, context);
  const codes: [object, string][] = [
    [{ id: 'nobody' }, 'run.missing'],
    [{ step: 3 }, 'checkpoint.missing'],
    [{ step: 0 }, 'checkpoint.none'],
    [{ limits: { steps: 4, kimg: null, minutes: null } }, 'run.at-its-end'],
    [{ limits: { steps: null, kimg: 0.016, minutes: null } }, 'run.at-its-end'],
    [{ hyperparameters: { ...run.hyperparameters, batch: 13 } }, 'dataset.fewer-than-batch'],
  ];
  for (const [changes, code] of codes) expect((await errorOf(fork(changes))).code).toBe(code);
  const lost = paths.checkpointFolder(run.id, 4);
  rmSync(lost, { recursive: true });
  expect((await errorOf(fork({}))).code).toBe('checkpoint.missing');
  mkdirSync(lost);
  host.train(5, 6, 'stopped');
  await app.handlers['experiments.delete']({ id: experiment.id }, context);
  expect((await errorOf(fork({}))).code).toBe('run.deleted');
  expect(readdirSync(paths.runs)).toEqual(before);
  expect(app.handlers['runs.list']({}, context)).toHaveLength(1);
});

test('a copy that was cut off by the death of the process is gone at the next opening', () => {
  const dir = join(temporaryFolder(), 'library');
  const host = new AnsweringHost();
  const app = open(host, dir);
  const half = join(libraryFolder(dir).runs, 'abcdefghij.partial');
  mkdirSync(half);
  app.close();
  open(host, dir);
  expect(existsSync(half)).toBe(false);
});
