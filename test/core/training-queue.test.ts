import { mkdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { TrainingQueue } from '../../src-main/core/training-queue.ts';
import { openDatabase } from '../../src-main/store/database.ts';
import type { Store } from '../../src-main/store/open-store.ts';
import { createSteps } from '../../src-main/store/steps.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import type { Reason, Run } from '../../src-shared/library.ts';
import type { TrainCommand, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import { addDataset, newRun, steps } from '../store/content.ts';
import { newStore } from '../store/library.ts';
import { ScriptedHost } from './scripted-trainer.ts';

class Course {
  readonly store: Store;
  readonly host = new ScriptedHost();
  readonly events: ApiEvent[] = [];
  readonly queue: TrainingQueue;
  /** Checkpoints that it was told of. */
  readonly checkpoints: [run: string, dataset: string, step: number][] = [];
  /** Called with every event that is broadcast. */
  onEvent: (event: ApiEvent) => void = () => undefined;

  constructor(store: Store = newStore()) {
    this.store = store;
    const broadcast = (event: ApiEvent) => {
      this.events.push(event);
      this.onEvent(event);
    };
    this.queue = new TrainingQueue(store, this.host, broadcast, ({ id }, { key }, step) =>
      this.checkpoints.push([id, key, step]),
    );
  }

  /** A new run with a queued training. */
  add(name = 'first try'): Run {
    const run = newRun(this.store, { name });
    this.queue.add(run, this.command(run));
    return run;
  }

  command(run: Run): TrainCommand {
    return {
      type: 'train',
      design: run.design,
      hyperparameters: run.hyperparameters,
      dataset: addDataset(this.store, run.dataset.key),
      seed: run.seed,
      engine: run.engineWanted,
      limits: run.limits,
      runDir: this.store.paths.runFolder(run.id),
      checkpoint: null,
      trials: this.store.paths.engineTrials,
      graphs: this.store.paths.graphs,
    };
  }

  state({ id }: Run): string {
    return this.store.runs.get(id).state;
  }

  reason({ id }: Run): { code: string; message: string } | null {
    return this.store.runs.get(id).reason;
  }

  /** The states that were broadcast, with the runs' names. */
  get told(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'run' ? [`${event.run.name}: ${event.run.state}`] : [],
    );
  }
}

const trained = (from: number, to: number): TrainerEvent => ({
  type: 'steps',
  steps: steps(from, to),
  imagesSeen: to * 4,
  trainingSeconds: to * 2,
  remainingSeconds: null,
});

/** What a trainer writes and tells when it makes a checkpoint. */
function checkpoint(course: Course, run: Run, step: number): TrainerEvent {
  const folder = course.store.paths.checkpointFolder(run.id, step);
  mkdirSync(folder, { recursive: true });
  return { type: 'checkpoint', step, imagesSeen: step * 4, trainingSeconds: step * 2, folder, bytes: 0 };
}

const brokenDown: TrainerEvent = {
  type: 'failed',
  error: { code: 'disk.full', message: 'The disk is full.', details: {} },
};

test('what the trainer tells is written down, then passed on', () => {
  const course = new Course();
  const run = course.add();
  const { newest: trainer } = course.host;
  expect(trainer.commands).toEqual([course.command(run)]);
  trainer.say({ type: 'engine', name: 'onnx', device: 'CPU' });
  trainer.say({ type: 'sample', step: 0, file: 'elsewhere.png', count: 16, columns: 4 });
  trainer.say(trained(1, 3));
  trainer.say({ type: 'resources', cpu: 0.9, memoryBytes: 2e8 });
  trainer.say(checkpoint(course, run, 3));
  trainer.say({ type: 'trained', as: 'done' });
  const { runs, samples, checkpoints } = course.store;
  expect(runs.get(run.id)).toMatchObject({
    state: 'done',
    step: 3,
    imagesSeen: 12,
    engine: 'onnx',
    device: 'CPU',
    reason: null,
  });
  expect(course.store.steps.list(run.id)).toEqual(steps(1, 3));
  expect(samples.list(run.id).map(({ step }) => step)).toEqual([0]);
  expect(checkpoints.list(run.id).map(({ step }) => step)).toEqual([3]);
  expect(course.told).toEqual(['first try: running', 'first try: running', 'first try: done']);
  const other = course.events.filter((event) => event.type !== 'run');
  expect(other).toEqual([
    // No paths: what a trainer says cannot lead out of the library.
    { type: 'sample', run: run.id, step: 0, count: 16, columns: 4 },
    {
      type: 'steps',
      run: run.id,
      steps: steps(1, 3),
      imagesSeen: 12,
      trainingSeconds: 6,
      remainingSeconds: null,
    },
    { type: 'resources', run: run.id, cpu: 0.9, memoryBytes: 2e8 },
    { type: 'checkpoint', run: run.id, step: 3, bytes: 0 },
  ]);
  expect(trainer.killed).toBe(true);
});

test('tells whoever measures of every checkpoint, once it is written down', () => {
  const course = new Course();
  const run = course.add();
  for (const step of [1, 2]) {
    course.host.newest.say(trained(step, step));
    course.host.newest.say(checkpoint(course, run, step));
  }
  expect(course.checkpoints).toEqual([
    [run.id, run.dataset.key, 1],
    [run.id, run.dataset.key, 2],
  ]);
});

const broken: TrainerEvent = {
  type: 'failed',
  error: { code: 'training.not-finite', message: 'At step 5 lossD became NaN.', details: {} },
};

describe('a run that breaks down', () => {
  test('goes back to its newest checkpoint by itself, with half the learning rates', () => {
    const course = new Course();
    const run = course.add();
    const first = course.host.newest;
    first.say(trained(1, 3));
    first.say(checkpoint(course, run, 3));
    first.say(trained(4, 4));
    first.say(broken);
    expect(first.killed).toBe(true);
    const [before] = first.commands as [TrainCommand];
    const [again] = course.host.newest.commands as [TrainCommand];
    expect(again).toEqual({
      ...before,
      hyperparameters: again.hyperparameters,
      checkpoint: course.store.paths.checkpointFolder(run.id, 3),
      changedSettings: true,
    });
    for (const network of ['discriminator', 'generator'] as const) {
      const rate = before.hyperparameters[network].learningRate / 2;
      expect(again.hyperparameters[network]).toEqual({
        ...before.hyperparameters[network],
        learningRate: rate,
      });
    }
    const now = course.store.runs.get(run.id);
    expect(now).toMatchObject({ state: 'running', step: 3, reason: null });
    expect(now.hyperparameters).toEqual(again.hyperparameters);
    expect(course.store.runs.history(run.id).map(({ state, reason }) => [state, reason?.code])).toEqual([
      ['queued', undefined],
      ['running', undefined],
      ['queued', 'training.went-back'],
      ['running', undefined],
    ]);
    const [, , { reason }] = course.store.runs.history(run.id) as [unknown, unknown, { reason: Reason }];
    expect(reason.message).toContain('At step 5 lossD became NaN. It went back to step 3 by itself, once');
  });

  test('begins again where it has no checkpoint', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say(trained(1, 3));
    course.host.newest.say(broken);
    const [again] = course.host.newest.commands as [TrainCommand];
    expect(again.checkpoint).toBeNull();
    expect(again).not.toHaveProperty('changedSettings');
    expect(course.store.runs.get(run.id)).toMatchObject({ state: 'running', step: 0 });
    expect(course.store.steps.list(run.id)).toEqual([]);
  });

  test('does so once: then it fails, and others get their turn', () => {
    const course = new Course();
    const [run, other] = [course.add('one'), course.add('other')];
    course.host.newest.say(broken);
    expect(course.state(run)).toBe('running');
    expect(course.state(other)).toBe('queued');
    course.host.newest.say(broken);
    expect(course.state(run)).toBe('failed');
    expect(course.state(other)).toBe('running');
  });
});

