import { expect, test, vi } from 'vitest';
import { RunState, canBecome } from '../../src-shared/training.ts';
import { newRun, startedRun, steps } from './content.ts';
import { errorOf, newStore, open } from './library.ts';

test('a run comes back as it was made, also after the library was closed', () => {
  const store = newStore();
  const run = newRun(store, { name: 'Löwen' });
  expect(run).toMatchObject({
    number: 1,
    name: 'Löwen',
    seed: Number.MAX_SAFE_INTEGER,
    dataset: { key: 'abc123', classes: ['cats', 'dogs'], settings: { fit: 'crop' } },
    limits: { steps: 100, kimg: null, minutes: null },
    engineWanted: 'auto',
    engine: null,
    device: null,
    state: 'queued',
    step: 0,
    imagesSeen: 0,
    trainingSeconds: 0,
    startedAt: null,
    endedAt: null,
    reason: null,
  });
  store.runs.setState(run.id, 'stopped');
  const stopped = store.runs.get(run.id);
  store.close();
  expect(open(store.paths.dir).runs.get(run.id)).toEqual(stopped);
});

test('a run needs an experiment', () => {
  const store = newStore();
  expect(errorOf(() => newRun(store, { experiment: 'nothing' })).code).toBe('experiment.missing');
  expect(store.runs.list()).toEqual([]);
});

test('runs are listed newest first, by experiment and by state', () => {
  const store = newStore();
  const first = newRun(store);
  const second = startedRun(store, { experiment: first.experiment });
  const third = newRun(store);
  expect(store.runs.list()).toEqual([third, second, first]);
  expect(store.runs.list({ experiment: first.experiment })).toEqual([second, first]);
  expect(store.runs.list({ state: 'queued' })).toEqual([third, first]);
  expect(store.runs.list({ experiment: first.experiment, state: 'running' })).toEqual([second]);
});

test('a run is found by its id, its number or its only name', () => {
  const { runs, ...store } = newStore();
  const first = newRun({ runs, ...store }, { name: 'cats' });
  const second = newRun({ runs, ...store }, { name: '1' });
  newRun({ runs, ...store }, { name: 'dogs' });
  newRun({ runs, ...store }, { name: 'dogs' });
  expect(runs.find(first.id)).toEqual(first);
  expect(runs.find('cats')).toEqual(first);
  expect(runs.find('1')).toEqual(first);
  // A name of digits alone is not one to find a run by: it would mean another run once the number is gone.
  runs.rename(second.id, '7');
  expect(errorOf(() => runs.find('7')).code).toBe('run.missing');
  runs.rename(second.id, second.name);
  expect(runs.find('2')).toEqual(second);
  for (const text of ['', 'ca', '9', '01', ' 1', '1.0', "' OR 1 --", '%']) {
    expect(errorOf(() => runs.find(text)).code, text).toBe('run.missing');
  }
  expect(errorOf(() => runs.find('dogs'))).toMatchObject({
    code: 'run.ambiguous',
    details: { numbers: [3, 4] },
  });
});

test('a number is never given twice', () => {
  const store = newStore();
  const last = newRun(store);
  store.runs.setState(last.id, 'stopped');
  store.runs.delete(last.id);
  expect(newRun(store).number).toBe(last.number + 1);
});

test('renaming, engine and limits', () => {
  const store = newStore();
  const { id } = newRun(store);
  store.runs.rename(id, "Robert'); DROP TABLE runs; --");
  store.runs.setEngine(id, 'onnx', 'CPU, 2 cores');
  store.runs.setLimits(id, { steps: null, kimg: 0.5, minutes: null });
  expect(store.runs.get(id)).toMatchObject({
    name: "Robert'); DROP TABLE runs; --",
    engine: 'onnx',
    device: 'CPU, 2 cores',
    limits: { steps: null, kimg: 0.5, minutes: null },
  });
});

