import { existsSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { addSample, design, imageSettings, newRun, startedRun } from './content.ts';
import { errorOf, newStore, open } from './library.ts';

const hyperparameters = defaultHyperparameters();

test('an experiment comes back as it was made, also after the library was closed', () => {
  const store = newStore();
  const content = {
    name: 'Überraschung',
    tags: ['a', 'b'],
    design,
    hyperparameters,
    imageSettings,
    source: '/pictures',
  };
  const made = store.experiments.create(content);
  expect(made).toMatchObject(content);
  expect(made.updatedAt).toBe(made.createdAt);
  store.close();
  expect(open(store.paths.dir).experiments.get(made.id)).toEqual(made);
});

test('an update changes what is given, and puts the experiment first', () => {
  vi.useFakeTimers({ now: 1000 });
  try {
    const { experiments } = newStore();
    const first = experiments.create({ name: 'first', design, hyperparameters });
    const second = experiments.create({ name: 'second', design, hyperparameters, tags: ['x'] });
    expect(experiments.list()).toEqual([second, first]);
    vi.setSystemTime(2000);
    const larger = { ...design, latentDim: 99 };
    const changed = experiments.update(first.id, { name: 'renamed', design: larger });
    expect(changed).toEqual({ ...first, name: 'renamed', design: larger, updatedAt: 2000 });
    expect(experiments.list()).toEqual([changed, second]);
    expect(experiments.list({ tag: 'x' })).toEqual([second]);
    expect(experiments.list({ tag: 'X' })).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});

test('what the schemas refuse is not written', () => {
  const { experiments } = newStore();
  const made = experiments.create({ name: 'a', design, hyperparameters });
  expect(() => experiments.update(made.id, { hyperparameters: { ...hyperparameters, batch: 0 } })).toThrow();
  expect(experiments.list()).toEqual([made]);
});

test('an experiment that is not there is said so', () => {
  const { experiments } = newStore();
  for (const work of [
    () => experiments.get('nothing'),
    () => experiments.update('nothing', { name: 'x' }),
    () => {
      experiments.delete('nothing');
    },
  ]) {
    expect(errorOf(work)).toMatchObject({ code: 'experiment.missing', details: { experiment: 'nothing' } });
  }
});

test('deleting an experiment deletes its runs with their files, and no others', () => {
  const store = newStore();
  const gone = startedRun(store);
  const again = newRun(store, { experiment: gone.experiment });
  const other = startedRun(store);
  for (const { id } of [gone, other]) addSample(store, id, 1);

  expect(
    errorOf(() => {
      store.experiments.delete(gone.experiment);
    }).code,
  ).toBe('run.active');
  expect(store.runs.list()).toHaveLength(3);

  store.runs.setState(gone.id, 'stopped');
  store.runs.setState(again.id, 'stopped');
  store.experiments.delete(gone.experiment);
  expect(store.experiments.list().map(({ id }) => id)).toEqual([other.experiment]);
  expect(store.runs.list().map(({ id }) => id)).toEqual([other.id]);
  expect(existsSync(store.paths.runFolder(gone.id))).toBe(false);
  expect(existsSync(store.paths.sampleFile(other.id, 1))).toBe(true);
});

test('an experiment stays when its last run is deleted', () => {
  const store = newStore();
  const run = startedRun(store);
  store.runs.setState(run.id, 'done');
  store.runs.delete(run.id);
  expect(store.experiments.get(run.experiment).name).toBe('faces');
});
