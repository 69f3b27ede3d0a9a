/** What a run leaves while it trains: steps, metrics, samples, checkpoints, exports; and going back. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StepStats } from '../../src-shared/training.ts';
import { addCheckpoint, addSample, startedRun, steps } from './content.ts';
import { errorOf, newStore, open } from './library.ts';

test('every step comes back to the last bit', () => {
  const store = newStore();
  const real = fc.double({ noNaN: true, noDefaultInfinity: true });
  const stats = fc.array(
    fc.record({
      lossD: real,
      lossG: real,
      dReal: real,
      dFake: real,
      imagesPerSecond: fc.double({ min: 0.1, max: 1e6, noNaN: true }),
    }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(stats, (many) => {
      const { id } = startedRun(store);
      // SQLite knows no negative zero.
      const all: StepStats[] = many.map((numbers, index) => ({
        step: index + 1,
        ...numbers,
        lossD: numbers.lossD + 0,
        lossG: numbers.lossG + 0,
        dReal: numbers.dReal + 0,
        dFake: numbers.dFake + 0,
      }));
      store.steps.append(id, all);
      expect(store.steps.list(id)).toEqual(all);
      expect(store.steps.last(id)).toEqual(all.at(-1) ?? null);
    }),
    { numRuns: 30 },
  );
});

test('steps are listed by range and bring the run along', () => {
  const store = newStore();
  const { id } = startedRun(store);
  store.steps.append(id, steps(1, 3));
  store.steps.append(id, steps(4, 10));
  store.steps.append(id, []);
  expect(store.steps.list(id, { from: 3, to: 5 })).toEqual(steps(3, 5));
  expect(store.steps.list(id, { from: 9 })).toEqual(steps(9, 10));
  expect(store.steps.list(id, { to: 2 })).toEqual(steps(1, 2));
  expect(store.runs.get(id)).toMatchObject({ step: 10, imagesSeen: 40, trainingSeconds: 20 });
});

test('of a batch of steps that cannot be written nothing is', () => {
  const store = newStore();
  const { id } = startedRun(store);
  store.steps.append(id, steps(1, 3));
  const before = store.runs.get(id);
  expect(() => {
    store.steps.append(id, [...steps(4, 5), ...steps(2, 2)]);
  }).toThrow();
  expect(() => {
    store.steps.append(
      id,
      steps(4, 5).map((stats) => ({ ...stats, lossG: Number.NaN })),
    );
  }).toThrow();
  expect(store.steps.last(id)?.step).toBe(3);
  expect(store.runs.get(id)).toEqual(before);
});

test('several writes in one transaction are all or nothing', () => {
  const store = newStore();
  const { id } = startedRun(store);
  expect(() => {
    store.transaction(() => {
      store.steps.append(id, steps(1, 3));
      addSample(store, id, 3);
      throw new Error('in between');
    });
  }).toThrow('in between');
  expect(store.steps.list(id)).toEqual([]);
  expect(store.samples.list(id)).toEqual([]);
  expect(
    store.transaction(() => {
      store.steps.append(id, steps(1, 3));
      return store.steps.last(id)?.step;
    }),
  ).toBe(3);
});

test('metrics keep how they were measured', () => {
  const store = newStore();
  const { id } = startedRun(store);
  store.metrics.add(id, { step: 20, name: 'fid', value: 30, protocol: { images: 500, ema: true } });
  store.metrics.add(id, { step: 10, name: 'fid', value: 40, protocol: { images: 500, ema: true } });
  store.metrics.add(id, { step: 10, name: 'fid', value: 41, protocol: { ema: true, images: 500 } });
  store.metrics.add(id, { step: 10, name: 'fid', value: 39, protocol: { images: 900, ema: true } });
  store.metrics.add(id, { step: 10, name: 'kid', value: 0.1, protocol: {} });
  expect(store.metrics.list(id, { name: 'fid' })).toEqual([
    { step: 10, name: 'fid', value: 41, protocol: { ema: true, images: 500 } },
    { step: 10, name: 'fid', value: 39, protocol: { ema: true, images: 900 } },
    { step: 20, name: 'fid', value: 30, protocol: { ema: true, images: 500 } },
  ]);
  expect(store.metrics.list(id)).toHaveLength(4);
});

test('sample grids have their place, also when the library is moved', () => {
  const store = newStore();
  const { id } = startedRun(store);
  addSample(store, id, 100);
  addSample(store, id, 0);
  const file = join(store.paths.dir, 'runs', id, 'samples', '00000100.png');
  expect(store.samples.get(id, 100)).toEqual({ step: 100, file, count: 16, columns: 4 });
  expect(store.samples.get(id, 50)).toBeNull();
  expect(store.samples.list(id).map(({ step }) => step)).toEqual([0, 100]);
  expect(store.paths.sampleFile(id, 1_000_000_000)).toContain('1000000000.png');
});

test('checkpoints: the newest, their size, and keeping only so many', () => {
  const store = newStore();
  const { id } = startedRun(store);
  expect(store.checkpoints.newest(id)).toBeNull();
  expect(errorOf(() => store.checkpoints.add(id, 5)).code).toBe('checkpoint.missing');
  for (const step of [300, 100, 200, 400]) addCheckpoint(store, id, step);
  addCheckpoint(store, id, 400);
  expect(store.checkpoints.newest(id)).toEqual({
    step: 400,
    folder: store.paths.checkpointFolder(id, 400),
    bytes: 1002,
  });
  expect(store.checkpoints.prune(id, 4)).toEqual([]);
  expect(store.checkpoints.prune(id, 2)).toEqual([100, 200]);
  expect(readdirSync(store.paths.checkpointsFolder(id))).toEqual(['00000300', '00000400']);
  expect(store.checkpoints.list(id).map(({ step }) => step)).toEqual([300, 400]);
  expect(store.checkpoints.prune(id, 0)).toHaveLength(1);
  expect(store.checkpoints.newest(id)?.step).toBe(400);
  expect(readdirSync(store.paths.trash)).toEqual([]);
});

test('checkpoints: the best stays, and all together keep to a budget of bytes, but for the newest', () => {
  const store = newStore();
  const { id } = startedRun(store);
  const kept = () => store.checkpoints.list(id).map(({ step }) => step);
  for (const step of [100, 200, 300, 400, 500]) addCheckpoint(store, id, step);
  const { bytes } = store.checkpoints.list(id)[0]!;
  expect(store.checkpoints.prune(id, 3, { best: 100, bytes: 4 * bytes })).toEqual([200]);
  expect(kept()).toEqual([100, 300, 400, 500]);
  expect(store.checkpoints.prune(id, 3, { best: 100, bytes: 4 * bytes - 1 })).toEqual([300]);
  expect(store.checkpoints.prune(id, 3, { best: 400, bytes: 1 })).toEqual([100]);
  expect(kept()).toEqual([400, 500]);
  const release = store.checkpoints.hold(id, 400);
  expect(store.checkpoints.prune(id, 3, { best: null, bytes: 1 })).toEqual([]);
  release();
  expect(store.checkpoints.prune(id, 3, { best: null, bytes: 1 })).toEqual([400]);
  expect(kept()).toEqual([500]);
});

test('nothing can be noted for a run that is not there', () => {
  const store = newStore();
  expect(() => {
    store.metrics.add('nothing', { step: 1, name: 'fid', value: 1, protocol: {} });
  }).toThrow('FOREIGN KEY');
  expect(() => store.samples.add('nothing', { step: 1, count: 1, columns: 1 })).toThrow('FOREIGN KEY');
});

test('going back forgets what came after, and then the same steps can be trained again', () => {
  const store = newStore();
  const { id } = startedRun(store);
  const other = startedRun(store);
  for (const run of [id, other.id]) {
    store.steps.append(run, steps(1, 30));
    for (const step of [10, 20, 30]) {
      addSample(store, run, step);
      addCheckpoint(store, run, step);
      store.metrics.add(run, { step, name: 'fid', value: step, protocol: {} });
    }
  }
  const untouched = store.runs.get(other.id);

  store.runs.rewind(id, 20);
  expect(store.runs.get(id)).toMatchObject({ step: 20, imagesSeen: 80, trainingSeconds: 40 });
  expect(store.steps.list(id)).toEqual(steps(1, 20));
  expect(store.metrics.list(id).map(({ step }) => step)).toEqual([10, 20]);
  expect(store.samples.list(id).map(({ step }) => step)).toEqual([10, 20]);
  expect(store.checkpoints.list(id).map(({ step }) => step)).toEqual([10, 20]);
  expect(readdirSync(store.paths.samplesFolder(id))).toEqual(['00000010.png', '00000020.png']);
  expect(readdirSync(store.paths.checkpointsFolder(id))).toEqual(['00000010', '00000020']);

  store.runs.rewind(id, 500);
  expect(store.runs.get(id).step).toBe(20);
  store.steps.append(id, steps(21, 25));
  expect(store.runs.get(id)).toMatchObject({ step: 25, imagesSeen: 100, trainingSeconds: 50 });

  store.runs.rewind(id, 0);
  expect(store.runs.get(id)).toMatchObject({ step: 0, imagesSeen: 0, trainingSeconds: 0 });
  expect(store.checkpoints.newest(id)).toBeNull();

  expect(store.runs.get(other.id)).toEqual(untouched);
  expect(store.steps.list(other.id)).toEqual(steps(1, 30));
  expect(existsSync(store.paths.sampleFile(other.id, 30))).toBe(true);
});

test('going back also clears files that nobody had noted before everything was killed', () => {
  const store = newStore();
  const { id } = startedRun(store);
  for (const step of [10, 20]) {
    mkdirSync(store.paths.checkpointFolder(id, step), { recursive: true });
    mkdirSync(store.paths.samplesFolder(id), { recursive: true });
    writeFileSync(store.paths.sampleFile(id, step), '');
  }
  store.checkpoints.add(id, 10);
  writeFileSync(join(store.paths.samplesFolder(id), 'reals.png'), '');
  store.runs.rewind(id, 10);
  expect(readdirSync(store.paths.checkpointsFolder(id))).toEqual(['00000010']);
  expect(readdirSync(store.paths.samplesFolder(id))).toEqual(['00000010.png', 'reals.png']);
});

test('disk use counts the files of the run', () => {
  const store = newStore();
  const { id } = startedRun(store);
  expect(store.diskUse(id)).toBe(0);
  addSample(store, id, 1);
  addCheckpoint(store, id, 1);
  expect(store.diskUse(id)).toBe(3 + 1002);
});

test('a reader sees each transaction of the writer as soon as it is done', () => {
  const store = newStore();
  const { id } = startedRun(store);
  const reader = open(store.paths.dir, 'read');
  store.steps.append(id, steps(1, 2));
  expect(reader.steps.last(id)?.step).toBe(2);
  store.transaction(() => {
    store.steps.append(id, steps(3, 4));
    expect(reader.steps.last(id)?.step).toBe(2);
  });
  expect(reader.runs.get(id).step).toBe(4);
});
