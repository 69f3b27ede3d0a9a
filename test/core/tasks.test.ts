/** What is under way belongs to the core: windows come and go, watch and cancel. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Tasks } from '../../src-main/core/tasks.ts';
import { createTasks } from '../../src-main/core/tasks.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Progress } from '../../src-shared/progress.ts';
import type { CallContext } from '../../src-shared/rpc.ts';
import { AnsweringHost } from '../contract/answering-trainers.ts';
import { context, makeExperiment, startRun } from './experiment.ts';
import { errorOf, open, tinyImages } from './library.ts';

/** A window's call. */
function asker() {
  const [call, connection] = [new AbortController(), new AbortController()];
  const heard: Progress[] = [];
  return {
    heard,
    context: {
      signal: call.signal,
      connection: connection.signal,
      onProgress: (progress) => heard.push(progress),
    } satisfies CallContext,
    cancel: () => call.abort(),
    /** As `serve` does when the connection ends. */
    leave() {
      connection.abort();
      call.abort();
    },
  };
}

/** Work that ends when it is told to. */
function working() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let calls = 0;
  return {
    resolve,
    reject,
    calls: () => calls,
    work: ({ signal, onProgress }: Parameters<Parameters<Tasks['run']>[4]>[0]) => {
      calls += 1;
      onProgress({ phase: 'reading', done: 1, total: 2, perSecond: 1, remainingSeconds: 1 });
      signal.addEventListener('abort', () => reject(new AppError('cancelled', 'It was cancelled.')));
      return promise;
    },
  };
}

function setUp() {
  const events: ApiEvent[] = [];
  const tasks = createTasks((event) => events.push(event));
  const list = () => tasks.handlers['tasks.list']({}, context) as unknown as { id: string }[];
  const start = (who: ReturnType<typeof asker>, it: ReturnType<typeof working>, seed: number | null = null) =>
    tasks.run({ kind: 'start', experiment: 'e' }, 'Faces', { seed }, who.context, it.work);
  return { events, tasks, list, start };
}

describe('a task', () => {
  test('is told to all windows from its beginning to its end, and listed for those that open meanwhile', async () => {
    const { events, list, start } = setUp();
    const [who, it] = [asker(), working()];
    const result = start(who, it);
    expect(list()).toMatchObject([
      {
        kind: 'start',
        experiment: 'e',
        name: 'Faces',
        cancelled: false,
        progress: { phase: 'reading', done: 1 },
      },
    ]);
    it.resolve('a run');
    expect(await result).toBe('a run');
    expect(list()).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(['task', 'task', 'task-ended']);
    expect(events.at(-1)).toMatchObject({ error: null, told: true });
  });

  test('goes on when its window goes, and what becomes of it is for the others to say', async () => {
    const { events, list, start } = setUp();
    const [who, it] = [asker(), working()];
    const result = errorOf(() => start(who, it));
    who.leave();
    await setImmediate();
    expect(list()).toMatchObject([{ cancelled: false }]);
    it.reject(new AppError('disk.full', 'The disk is full.'));
    await result;
    expect(events.at(-1)).toMatchObject({ error: { code: 'disk.full' }, told: false });
  });

  test('ends for all when any window cancels it: the one that asked, or another', async () => {
    for (const how of ['own', 'other'] as const) {
      const { events, list, tasks, start } = setUp();
      const [who, it] = [asker(), working()];
      const result = errorOf(() => start(who, it));
      if (how === 'own') who.cancel();
      else await tasks.handlers['tasks.cancel']({ id: list()[0]!.id }, context);
      expect((await result).code).toBe('cancelled');
      expect(events.at(-2)).toMatchObject({ type: 'task', task: { cancelled: true } });
      expect(list()).toEqual([]);
    }
  });

  test('that is asked for twice is done once, and both are told of it', async () => {
    const { list, start } = setUp();
    const [one, two, it] = [asker(), asker(), working()];
    const results = [start(one, it), start(two, it)];
    one.leave();
    expect(list()).toHaveLength(1);
    it.resolve('a run');
    expect(await Promise.all(results)).toEqual(['a run', 'a run']);
    expect(it.calls()).toBe(1);
  });

  test('to start an experiment in another way is refused until the first is done', async () => {
    const { start } = setUp();
    const [it, other] = [working(), working()];
    const first = start(asker(), it);
    expect((await errorOf(() => start(asker(), other, 7))).code).toBe('task.busy');
    expect(other.calls()).toBe(0);
    it.resolve('a run');
    await first;
    other.resolve('another');
    expect(await start(asker(), other, 7)).toBe('another');
  });

  test('is cancelled with the library', async () => {
    const { tasks, start } = setUp();
    const result = errorOf(() => start(asker(), working()));
    tasks.close();
    expect((await result).code).toBe('cancelled');
  });
});

test('preparing, starting, forking and exporting outlive the window that asked; one start at a time', async () => {
  const events: ApiEvent[] = [];
  const host = new AnsweringHost();
  const app = open(host, undefined, (event) => events.push(event));
  const { handlers } = app;
  const ended = () => events.filter(({ type }) => type === 'task-ended');
  const until = async (count: number) => {
    while (ended().length < count) await setImmediate();
    expect(ended().at(-1)).toMatchObject({ error: null });
  };
  const leaving = async (ask: (context: CallContext) => unknown, count: number) => {
    const who = asker();
    const answer = ask(who.context);
    who.leave();
    await until(count);
    await answer;
  };

  await leaving(
    (context) => handlers['datasets.prepare']({ source: 'sample:5x8', settings: tinyImages }, context),
    1,
  );
  expect(
    await handlers['datasets.find']({ source: 'sample:5x8', settings: tinyImages }, context),
  ).toMatchObject({ count: 5 });

  const { id } = await makeExperiment(app);
  const begun = ended().length;
  await leaving(
    (context) => handlers['runs.start']({ experiment: id, name: 'A run', seed: 1 }, context),
    begun + 1,
  );
  const [run] = app.runs.list();
  await setImmediate();
  host.train(1, 4);
  const fork = { id: run!.id, step: 4, name: 'Fork', hyperparameters: null, measuring: null, limits: null };
  await leaving((context) => handlers['runs.fork'](fork, context), begun + 2);
  await leaving(
    (context) => handlers['exports.create']({ run: run!.id, step: 4, format: 'onnx' }, context),
    begun + 3,
  );
  expect(app.runs.list().map(({ name }) => name)).toEqual(['Fork', 'A run']);
  expect(await handlers['exports.list']({}, context)).toHaveLength(1);

  const [one, two] = await Promise.all([startRun(app, id), startRun(app, id)]);
  expect(two).toEqual(one);
  expect(app.runs.list()).toHaveLength(3);
});