test('a run that gets no better is told to end, and is done for that reason', () => {
  const course = new Course();
  const [run, other] = [course.add('one'), course.add('other')];
  const trainer = course.host.newest;
  const reason = { code: 'run.no-better', message: 'It got no better.' };
  course.queue.finish(other.id, reason);
  expect(trainer.commands).toHaveLength(1);
  course.queue.finish(run.id, reason);
  expect(trainer.commands.at(-1)).toEqual({ type: 'interrupt', as: 'done' });
  trainer.say({ type: 'trained', as: 'done' });
  expect(course.store.runs.get(run.id)).toMatchObject({ state: 'done', reason });
});

test('a second run waits until the first has ended, however it ends', () => {
  const course = new Course();
  const runs = ['a', 'b', 'c', 'd'].map((name) => course.add(name));
  const states = () => runs.map((run) => course.state(run)).join(' ');
  expect(states()).toBe('running queued queued queued');
  course.host.newest.say({ type: 'trained', as: 'paused' });
  expect(states()).toBe('paused running queued queued');
  course.host.newest.say(brokenDown);
  expect(states()).toBe('paused failed running queued');
  course.host.newest.die();
  expect(states()).toBe('paused failed interrupted running');
  expect(course.host.trainers.map(({ killed }) => killed)).toEqual([true, true, true, false]);
});