test('a run that is not there is said so', () => {
  const { runs, steps: stepTable } = newStore();
  const works: (() => unknown)[] = [
    () => runs.get('nothing'),
    () => {
      runs.rename('nothing', 'x');
    },
    () => {
      runs.setLimits('nothing', { steps: 1, kimg: null, minutes: null });
    },
    () => {
      runs.setEngine('nothing', 'onnx', 'CPU');
    },
    () => {
      runs.setState('nothing', 'running');
    },
    () => {
      runs.rewind('nothing', 1);
    },
    () => {
      runs.delete('../..');
    },
    () => {
      stepTable.append('nothing', steps(1, 1));
    },
  ];
  for (const work of works) expect(errorOf(work).code).toBe('run.missing');
});

test('states change as canBecome allows, and the history tells all of it', () => {
  vi.useFakeTimers({ now: 10 });
  try {
    const { runs, ...store } = newStore();
    const { id } = newRun({ runs, ...store });
    const at = (time: number, ...change: Parameters<typeof runs.setState>) => {
      vi.setSystemTime(time);
      runs.setState(...change);
      return runs.get(id);
    };
    expect(at(20, id, 'running')).toMatchObject({ state: 'running', startedAt: 20, endedAt: null });
    const reason = { code: 'training.diverged', message: 'A loss is no number any more.' };
    expect(at(30, id, 'failed', reason)).toMatchObject({
      state: 'failed',
      startedAt: 20,
      endedAt: 30,
      reason,
    });
    expect(at(40, id, 'queued')).toMatchObject({ state: 'queued', endedAt: null, reason: null });
    expect(at(50, id, 'running')).toMatchObject({ startedAt: 20, endedAt: null });
    expect(at(60, id, 'done')).toMatchObject({ startedAt: 20, endedAt: 60, reason: null });
    expect(runs.history(id)).toEqual([
      { state: 'queued', at: 10, reason: null },
      { state: 'running', at: 20, reason: null },
      { state: 'failed', at: 30, reason },
      { state: 'queued', at: 40, reason: null },
      { state: 'running', at: 50, reason: null },
      { state: 'done', at: 60, reason: null },
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test('every change of state that canBecome forbids is refused and leaves no trace', () => {
  const ways: Record<RunState, RunState[]> = {
    queued: [],
    running: ['running'],
    paused: ['running', 'paused'],
    stopped: ['stopped'],
    done: ['running', 'done'],
    failed: ['failed'],
    interrupted: ['interrupted'],
  };
  const store = newStore();
  for (const from of RunState.options) {
    const { id } = newRun(store);
    for (const state of ways[from]) store.runs.setState(id, state);
    const before = store.runs.history(id);
    for (const to of RunState.options.filter((state) => !canBecome(from, state))) {
      const error = errorOf(() => {
        store.runs.setState(id, to);
      });
      expect(error).toMatchObject({ code: 'run.state', details: { from, to } });
    }
    expect(store.runs.get(id).state).toBe(from);
    expect(store.runs.history(id)).toEqual(before);
  }
});

test('runs that a process left behind are interrupted, with a reason, and can go on', () => {
  const store = newStore();
  const waiting = newRun(store);
  const training = startedRun(store);
  store.steps.append(training.id, steps(1, 7));
  const paused = startedRun(store);
  store.runs.setState(paused.id, 'paused');
  expect(store.recovered).toEqual([]);
  store.close();

  const again = open(store.paths.dir);
  expect(again.recovered).toEqual([waiting.id, training.id]);
  const found = again.runs.get(training.id);
  expect(found).toMatchObject({ state: 'interrupted', step: 7, reason: { code: 'run.interrupted' } });
  expect(found.reason?.message).toContain('step 7');
  expect(again.runs.history(training.id).at(-1)).toMatchObject({
    state: 'interrupted',
    reason: found.reason,
  });
  expect(again.runs.get(paused.id).state).toBe('paused');
  again.runs.setState(training.id, 'queued');
});

test('deleting a run needs it to be at rest', () => {
  const store = newStore();
  for (const { id } of [newRun(store), startedRun(store)]) {
    const remove = () => {
      store.runs.delete(id);
    };
    expect(errorOf(remove).code).toBe('run.active');
    store.runs.setState(id, 'stopped');
    remove();
    expect(errorOf(() => store.runs.get(id)).code).toBe('run.missing');
  }
});
