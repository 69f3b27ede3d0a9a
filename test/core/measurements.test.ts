import { mkdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createMeasurements } from '../../src-main/core/measurements.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import type { Reason, Run } from '../../src-shared/library.ts';
import type { MeasuredValue, Measuring } from '../../src-shared/measures.ts';
import { defaultMeasuring, measuringSeed } from '../../src-shared/measures.ts';
import type { Command } from '../../src-shared/trainer-protocol.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { addDataset, newRun, steps } from '../store/content.ts';
import { newStore } from '../store/library.ts';
import { ScriptedHost } from './scripted-trainer.ts';
import { errorOf } from './library.ts';

const settings = { images: 32, seed: 5, inception: null };
const protocol = { images: 32, seed: measuringSeed };
const value = (name: string, number: number): MeasuredValue => ({ name, value: number, protocol });

/** A run whose checkpoints are told of, and measured by scripted processes. */
class Course {
  readonly store = newStore();
  readonly host = new ScriptedHost();
  readonly events: ApiEvent[] = [];
  readonly finished: [run: string, reason: Reason][] = [];
  readonly dataset: PreparedDataset;
  isTraining = true;
  readonly measurements;
  readonly run: Run;

  constructor(changes: Partial<Measuring> = {}, count = 64) {
    const measuring = { ...defaultMeasuring(), every: 2, images: 32, ...changes };
    const hyperparameters = { ...defaultHyperparameters(), batch: 4, keepCheckpoints: 2 };
    this.run = newRun(this.store, { measuring, hyperparameters });
    this.dataset = { ...addDataset(this.store, this.run.dataset.key), count };
    this.measurements = createMeasurements({
      store: this.store,
      host: this.host,
      broadcast: (event) => this.events.push(event),
      checkpointOf: (run, step) =>
        this.store.checkpoints.list(run).find((checkpoint) => step === null || checkpoint.step === step)!,
      datasetOf: async () => this.dataset,
      isTraining: () => this.isTraining,
      finish: (...told) => this.finished.push(told),
    });
    onTestFinished(() => this.measurements.close());
  }

  /** A checkpoint is written, and told of. */
  reach(step: number, run = this.run): void {
    mkdirSync(this.store.paths.checkpointFolder(run.id, step), { recursive: true });
    this.store.checkpoints.add(run.id, step);
    this.measurements.hear(run, this.dataset, step);
  }

  /** The process that measures says what it has found. */
  async found(step: number, ...values: MeasuredValue[]): Promise<void> {
    this.host.newest.say({ type: 'measured', step, values: [value('ms-ssim', 0.1), ...values] });
    await setImmediate();
  }

  get asked(): Extract<Command, { type: 'measure' }>[] {
    return this.host.trainers.flatMap(({ commands }) =>
      commands.filter((command) => command.type === 'measure'),
    );
  }

  /** Steps of the checkpoints that processes were told to measure. */
  get measured(): number[] {
    return this.asked.map(({ checkpoint }) => Number.parseInt(checkpoint.slice(-8), 10));
  }

  get kept(): number[] {
    return this.store.checkpoints.list(this.run.id).map(({ step }) => step);
  }
}