describe('interrupting', () => {
  test('a running run: the trainer is asked, and says when it has ended', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say(trained(1, 1));
    course.queue.interrupt(run.id, 'paused');
    expect(course.host.newest.killed).toBe(false);
    expect(course.host.newest.commands.slice(1)).toEqual([{ type: 'interrupt', as: 'paused' }]);
    expect(course.state(run)).toBe('running');
    course.host.newest.say({ type: 'trained', as: 'paused' });
    expect(course.state(run)).toBe('paused');
  });

  test('a waiting run leaves the queue, the others move up', () => {
    const course = new Course();
    const [first, second, third] = [course.add('first'), course.add('second'), course.add('third')];
    course.queue.interrupt(second.id, 'paused');
    expect(course.state(second)).toBe('stopped');
    expect(course.state(first)).toBe('running');
    course.host.newest.say({ type: 'trained', as: 'done' });
    expect(course.state(third)).toBe('running');
    expect(course.host.trainers).toHaveLength(2);
  });

  test('before the first step: the trainer is ended at once, since it would hear of it only when it has prepared', () => {
    const course = new Course();
    const [run, next] = [course.add('first'), course.add('next')];
    const trainer = course.host.newest;
    trainer.say({ type: 'engine', name: 'onnx', device: 'CPU' });
    course.queue.interrupt(run.id, 'paused');
    expect(trainer.killed).toBe(true);
    expect(course.state(run)).toBe('stopped');
    expect(course.reason(run)).toBeNull();
    trainer.die();
    expect(course.state(run)).toBe('stopped');
    expect(course.state(next)).toBe('running');
  });

  test('before the first step since it was resumed: as was wished, with the checkpoint that it has', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say(trained(1, 2));
    course.host.newest.say(checkpoint(course, run, 2));
    course.host.newest.die();
    course.store.runs.setState(run.id, 'queued');
    course.queue.add(run, course.command(run));
    course.queue.interrupt(run.id, 'paused');
    expect(course.host.newest.killed).toBe(true);
    expect(course.store.runs.get(run.id)).toMatchObject({ state: 'paused', step: 2 });
    expect(course.store.checkpoints.list(run.id).map(({ step }) => step)).toEqual([2]);
  });

  test('one who hears that a run begins can interrupt it', () => {
    const course = new Course();
    course.onEvent = (event) => {
      if (event.type === 'run' && event.run.state === 'running')
        course.queue.interrupt(event.run.id, 'stopped');
    };
    const run = course.add();
    expect(course.state(run)).toBe('stopped');
    expect(course.host.newest.killed).toBe(true);
  });

  test('a run that is over, or none, changes nothing', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say({ type: 'trained', as: 'done' });
    course.queue.interrupt(run.id, 'stopped');
    course.queue.interrupt('nobody', 'stopped');
    expect(course.state(run)).toBe('done');
  });
});

describe('a trainer that dies', () => {
  test('before it said a word', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.die('it could not be started (spawn ENOENT)');
    expect(course.state(run)).toBe('interrupted');
    expect(course.reason(run)).toEqual({
      code: 'trainer.died',
      message:
        'The trainer process ended: it could not be started (spawn ENOENT). It has no checkpoint yet: resumed, it starts again.',
    });
  });

  test('in the middle: what it told stays, and the reason names the checkpoint to go on from', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say(trained(1, 5));
    course.host.newest.say(checkpoint(course, run, 5));
    course.host.newest.say(trained(6, 7));
    course.host.newest.die();
    expect(course.store.runs.get(run.id)).toMatchObject({ state: 'interrupted', step: 7 });
    expect(course.reason(run)?.message).toContain(
      'it was killed by SIGKILL. Resumed, it goes on from its checkpoint of step 5.',
    );
  });

  test('after its last word: the word counts', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say({ type: 'trained', as: 'done' });
    course.host.newest.die();
    expect(course.state(run)).toBe('done');
    expect(course.told).toEqual(['first try: running', 'first try: done']);
  });

  test('late: the same run trains again already, with another trainer', () => {
    const course = new Course();
    const run = course.add();
    const old = course.host.newest;
    old.say({ type: 'trained', as: 'paused' });
    course.store.runs.setState(run.id, 'queued');
    course.queue.add(run, course.command(run));
    old.say(trained(1, 1));
    old.say(brokenDown);
    old.die();
    expect(course.state(run)).toBe('running');
    expect(course.store.steps.list(run.id)).toEqual([]);
    course.host.newest.say(trained(1, 2));
    expect(course.store.steps.list(run.id)).toHaveLength(2);
  });
});

