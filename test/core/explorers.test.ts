import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Explorers } from '../../src-main/core/explorers.ts';
import { createExplorers } from '../../src-main/core/explorers.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { LatentPoint } from '../../src-shared/latent-point.ts';
import type { Progress } from '../../src-shared/progress.ts';
import type { ExploreRequest } from '../../src-shared/trainer-protocol.ts';
import { errorOf, temporaryFolder } from './library.ts';
import type { ScriptedTrainer } from './scripted-trainer.ts';
import { ScriptedHost } from './scripted-trainer.ts';

const point: LatentPoint = { kind: 'seed', seed: 1 };
const megabyte = 2 ** 20;

const dataset: PreparedDataset = {
  dir: '/cache/faces',
  key: 'faces',
  source: '/pictures',
  settings: { height: 8, width: 8, channels: 3, fit: 'crop' },
  count: 12,
  classes: [],
  classCounts: [],
  fingerprint: 'abc',
  sizes: [],
  leftOut: [],
  leftOutCount: 0,
};

/** A window's connection: its calls, and its end. */
class Caller {
  readonly closing = new AbortController();
  readonly cancelling = new AbortController();
  readonly progress: Progress[] = [];

  get context() {
    return {
      onProgress: (progress: Progress) => this.progress.push(progress),
      signal: this.cancelling.signal,
      connection: this.closing.signal,
    };
  }

  /** What a connection's end does: its calls are cancelled, then it is gone. */
  leave(): void {
    this.cancelling.abort();
    this.closing.abort();
  }
}

class Course {
  readonly host = new ScriptedHost();
  readonly folder = join(temporaryFolder(), 'explored');
  readonly explorers: Explorers;
  readonly caller = new Caller();
  /** Runs and steps whose checkpoints were looked up. */
  readonly lookedUp: [string, number | null][] = [];
  /** Checkpoints that may not be deleted now. */
  readonly kept = new Set<string>();

  constructor() {
    this.explorers = createExplorers({
      trainerHost: this.host,
      folder: this.folder,
      holdCheckpoint: (run, step) => {
        this.lookedUp.push([run, step]);
        if (run === 'none') throw new AppError('checkpoint.none', 'The run has no checkpoint yet.');
        const folder = `/runs/${run}/${this.lookedUp.length}`;
        this.kept.add(folder);
        return { folder, release: () => this.kept.delete(folder) };
      },
      datasetOf: async (run) => {
        if (run === 'lost') throw new AppError('dataset.changed', 'The images are others now.');
        return dataset;
      },
    });
  }

  get handlers() {
    return this.explorers.handlers;
  }

  /** Starts to open; the trainer is `host.newest`. */
  opening(run = 'r', step: number | null = 4, caller = this.caller) {
    return this.handlers['explore.open']({ run, step }, caller.context);
  }

  async open(run = 'r', caller = this.caller): Promise<{ id: string; trainer: ScriptedTrainer }> {
    const opening = this.opening(run, 4, caller);
    const trainer = this.host.newest;
    trainer.say(exploring);
    return { id: (await opening).id, trainer };
  }

  draw(explorer: string, count = 1, columns = 1, caller = this.caller) {
    const points = Array<LatentPoint>(count).fill(point);
    return Promise.resolve(this.handlers['explore.draw']({ explorer, points, columns }, caller.context));
  }

  nearest(explorer: string, caller = this.caller) {
    return Promise.resolve(this.handlers['explore.nearest']({ explorer, point, count: 2 }, caller.context));
  }

  /** A whole drawing: asked, written, answered. */
  async drawn(id: string, trainer: ScriptedTrainer, bytes = 1): Promise<string> {
    const drawing = this.draw(id);
    answer(trainer, bytes);
    return (await drawing).picture;
  }
}

const exploring = {
  type: 'exploring',
  step: 4,
  latentDim: 3,
  image: { height: 8, width: 8, channels: 3 },
  directions: 2,
} as const;

type Drawing = Extract<ExploreRequest, { file: string }>;

/** The last thing that a trainer was told. */
const told = (trainer: ScriptedTrainer) => trainer.commands.at(-1)!;

/** Writes the picture that was asked for last, and says so. */
function answer(trainer: ScriptedTrainer, bytes = 1): void {
  const { id, file } = told(trainer) as Drawing;
  writeFileSync(file, 'picture');
  trainer.say({ type: 'drawn', id, columns: 1, bytes });
}

