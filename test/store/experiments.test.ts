import { existsSync, readdirSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { commit, present, startHistory } from '../../src-shared/gan/history.ts';
import { packHistory, unpackHistory } from '../../src-shared/gan/history-json.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { addSample, design, history, imageSettings, newRun, startedRun } from './content.ts';
import { errorOf, newStore, open } from './library.ts';

const hyperparameters = defaultHyperparameters();
const larger = { ...design, latentDim: 99 };
const longer = packHistory(commit(startHistory(design), { design: larger, what: 'a larger z' }));

test('an experiment comes back as it was made, also after the library was closed', () => {
  const store = newStore();
  const content = {
    name: 'Überraschung',
    tags: ['a', 'b'],
    history: longer,
    hyperparameters,
    limits: { steps: 5, kimg: null, minutes: null },
    engine: 'onnx',
    imageSettings,
    source: '/pictures',
  } as const;
  const made = store.experiments.create({ ...content, tags: [...content.tags] });
  expect(made).toMatchObject({ ...content, revision: 0, deletedAt: null });
  // The present state of the history is the design.
  expect(made.design).toEqual(larger);
  expect(made.updatedAt).toBe(made.createdAt);
  store.close();
  expect(open(store.paths.dir).experiments.open(made.id)).toEqual(made);
});

test('saving changes what is given, counts it, and puts the experiment first', () => {
  vi.useFakeTimers({ now: 1000 });
  try {
    const { experiments } = newStore();
    const first = experiments.create({ name: 'first', history, hyperparameters });
    const second = experiments.create({ name: 'second', history, hyperparameters, tags: ['x'] });
    const ids = () => experiments.list().map(({ id }) => id);
    expect(ids()).toEqual([second.id, first.id]);
    vi.setSystemTime(2000);
    const changed = experiments.save(first.id, 0, { history: longer });
    expect(changed).toEqual({ ...first, history: longer, design: larger, revision: 1, updatedAt: 2000 });
    const { history: _, ...listed } = changed;
    expect(experiments.list()[0]).toEqual(listed);
    experiments.rename(first.id, 'renamed');
    experiments.tag(first.id, ['y']);
    // Neither is part of what is edited.
    expect(experiments.get(first.id)).toEqual({ ...listed, name: 'renamed', tags: ['y'] });
    expect(experiments.list({ tag: 'x' }).map(({ id }) => id)).toEqual([second.id]);
    expect(experiments.list({ tag: 'X' })).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});

test('a change that was made on an older revision is refused, with the present one', () => {
  const { experiments } = newStore();
  const { id } = experiments.create({ name: 'a', history, hyperparameters });
  const present = experiments.save(id, 0, { source: 'sample' });
  for (const revision of [0, 2]) {
    const error = errorOf(() => experiments.save(id, revision, { source: '/elsewhere' }));
    expect(error).toMatchObject({ code: 'experiment.changed', details: { revision: 1 } });
  }
  expect(experiments.open(id)).toEqual(present);
});

test('a history that is too long loses its oldest states, never the present one', () => {
  const { experiments } = newStore();
  let states = startHistory(design);
  for (let i = 1; i <= 60; i += 1) {
    states = commit(states, { design: { ...design, name: `${i}` }, what: 'x'.repeat(100_000) });
  }
  const made = experiments.create({ name: 'a', history: packHistory(states), hyperparameters });
  expect(JSON.stringify(made.history).length).toBeLessThanOrEqual(4 * 2 ** 20);
  const kept = unpackHistory(made.history);
  expect(kept.entries.length).toBeGreaterThan(10);
  expect(present(kept)).toEqual(present(states));
  expect(made.design.name).toBe('60');
});

test('what the schemas refuse is not written', () => {
  const { experiments } = newStore();
  const { id } = experiments.create({ name: 'a', history, hyperparameters });
  const before = experiments.open(id);
  expect(() => experiments.save(id, 0, { hyperparameters: { ...hyperparameters, batch: 0 } })).toThrow();
  expect(experiments.open(id)).toEqual(before);
});

test('an experiment that is not there is said so', () => {
  const { experiments } = newStore();
  for (const work of [
    () => experiments.get('nothing'),
    () => experiments.open('nothing'),
    () => experiments.save('nothing', 0, {}),
    () => {
      experiments.rename('nothing', 'x');
    },
    () => {
      experiments.tag('nothing', []);
    },
    () => experiments.setDeleted('nothing', 1),
  ]) {
    expect(errorOf(work)).toMatchObject({ code: 'experiment.missing', details: { experiment: 'nothing' } });
  }
});

test('deleting takes the runs along, and bringing back brings back those that went with it', () => {
  const store = newStore();
  const gone = startedRun(store);
  const again = newRun(store, { experiment: gone.experiment });
  const before = newRun(store, { experiment: gone.experiment });
  const other = startedRun(store);
  const times = () => store.runs.list().map(({ deletedAt }) => deletedAt);

  expect(errorOf(() => store.experiments.setDeleted(gone.experiment, 5)).code).toBe('run.active');
  expect(times()).toEqual([null, null, null, null]);

  for (const { id } of [gone, again, before]) store.runs.setState(id, 'stopped');
  store.runs.setDeleted(before.id, 3);
  expect(store.experiments.setDeleted(gone.experiment, 5)).toEqual([gone.id, again.id]);
  expect(store.experiments.setDeleted(gone.experiment, 6)).toEqual([]);
  expect(store.experiments.get(gone.experiment).deletedAt).toBe(5);
  expect(times()).toEqual([null, 3, 5, 5]);
  expect(store.experiments.setDeleted(gone.experiment, null)).toEqual([gone.id, again.id]);
  expect(times()).toEqual([null, 3, null, null]);
  expect(store.experiments.get(gone.experiment).deletedAt).toBeNull();
  expect(store.runs.get(other.id).deletedAt).toBeNull();
});

test('what was deleted is gone for good, with its files, when the library is opened the next time', () => {
  const store = newStore();
  const [gone, alone, stays] = [startedRun(store), startedRun(store), startedRun(store)];
  for (const { id } of [gone, alone, stays]) {
    addSample(store, id, 1);
    store.runs.setState(id, 'stopped');
  }
  store.experiments.setDeleted(gone.experiment, 1);
  store.runs.setDeleted(alone.id, 1);
  store.close();

  const again = open(store.paths.dir);
  expect(again.experiments.list().map(({ id }) => id)).toEqual([stays.experiment, alone.experiment]);
  expect(again.runs.list().map(({ id }) => id)).toEqual([stays.id]);
  expect(readdirSync(store.paths.runs)).toEqual([stays.id]);
  expect(existsSync(store.paths.sampleFile(stays.id, 1))).toBe(true);
});

test('only what was deleted before a time is purged; an experiment stays while one of its runs does', () => {
  const store = newStore();
  const [old, fresh] = [startedRun(store), startedRun(store)];
  for (const { id } of [old, fresh]) store.runs.setState(id, 'stopped');
  store.experiments.setDeleted(old.experiment, 10);
  store.runs.setDeleted(fresh.id, 30);
  store.experiments.setDeleted(fresh.experiment, 20);
  expect(store.purge(9)).toEqual({ experiments: [], runs: [], sources: [] });
  expect(store.purge(20)).toEqual({
    experiments: [old.experiment],
    runs: [old.id],
    sources: ['/pictures'],
  });
  expect(store.purge(30)).toMatchObject({ experiments: [fresh.experiment], runs: [fresh.id] });
  expect(store.experiments.list()).toEqual([]);
});

test("a name that only a deleted run has is nobody's", () => {
  const store = newStore();
  const first = newRun(store, { name: 'twin' });
  const second = newRun(store, { name: 'twin' });
  store.runs.setState(first.id, 'stopped');
  store.runs.setDeleted(first.id, 1);
  expect(store.runs.find('twin').id).toBe(second.id);
  expect(store.runs.find('1').id).toBe(first.id);
});