describe('beside a training', () => {
  test('checkpoints that are far enough apart are measured, in the background, by the one protocol', async () => {
    const course = new Course();
    course.reach(1);
    expect(course.asked).toEqual([]);
    course.reach(2);
    expect(course.asked).toEqual([
      {
        type: 'measure',
        checkpoint: course.store.paths.checkpointFolder(course.run.id, 2),
        dataset: course.dataset,
        engine: 'onnx',
        images: 32,
        seed: measuringSeed,
        reals: true,
        inception: null,
        background: true,
      },
    ]);
    await course.found(2, value('swd', 30), value('ms-ssim-real', 0.05));
    expect(course.store.metrics.list(course.run.id, { name: 'swd' })).toEqual([
      { step: 2, ...value('swd', 30) },
    ]);
    expect(course.events).toContainEqual({
      type: 'metrics',
      run: course.run.id,
      metrics: [value('ms-ssim', 0.1), value('swd', 30), value('ms-ssim-real', 0.05)].map((metric) => ({
        step: 2,
        ...metric,
      })),
    });
    expect(course.host.newest.killed).toBe(true);
    course.reach(3);
    expect(course.measured).toEqual([2]);
    course.reach(4);
    expect(course.measured).toEqual([2, 4]);
    // What real images give is known by now.
    expect(course.asked.at(-1)!.reals).toBe(false);
  });

  test('one at a time: who falls behind measures the newest next', async () => {
    const course = new Course();
    for (const step of [2, 4, 6, 8]) course.reach(step);
    expect(course.measured).toEqual([2]);
    // The one under way and the one that waits stay; 4 does not, 6 is one of the two newest.
    expect(course.kept).toEqual([2, 6, 8]);
    await course.found(2);
    expect(course.measured).toEqual([2, 8]);
  });

  test('each of several runs gets its turn, and who asks hears when there is nothing more', async () => {
    const course = new Course();
    const other = newRun(course.store, { name: 'other', measuring: course.run.measuring });
    let settled = false;
    course.reach(2);
    course.reach(4);
    course.reach(2, other);
    void course.measurements.settled().then(() => {
      settled = true;
    });
    await course.found(2);
    await course.found(4);
    expect(course.measured).toEqual([2, 4, 2]);
    expect(settled).toBe(false);
    await course.found(2);
    expect(settled).toBe(true);
    await course.measurements.settled();
  });

  test('what is measured when the training is over, and somebody waits for it, has the machine for itself', async () => {
    const course = new Course();
    course.reach(2);
    const slow = course.host.newest;
    let settled = false;
    void course.measurements.settled().then(() => {
      settled = true;
    });
    expect(slow.killed).toBe(false);
    course.isTraining = false;
    const waited = course.measurements.settled();
    await setImmediate();
    expect(slow.killed).toBe(true);
    expect(course.asked.map(({ background }) => background)).toEqual([true, false]);
    expect(course.measured).toEqual([2, 2]);
    expect(settled).toBe(false);
    await course.found(2, value('swd', 30));
    await waited;
    expect(course.store.metrics.list(course.run.id, { name: 'swd' })).toHaveLength(1);
  });

  test('nothing is measured where it is switched off, or with too few images', () => {
    for (const course of [new Course({ every: null }), new Course({}, 31)]) {
      course.reach(2);
      expect(course.asked).toEqual([]);
      for (const step of [3, 4]) course.reach(step);
      expect(course.kept).toEqual([3, 4]);
    }
  });

  test('large images are measured in smaller numbers, so that memory is bounded', () => {
    const course = new Course({ images: 16_384 }, 100_000);
    Object.assign(course.dataset.settings, { height: 256, width: 256, channels: 3 });
    course.reach(2);
    const { images } = course.asked[0]!;
    expect(images * 256 * 256 * 3).toBeLessThanOrEqual(2 ** 25);
    expect(images).toBeGreaterThan(100);
  });

  test('the best checkpoint stays beside the newest ones, and the page hears which have gone', async () => {
    const course = new Course();
    for (const [step, swd] of [
      [2, 30],
      [4, 20],
      [6, 25],
      [8, 26],
      [10, 27],
    ] as const) {
      course.reach(step);
      await course.found(step, value('swd', swd));
    }
    expect(course.kept).toEqual([4, 8, 10]);
    const gone = course.events.filter((event) => event.type === 'pruned').flatMap(({ steps: all }) => all);
    expect(gone.sort()).toEqual([2, 6]);
  });

  test('the best is the greatest where more is better', async () => {
    const course = new Course({ best: 'coverage' });
    for (const [step, coverage] of [
      [2, 0.1],
      [4, 0.7],
      [6, 0.2],
      [8, 0.3],
    ] as const) {
      course.reach(step);
      await course.found(step, value('coverage', coverage));
    }
    expect(course.kept).toEqual([4, 6, 8]);
  });

  test('a run that its last checkpoints did not better is told to end, saying why', async () => {
    const course = new Course({ patience: 2 });
    for (const [step, swd] of [
      [2, 30],
      [4, 20],
      [6, 25],
    ] as const) {
      course.reach(step);
      await course.found(step, value('swd', swd));
    }
    expect(course.finished).toEqual([]);
    course.reach(8);
    await course.found(8, value('swd', 20.5));
    const [[run, reason]] = course.finished as [[string, Reason]];
    expect(run).toBe(course.run.id);
    expect(reason).toEqual({
      code: 'run.no-better',
      message:
        'It ended since it got no better: SWD was best at step 4 (20.0), and 2 checkpoints measured since were no better. The best one was kept.',
    });
  });

  test('patience counts from where a run was resumed', async () => {
    const course = new Course({ patience: 2 });
    for (const [step, swd] of [
      [2, 20],
      [4, 30],
    ] as const) {
      course.reach(step);
      await course.found(step, value('swd', swd));
    }
    course.store.steps.append(course.run.id, steps(1, 4));
    const resumed = course.store.runs.get(course.run.id);
    course.reach(6, resumed);
    await course.found(6, value('swd', 31));
    expect(course.finished).toEqual([]);
    course.reach(8, resumed);
    await course.found(8, value('swd', 32));
    expect(course.finished).toHaveLength(1);
  });

  test('what goes wrong is told, and the next checkpoint is measured all the same', async () => {
    const course = new Course();
    course.reach(2);
    course.host.newest.die();
    await setImmediate();
    const problem = course.events.findLast((event) => event.type === 'measuring')?.problem;
    expect(problem).toContain('it was killed by SIGKILL');
    course.reach(4);
    expect(course.measured).toEqual([2, 4]);
  });

  test('numbers of a checkpoint that is gone by then are not kept', async () => {
    const course = new Course();
    course.reach(2);
    course.store.runs.rewind(course.run.id, 0);
    await course.found(2, value('swd', 30));
    expect(course.store.metrics.list(course.run.id)).toEqual([]);
  });

  test('closing ends the process, and nothing more is begun or told', async () => {
    const course = new Course();
    course.reach(2);
    course.reach(4);
    const settled = course.measurements.settled();
    course.measurements.close();
    await settled;
    await setImmediate();
    expect(course.host.newest.killed).toBe(true);
    expect(course.measured).toEqual([2]);
    expect(course.events.filter((event) => event.type === 'metrics')).toEqual([]);
  });
});

describe('when somebody asks', () => {
  test('a checkpoint is measured as wished, and the numbers are kept', async () => {
    const course = new Course();
    course.reach(1);
    const measuring = course.measurements.measure(course.run.id, 1, settings);
    await setImmediate();
    expect(course.asked).toMatchObject([{ images: 32, seed: 5, reals: true, background: false }]);
    const wished = { ...value('swd', 12), protocol: { images: 32, seed: 5 } };
    await course.found(1, wished);
    expect(await measuring).toContainEqual({ step: 1, ...wished });
    expect(course.store.metrics.list(course.run.id, { name: 'swd' })).toEqual([{ step: 1, ...wished }]);
  });

  test('it says why not', async () => {
    const course = new Course();
    course.reach(1);
    const measuring = errorOf(() => course.measurements.measure(course.run.id, 1, settings));
    await setImmediate();
    const error = { code: 'measure.too-few', message: 'Too few.', details: {} };
    course.host.newest.say({ type: 'failed', error });
    expect((await measuring).code).toBe('measure.too-few');
  });
});