describe('opening', () => {
  test('a process with the checkpoint that was asked for, on the processor', async () => {
    const course = new Course();
    const opening = course.opening('r', 4);
    expect(course.lookedUp).toEqual([['r', 4]]);
    expect(course.host.newest.commands).toEqual([
      { type: 'explore', checkpoint: '/runs/r/1', engine: 'onnx' },
    ]);
    expect([...course.kept]).toEqual(['/runs/r/1']);
    course.host.newest.say({ type: 'progress', phase: 'measuring batch statistics', done: 64, total: 1024 });
    expect(course.caller.progress.at(-1)).toMatchObject({ phase: 'measuring batch statistics', total: 1024 });
    course.host.newest.say(exploring);
    const { type: _, ...description } = exploring;
    const opened = await opening;
    expect(course.kept.size).toBe(0);
    expect(opened).toEqual({ id: expect.stringMatching(/^[a-z0-9]+$/), run: 'r', ...description });
    expect(readdirSync(course.folder)).toEqual([opened.id]);
  });

  test.each([null, 4])(
    'of step %s: what a training has replaced meanwhile is looked up again only for the newest',
    async (step) => {
      const course = new Course();
      const opening = course.opening('r', step);
      const gone = { code: 'checkpoint.missing', message: 'gone', details: {} };
      course.host.newest.say({ type: 'failed', error: gone });
      if (step === null) {
        await expect.poll(() => course.host.trainers).toHaveLength(2);
        course.host.newest.say(exploring);
        await opening;
        expect(told(course.host.newest)).toMatchObject({ checkpoint: '/runs/r/2' });
      } else {
        expect((await errorOf(() => opening)).code).toBe('checkpoint.missing');
        expect(course.host.trainers).toHaveLength(1);
      }
      expect(course.host.trainers[0]!.killed).toBe(true);
    },
  );

  test('the newest that is gone again and again is an error', async () => {
    const course = new Course();
    const opening = errorOf(() => course.opening('r', null));
    for (let n = 1; n <= 3; n += 1) {
      await expect.poll(() => course.host.trainers).toHaveLength(n);
      course.host.newest.say({
        type: 'failed',
        error: { code: 'checkpoint.missing', message: '', details: {} },
      });
    }
    expect((await opening).code).toBe('checkpoint.missing');
    expect(course.host.trainers).toHaveLength(3);
  });

  test('what goes wrong leaves nothing behind', async () => {
    const course = new Course();
    expect((await errorOf(() => course.opening('none'))).code).toBe('checkpoint.none');
    course.host.refusal = new AppError('trainer.refused', 'no');
    expect((await errorOf(() => course.opening())).code).toBe('trainer.refused');

    const died = course.opening();
    course.host.newest.die();
    const error = await errorOf(() => died);
    expect(error.code).toBe('explore.ended');
    expect(error.message).toContain('killed by SIGKILL');

    const cancelled = course.opening();
    const trainer = course.host.newest;
    course.caller.cancelling.abort();
    expect((await errorOf(() => cancelled)).code).toBe('cancelled');
    expect(trainer.killed).toBe(true);
    // Cancelled before it began.
    expect((await errorOf(() => course.opening())).code).toBe('cancelled');
    expect(course.host.newest.killed).toBe(true);
    expect(readdirSync(course.folder)).toEqual([]);
  });
});