describe('a trainer that misbehaves', () => {
  test('a failure ends the run with its reason', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say(brokenDown);
    expect(course.state(run)).toBe('failed');
    expect(course.reason(run)).toEqual({ code: 'disk.full', message: 'The disk is full.' });
  });

  test('steps told twice end the run; those before stay as they were', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say(trained(1, 3));
    course.host.newest.say(trained(3, 4));
    expect(course.state(run)).toBe('failed');
    expect(course.store.steps.list(run.id)).toEqual(steps(1, 3));
    expect(course.host.newest.killed).toBe(true);
  });

  test('a checkpoint that is not there is not believed', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say({ ...checkpoint(course, run, 1), step: 2 } as TrainerEvent);
    expect(course.reason(run)?.code).toBe('checkpoint.missing');
    expect(course.store.checkpoints.list(run.id)).toEqual([]);
  });

  test('answers to what nobody asked are nothing', () => {
    const course = new Course();
    const run = course.add();
    course.host.newest.say({ type: 'ready' });
    course.host.newest.say({ type: 'sampled', file: 'x.png', columns: 1 });
    course.host.newest.say({ type: 'engines', engines: [] });
    expect(course.state(run)).toBe('running');
    expect(course.told).toEqual(['first try: running']);
  });

  test('one that cannot be started fails its run, and the next gets its turn', () => {
    const course = new Course();
    course.host.refusal = new Error('spawn EAGAIN');
    const first = course.add('first');
    const second = course.add('second');
    expect(course.reason(first)).toEqual({ code: 'internal', message: 'spawn EAGAIN' });
    expect(course.state(second)).toBe('running');
  });
});

describe('a library that cannot be written', () => {
  test('a full disk ends the run, its trainer, and nothing that was saved is lost', () => {
    const store = newStore();
    const full = openDatabase(store.paths.database, 'write');
    const course = new Course({ ...store, steps: createSteps(full) });
    const run = course.add();
    course.host.newest.say(trained(1, 10));
    full.pragma('max_page_count = 1'); // no more than it has by now
    course.host.newest.say(trained(11, 5000));
    expect(course.reason(run)?.code).toBe('disk.full');
    expect(course.state(run)).toBe('failed');
    expect(course.host.newest.killed).toBe(true);
    expect(store.steps.list(run.id)).toEqual(steps(1, 10));
    full.close();
  });

  test('not even for the end of the run: whoever listens hears of it, and a later opening sets it right', () => {
    const store = newStore();
    const course = new Course(store);
    const run = course.add();
    store.close();
    course.host.newest.say(trained(1, 1));
    const last = course.events.at(-1);
    expect(last).toMatchObject({
      type: 'run',
      run: { id: run.id, state: 'failed', reason: { code: 'internal' } },
    });
    expect(course.host.newest.killed).toBe(true);
  });
});

test('closing ends everything at once, and all of it can be resumed', () => {
  const course = new Course();
  const [first, second] = [course.add('first'), course.add('second')];
  course.host.newest.say(trained(1, 2));
  course.host.newest.say(checkpoint(course, first, 2));
  course.queue.close();
  expect(course.host.trainers.map(({ killed }) => killed)).toEqual([true]);
  expect(course.reason(first)).toEqual({
    code: 'run.interrupted',
    message:
      'Ganvas was closed before this run had ended. Resumed, it goes on from its checkpoint of step 2.',
  });
  expect(course.reason(second)?.message).toContain('It has no checkpoint yet');
  expect(course.state(second)).toBe('interrupted');
  course.host.newest.die();
  expect(course.told.slice(-2)).toEqual(['first: interrupted', 'second: interrupted']);
});
