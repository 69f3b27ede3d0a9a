import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { libraryFolder } from '../../src-main/store/library-folder.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import { AnsweringHost } from '../contract/answering-trainers.ts';
import { context, makeExperiment, startRun } from './experiment.ts';
import { open, temporaryFolder } from './library.ts';

const hour = 3600_000;

async function stopped(events: ApiEvent[] = [], dir = join(temporaryFolder(), 'library')) {
  const host = new AnsweringHost();
  const app = open(host, dir, (event) => events.push(event));
  const experiment = await makeExperiment(app);
  const runs = [await startRun(app, experiment.id), await startRun(app, experiment.id)] as const;
  for (const { id } of [...runs].reverse()) app.runs.interrupt(id, 'stopped');
  const list = () => app.handlers['runs.list']({}, context);
  return { host, app, experiment, runs, list, events, dir };
}

test('a deleted run is told, listed with its time, and not found by its name on the command line', async () => {
  const { app, runs, events } = await stopped();
  events.length = 0;
  const [run] = runs;
  await app.handlers['runs.delete']({ id: run.id }, context);
  const details = await app.handlers['runs.get']({ id: run.id }, context);
  expect(details.run.deletedAt).not.toBeNull();
  expect(events).toEqual([{ type: 'run', run: details.run }]);
  expect(app.runs.list().map(({ id }) => id)).toEqual([runs[1].id]);
  // Deleting it twice does not begin its day again.
  await app.handlers['runs.delete']({ id: run.id }, context);
  expect(await app.handlers['runs.get']({ id: run.id }, context)).toEqual(details);
  await app.handlers['runs.restore']({ id: run.id }, context);
  expect(app.runs.list()).toHaveLength(2);
});

test('an experiment takes its runs along; bringing one of these runs back brings all of it back', async () => {
  const { app, experiment, runs, events } = await stopped();
  await app.handlers['experiments.delete']({ id: experiment.id }, context);
  events.length = 0;
  await app.handlers['runs.restore']({ id: runs[0].id }, context);
  const told = events.flatMap((event) => (event.type === 'run' ? [event.run] : []));
  expect(told.map(({ id, deletedAt }) => [id, deletedAt]).sort()).toEqual(
    runs.map(({ id }) => [id, null]).sort(),
  );
  expect(events.filter(({ type }) => type === 'experiment')).toMatchObject([
    { experiment: { id: experiment.id, deletedAt: null } },
  ]);
});

test('what was deleted a day ago goes for good while the library is open, nothing before that', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] });
  try {
    const { app, experiment, runs, list, events } = await stopped();
    await app.handlers['runs.delete']({ id: runs[0].id }, context);
    vi.advanceTimersByTime(23 * hour);
    await app.handlers['experiments.delete']({ id: experiment.id }, context);
    expect(await list()).toHaveLength(2);
    vi.advanceTimersByTime(hour);
    expect((await list()) as { id: string }[]).toMatchObject([{ id: runs[1].id }]);
    expect(events).toContainEqual({ type: 'purged', experiments: [], runs: [runs[0].id] });
    vi.advanceTimersByTime(23 * hour);
    expect(await list()).toEqual([]);
    expect(events).toContainEqual({ type: 'purged', experiments: [experiment.id], runs: [runs[1].id] });
    const count = events.length;
    vi.advanceTimersByTime(48 * hour);
    expect(events).toHaveLength(count);
  } finally {
    vi.useRealTimers();
  }
});

test('on the command line a run goes for good, and the last one with its experiment', async () => {
  const { app, experiment, runs, list, events } = await stopped();
  const [first, second] = runs;
  expect(app.runs.delete(first.id)).toBeNull();
  expect(await list()).toMatchObject([{ id: second.id, deletedAt: null }]);
  expect(events.at(-1)).toEqual({ type: 'datasets' });
  expect(events).toContainEqual({ type: 'purged', experiments: [], runs: [first.id] });
  expect(await app.handlers['experiments.list']({}, context)).toMatchObject([{ deletedAt: null }]);

  expect(app.runs.delete(second.id)).toMatchObject({ id: experiment.id });
  expect(await list()).toEqual([]);
  expect(await app.handlers['experiments.list']({}, context)).toEqual([]);
  expect(events).toContainEqual({ type: 'purged', experiments: [experiment.id], runs: [second.id] });
  expect(() => app.runs.delete(second.id)).toThrow(expect.objectContaining({ code: 'run.missing' }));
});

test('on the command line a run that is trained is not deleted, nor is its experiment', async () => {
  const app = open(new AnsweringHost());
  const experiment = await makeExperiment(app);
  const { id } = await startRun(app, experiment.id);
  expect(() => app.runs.delete(id)).toThrow(expect.objectContaining({ code: 'run.active' }));
  expect(app.runs.list()).toHaveLength(1);
  expect(await app.handlers['experiments.list']({}, context)).toMatchObject([{ deletedAt: null }]);
});

test('on the command line a run is renamed with its experiment, where that has no other run', async () => {
  const { app, experiment, runs, events } = await stopped();
  const [first, second] = runs;
  const named = async () => (await app.handlers['experiments.get']({ id: experiment.id }, context)).name;
  const before = await named();
  expect(app.runs.rename(first.id, 'mine')).toMatchObject({ run: { name: 'mine' }, experiment: null });
  expect(await named()).toBe(before);
  // One that can be brought back is none that people see.
  await app.handlers['runs.delete']({ id: second.id }, context);
  events.length = 0;
  expect(app.runs.rename(first.id, 'ours')).toMatchObject({
    run: { name: 'ours' },
    experiment: { id: experiment.id, name: 'ours' },
  });
  expect(await named()).toBe('ours');
  expect(events.map(({ type }) => type)).toEqual(['run', 'experiment']);
});

test('an upload goes with the last that was made of it', async () => {
  const { app } = await stopped();
  const { handlers, files } = app;
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=',
    'base64',
  );
  const { id } = await handlers['datasets.beginUpload'](
    { name: 'Mine', files: 1, bytes: png.length },
    context,
  );
  await files.receive(
    id,
    'a.png',
    (async function* () {
      yield png;
    })(),
  );
  const { source } = await handlers['datasets.finishUpload']({ id }, context);
  const folder = join(libraryFolder(app.libraryDir).uploads, source.slice('upload:'.length));
  const made = await makeExperiment(app, { source });
  const copy = await handlers['experiments.duplicate']({ id: made.id, run: null, name: 'Copy' }, context);
  await handlers['experiments.save']({ id: made.id, revision: 0, draft: { source: 'sample' } }, context);
  expect(existsSync(folder)).toBe(true);
  await handlers['experiments.delete']({ id: copy.id }, context);
  expect(existsSync(folder)).toBe(true);
  await handlers['system.purge']({}, context);
  await vi.waitFor(() => expect(existsSync(folder)).toBe(false));
});