describe('pictures', () => {
  test('are drawn into the folder of the explorer, and found by their names', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    const drawing = course.draw(id, 3, 2);
    expect(told(trainer)).toEqual({
      type: 'draw',
      id: 0,
      points: [point, point, point],
      columns: 2,
      file: join(course.folder, id, '1.png'),
    });
    writeFileSync((told(trainer) as Drawing).file, 'wall');
    trainer.say({ type: 'drawn', id: 0, columns: 2, bytes: 4 });
    expect(await drawing).toEqual({ picture: '1.png', columns: 2, count: 3 });
    const content = await course.explorers.explored(id, '1.png');
    expect(content).toEqual({ kind: 'file', type: 'image/png', path: join(course.folder, id, '1.png') });

    const points = [point, point];
    const request = { explorer: id, points, framesPerSecond: 12, format: 'gif' as const };
    const animating = course.handlers['explore.animate'](request, course.caller.context);
    expect(told(trainer)).toMatchObject({
      type: 'animate',
      id: 1,
      points,
      framesPerSecond: 12,
      format: 'gif',
    });
    answer(trainer);
    expect(await animating).toEqual({ picture: '2.gif', columns: 1, count: 2 });
    expect(await course.explorers.explored(id, '2.gif')).toMatchObject({ type: 'image/gif' });
  });

  test.each([
    ['nobody', '1.png'],
    ['', '2.png'],
    ['', '../1.png'],
    ['', '__proto__'],
  ])('%s %s: there is none', async (explorer, picture) => {
    const course = new Course();
    const { id, trainer } = await course.open();
    await course.drawn(id, trainer);
    const error = await errorOf(() => course.explorers.explored(explorer === '' ? id : explorer, picture));
    expect(error.code).toBe('picture.missing');
  });

  test('a picture that is not written yet is none', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    const drawing = course.draw(id);
    expect((await errorOf(() => course.explorers.explored(id, '1.png'))).code).toBe('picture.missing');
    answer(trainer);
    await drawing;
    await course.explorers.explored(id, '1.png');
  });

  test('the oldest make room for new ones, by their size', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    const there = () => readdirSync(join(course.folder, id)).sort();
    await course.drawn(id, trainer, 30 * megabyte);
    await course.drawn(id, trainer, 30 * megabyte);
    expect(there()).toEqual(['1.png', '2.png']);
    await course.drawn(id, trainer, 20 * megabyte);
    expect(there()).toEqual(['2.png', '3.png']);
    expect((await errorOf(() => course.explorers.explored(id, '1.png'))).code).toBe('picture.missing');
    // One alone may be as large as it likes.
    await course.drawn(id, trainer, 200 * megabyte);
    expect(there()).toEqual(['4.png']);
  });

  test('at most a thousand small ones', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    for (let n = 0; n < 1100; n += 1) await course.drawn(id, trainer);
    expect(readdirSync(join(course.folder, id))).toHaveLength(1024);
    await course.explorers.explored(id, '1100.png');
  });
});

describe('requests', () => {
  test('several at once: each gets its own answer, error and progress', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    const [first, second] = [course.draw(id), course.draw(id)];
    const failing = errorOf(() => course.draw(id));
    const files = trainer.commands.slice(1).map((command) => (command as Drawing).file);
    expect(new Set(files).size).toBe(3);
    trainer.say({ type: 'progress', id: 0, phase: 'drawing images', done: 0, total: 4 });
    trainer.say({ type: 'progress', id: 0, phase: 'drawing images', done: 4, total: 4 });
    trainer.say({ type: 'failed', id: 2, error: { code: 'disk.full', message: 'full', details: {} } });
    trainer.say({ type: 'drawn', id: 1, columns: 1, bytes: 1 });
    trainer.say({ type: 'drawn', id: 0, columns: 1, bytes: 1 });
    expect([(await first).picture, (await second).picture]).toEqual(['1.png', '2.png']);
    expect((await failing).code).toBe('disk.full');
    const { done, total, phase } = course.caller.progress.at(-1)!;
    expect([phase, done, total]).toEqual(['drawing images', 4, 4]);
  });

  test('nearest images: of the run that the generator is of', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    const search = course.nearest(id);
    await expect.poll(() => told(trainer)).toEqual({ type: 'nearest', id: 0, point, dataset, count: 2 });
    const images = [
      { index: 3, distance: 0.5 },
      { index: 1, distance: 0.75 },
    ];
    trainer.say({ type: 'nearest', id: 0, images });
    expect(await search).toEqual({ dataset: 'faces', images });
    const lost = await course.open('lost');
    expect((await errorOf(() => course.nearest(lost.id))).code).toBe('dataset.changed');
  });

  test('cancelled: the trainer is told, and goes on', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    const other = new Caller();
    const search = errorOf(() => course.nearest(id, other));
    await expect.poll(() => told(trainer).type).toBe('nearest');
    other.cancelling.abort();
    expect(told(trainer)).toEqual({ type: 'cancel', id: 0 });
    trainer.say({ type: 'failed', id: 0, error: { code: 'cancelled', message: '', details: {} } });
    expect((await search).code).toBe('cancelled');
    expect(trainer.killed).toBe(false);
    // Before it began: the trainer never hears of it.
    const heard = trainer.commands.length;
    expect((await errorOf(() => course.draw(id, 1, 1, other))).code).toBe('cancelled');
    expect(trainer.commands).toHaveLength(heard);
    await course.drawn(id, trainer);
  });
});

describe('the end', () => {
  test('a process that dies: whoever waits is told why, whoever asks later is told to open again, and that works', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    await course.drawn(id, trainer);
    const waiting = errorOf(() => course.draw(id));
    trainer.die('it was killed by SIGSEGV');
    const error = await waiting;
    expect(error.code).toBe('explore.ended');
    expect(error.message).toContain('SIGSEGV');
    expect((await errorOf(() => course.draw(id))).code).toBe('explore.ended');
    expect((await errorOf(() => course.explorers.explored(id, '1.png'))).code).toBe('picture.missing');
    expect(readdirSync(course.folder)).toEqual([]);
    const again = await course.open();
    expect(await course.drawn(again.id, again.trainer)).toBe('1.png');
  });

  test('what a process says that nobody understands ends it', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    const waiting = errorOf(() => course.draw(id));
    trainer.say({ type: 'failed', error: { code: 'trainer.bad-event', message: '', details: {} } });
    expect((await waiting).code).toBe('trainer.bad-event');
    expect(trainer.killed).toBe(true);
  });

  test('closed: its process and pictures are gone, once and for all', async () => {
    const course = new Course();
    const { id, trainer } = await course.open();
    await course.drawn(id, trainer);
    const waiting = errorOf(() => course.draw(id));
    const close = () => course.handlers['explore.close']({ explorer: id }, course.caller.context);
    expect(await close()).toBe(null);
    expect((await waiting).code).toBe('explore.ended');
    expect(trainer.killed).toBe(true);
    // Messages that were under way, and its end, change nothing.
    trainer.say({ type: 'drawn', id: 1, columns: 1, bytes: 1 });
    trainer.die();
    expect(await close()).toBe(null);
    expect(existsSync(join(course.folder, id))).toBe(false);
  });

  test('with the connection that opened it, and no other', async () => {
    const course = new Course();
    const [one, two] = [new Caller(), new Caller()];
    const a = await course.open('r', one);
    const b = await course.open('r', two);
    const waiting = errorOf(() => course.draw(b.id, 1, 1, one));
    one.leave();
    expect([a.trainer.killed, b.trainer.killed]).toEqual([true, false]);
    expect(told(b.trainer)).toMatchObject({ type: 'cancel' });
    b.trainer.say({ type: 'failed', id: 0, error: { code: 'cancelled', message: '', details: {} } });
    expect((await waiting).code).toBe('cancelled');
    await course.drawn(b.id, b.trainer);
    two.leave();
    expect(b.trainer.killed).toBe(true);
    expect(readdirSync(course.folder)).toEqual([]);
    expect(course.kept.size).toBe(0);
  });

  test('of a connection while it still opens', async () => {
    const course = new Course();
    const opening = errorOf(() => course.opening());
    course.caller.leave();
    expect((await opening).code).toBe('cancelled');
    expect(course.host.newest.killed).toBe(true);
  });

  test('of all of them at once', async () => {
    const course = new Course();
    const opened = [await course.open(), await course.open()];
    course.explorers.close();
    expect(opened.map(({ trainer }) => trainer.killed)).toEqual([true, true]);
    expect(readdirSync(course.folder)).toEqual([]);
  });
});

describe('a fifth', () => {
  test('takes the place of the one that was used longest ago', async () => {
    const course = new Course();
    const opened: Awaited<ReturnType<Course['open']>>[] = [];
    for (let n = 0; n < 4; n += 1) opened.push(await course.open());
    const [first, second] = opened;
    await course.drawn(first!.id, first!.trainer);
    await course.open();
    expect(opened.map(({ trainer }) => trainer.killed)).toEqual([false, true, false, false]);
    const error = await errorOf(() => course.draw(second!.id));
    expect(error.code).toBe('explore.ended');
    expect(readdirSync(course.folder)).toHaveLength(4);
  });

  test('never of one at work; when all are, it has to wait', async () => {
    const course = new Course();
    const opened: Awaited<ReturnType<Course['open']>>[] = [];
    for (let n = 0; n < 3; n += 1) opened.push(await course.open());
    const work = opened.slice(0, 2).map(({ id }) => course.draw(id));
    const opening = course.opening();
    const fourth = course.host.newest;
    const fifth = await course.open();
    expect(opened.map(({ trainer }) => trainer.killed)).toEqual([false, false, true]);
    work.push(course.draw(fifth.id));
    // Three draw, one is not open yet.
    expect((await errorOf(() => course.opening())).code).toBe('explore.too-many');
    fourth.say(exploring);
    work.push(course.draw((await opening).id));
    expect((await errorOf(() => course.opening())).code).toBe('explore.too-many');
    for (const trainer of [opened[0]!.trainer, opened[1]!.trainer, fourth, fifth.trainer]) answer(trainer);
    await Promise.all(work);
    await course.open();
  });
});
