/** The trainer as a process of its own, on the Node that Ganvas brings. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { constants, getPriority } from 'node:os';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readCheckpoint } from '../../src-main/trainer/checkpoint.ts';
import { TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import { temporaryFolder, writeDataset } from './folders.ts';
import {
  checkpointsIn,
  command,
  everything,
  fingerprint,
  folderOf,
  limits,
  lossesOf,
  ofType,
  settings,
} from './runs.ts';

const node = join(
  dirname(createRequire(import.meta.url).resolve('node/package.json')),
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);
const entry = join(import.meta.dirname, '../../src-main/trainer/main.ts');

class Trainer {
  readonly events: TrainerEvent[] = [];
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  #wake: () => void = () => undefined;
  #error = '';

  constructor(program: string, parameters: string[]) {
    this.child = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.ended = once(this.child, 'exit').then(() => this.#wake());
    this.child.stderr!.on('data', (text) => (this.#error += String(text)));
    this.child.on('message', (message) => {
      this.events.push(v.parse(TrainerEvent, message));
      this.#wake();
    });
    onTestFinished(() => {
      this.child.kill('SIGKILL');
    });
  }

  send(message: unknown): void {
    this.child.send(message as object);
  }

  /** The first event of a type from the `from`-th on; fails when the process ends without it. */
  async next<Type extends TrainerEvent['type']>(
    type: Type,
    from = 0,
  ): Promise<Extract<TrainerEvent, { type: Type }>> {
    for (;;) {
      const [found] = ofType(this.events.slice(from), type);
      if (found !== undefined) return found;
      const failed = ofType(this.events.slice(from), 'failed')[0];
      if (failed !== undefined) throw new Error(`${failed.error.code}: ${failed.error.message}`);
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`the trainer ended: ${this.#error}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Sends a command and waits for the answer. */
  async ask<Type extends TrainerEvent['type']>(message: unknown, type: Type) {
    const from = this.events.length;
    this.send(message);
    return this.next(type, from);
  }
}

async function start(): Promise<Trainer> {
  const trainer = new Trainer(node, [entry]);
  await trainer.next('ready');
  return trainer;
}

async function place(count = 10) {
  const folder = await temporaryFolder();
  return { folder, runDir: join(folder, 'run'), dataset: await writeDataset(folder, everything, count) };
}

describe('commands', { timeout: 60_000 }, () => {
  test('engines: what is here, and why what is not here is missing', async () => {
    const trainer = await start();
    const { engines } = await trainer.ask({ type: 'engines' }, 'engines');
    expect(engines.map((engine) => engine.name)).toEqual([
      'cuda',
      'webgpu',
      'onnx',
      'tensorflow-cpu',
      'reference',
    ]);
    for (const { available, device, note } of engines) {
      expect(device === null).toBe(!available);
      expect(note.length).toBeGreaterThan(20);
    }
    const always = engines.filter(({ name }) => name === 'onnx' || name === 'reference');
    expect(always.every(({ available }) => available)).toBe(true);
  });

  test('train, sample, and train on, one after the other', async () => {
    const { folder, runDir, dataset } = await place();
    const trainer = await start();
    expect(
      await trainer.ask(command(runDir, dataset, { limits: limits({ steps: 4 }) }), 'trained'),
    ).toMatchObject({ as: 'done' });
    expect(ofType(trainer.events, 'engine')).toMatchObject([
      { name: 'onnx', device: expect.stringContaining('CPU') as string },
    ]);
    const file = join(folder, 'grid.png');
    const sample = {
      type: 'sample',
      checkpoint: folderOf(runDir, 4),
      engine: 'onnx',
      count: 5,
      seed: 3,
      file,
    };
    expect(await trainer.ask(sample, 'sampled')).toEqual({ type: 'sampled', file, columns: 3 });
    expect((await readdir(folder)).sort()).toEqual(['dataset', 'grid.png', 'run', 'run-graphs']);
    await trainer.ask(command(runDir, dataset, { checkpoint: folderOf(runDir, 4) }), 'trained');
    expect(Object.keys(lossesOf(trainer.events)).length).toBe(10);
  });

  test('train: whatever else a person does goes first', async () => {
    const { runDir, dataset } = await place();
    const trainer = await start();
    const usual = getPriority(trainer.child.pid);
    trainer.send(command(runDir, dataset, { limits: limits({}) }));
    await trainer.next('steps');
    expect(getPriority(trainer.child.pid)).toBeGreaterThan(usual);
    expect(getPriority(trainer.child.pid)).toBeLessThan(constants.priority.PRIORITY_LOW);
  });

  test('measure: in the background at the lowest priority, and the same numbers as in front', async () => {
    const { runDir, dataset } = await place(40);
    const trainer = await start();
    const usual = getPriority(trainer.child.pid);
    await trainer.ask(command(runDir, dataset, { limits: limits({ steps: 1 }) }), 'trained');
    const measure = {
      ...{ type: 'measure', checkpoint: folderOf(runDir, 1), dataset, engine: 'onnx', images: 16, seed: 0 },
      ...{ reals: true, inception: null },
    };
    const other = await start();
    const inFront = await other.ask({ ...measure, background: false }, 'measured');
    expect(getPriority(other.child.pid)).toBe(usual);
    expect(inFront.step).toBe(1);
    expect(inFront.values.map(({ name }) => name)).toContain('swd');
    const behind = await other.ask({ ...measure, background: true }, 'measured');
    expect(getPriority(other.child.pid)).toBe(constants.priority.PRIORITY_LOW);
    expect(behind).toEqual(inFront);
  });

  test.for(['paused', 'stopped'] as const)('interrupt: %s with a checkpoint', async (as) => {
    const { runDir, dataset } = await place();
    const trainer = await start();
    trainer.send(command(runDir, dataset, { limits: limits({}) }));
    await trainer.next('steps');
    expect(await trainer.ask({ type: 'interrupt', as }, 'trained')).toEqual({ type: 'trained', as });
    const [name] = await checkpointsIn(runDir);
    expect((await readCheckpoint(join(runDir, 'checkpoints', name!))).info.step).toBe(Number(name));
  });

  test('an interrupt that was meant for an earlier command does not stop the next', async () => {
    const { runDir, dataset } = await place();
    const trainer = await start();
    trainer.send({ type: 'interrupt', as: 'paused' });
    expect(
      await trainer.ask(command(runDir, dataset, { limits: limits({ steps: 2 }) }), 'trained'),
    ).toMatchObject({ as: 'done' });
  });

  const failure = async (message: unknown) => {
    const trainer = await start();
    const { error } = await trainer.ask(message, 'failed');
    // It still listens.
    await trainer.ask({ type: 'engines' }, 'engines');
    return error;
  };

  test.for<[string, unknown, RegExp]>([
    ['nothing', 'hello', /./],
    ['unknown', { type: 'dance' }, /type/],
    ['incomplete', { type: 'sample', checkpoint: 'x' }, /engine/],
    [
      'of the wrong kind',
      { type: 'sample', checkpoint: 'x', engine: 'onnx', count: 0, seed: 1, file: 'y' },
      /count/,
    ],
  ])('%s: told what is wrong, and the trainer goes on', async ([, message, place_]) => {
    const error = await failure(message);
    expect(error.code).toBe('trainer.bad-command');
    expect(error.message).toMatch(place_);
  });

  test('a checkpoint that is not there', async () => {
    const { folder } = await place();
    const message = {
      type: 'sample',
      checkpoint: join(folder, 'none'),
      engine: 'onnx',
      count: 1,
      seed: 1,
      file: join(folder, 'a.png'),
    };
    expect((await failure(message)).code).toBe('checkpoint.missing');
    expect(await readdir(folder)).toEqual(['dataset']);
  });

  test('an engine that is not there', async () => {
    const { runDir, dataset } = await place();
    const trainer = await start();
    const { engines } = await trainer.ask({ type: 'engines' }, 'engines');
    const missing = engines.find((engine) => !engine.available);
    // With every engine here there is nothing to miss.
    if (missing === undefined) return;
    const { error } = await trainer.ask(command(runDir, dataset, { engine: missing.name }), 'failed');
    expect(error.code).toBe('engine.missing');
    expect(error.message).toContain(missing.note);
  });

  test('a second command while it works is refused, and the first goes on', async () => {
    const { runDir, dataset } = await place();
    const trainer = await start();
    trainer.send(command(runDir, dataset, { limits: limits({}) }));
    await trainer.next('steps');
    const { error } = await trainer.ask({ type: 'engines' }, 'failed');
    expect(error.code).toBe('trainer.busy');
    const told = trainer.events.length;
    await trainer.next('steps', told);
    expect(await trainer.ask({ type: 'interrupt', as: 'stopped' }, 'trained')).toMatchObject({
      as: 'stopped',
    });
  });
});

describe('exploring', { timeout: 60_000 }, () => {
  const draw = (id: number, file: string) => ({
    type: 'draw',
    id,
    points: [1, 2, 3].map((seed) => ({ kind: 'seed', seed })),
    columns: 3,
    file,
  });

  test('a checkpoint of a run that trains on: pictures come, the checkpoint may go, and the run ends byte for byte as ever', async () => {
    const { folder, runDir, dataset } = await place();
    const given = { hyperparameters: settings({ checkpointEvery: 20 }) };
    const trainer = await start();
    trainer.send(command(runDir, dataset, { ...given, limits: limits({}) }));
    const { step, folder: checkpoint } = await trainer.next('checkpoint');

    const explorer = await start();
    expect(await explorer.ask({ type: 'explore', checkpoint, engine: 'onnx' }, 'exploring')).toMatchObject({
      step,
      latentDim: 3,
      image: { height: 8, width: 8, channels: 1 },
    });
    await rm(checkpoint, { recursive: true });
    const files = Array.from({ length: 20 }, (_, i) => join(folder, `${i}.png`));
    for (const [id, file] of files.entries()) {
      expect(await explorer.ask(draw(id, file), 'drawn')).toMatchObject({ id, columns: 3 });
    }
    expect(new Set((await Promise.all(files.map((file) => readFile(file)))).map(String)).size).toBe(1);
    const point = { kind: 'seed', seed: 1 };
    const nearest = { type: 'nearest', id: 99, point, dataset, count: 2 };
    expect((await explorer.ask(nearest, 'nearest')).images).toHaveLength(2);

    await trainer.ask({ type: 'interrupt', as: 'stopped' }, 'trained');
    const end = ofType(trainer.events, 'checkpoint').at(-1)!.step;
    const calm = `${runDir}-calm`;
    await (
      await start()
    ).ask(command(calm, dataset, { ...given, limits: limits({ steps: end }) }), 'trained');
    expect(await fingerprint(runDir, end)).toBe(await fingerprint(calm, end));
  });

  test('a request before there is a generator, or one that is none: told, and it still listens', async () => {
    const { folder } = await place();
    const trainer = await start();
    const early = await trainer.ask(draw(1, join(folder, 'a.png')), 'failed');
    expect(early.error.code).toBe('trainer.no-explorer');
    const bad = await trainer.ask({ ...draw(2, join(folder, 'a.png')), points: [] }, 'failed');
    expect(bad.error.code).toBe('trainer.bad-command');
    const missing = { type: 'explore', checkpoint: join(folder, 'none'), engine: 'onnx' };
    expect((await trainer.ask(missing, 'failed')).error.code).toBe('checkpoint.missing');
    trainer.send({ type: 'cancel', id: 1 });
    await trainer.ask({ type: 'engines' }, 'engines');
  });
});

describe('death', { timeout: 60_000 }, () => {
  test('killed in the middle, and gone on with from its last checkpoint: byte for byte as never killed', async () => {
    const { runDir, dataset } = await place();
    const given = { hyperparameters: settings({ checkpointEvery: 3, sampleEvery: 5 }) };
    const killed = await start();
    killed.send(command(runDir, dataset, { ...given, limits: limits({}) }));
    await killed.next('checkpoint');
    killed.child.kill('SIGKILL');
    await killed.ended;
    // Whatever bears a checkpoint's name is whole.
    const names = (await checkpointsIn(runDir)).filter((name) => /^\d{8}$/.test(name));
    const steps = await Promise.all(
      names.map(async (name) => (await readCheckpoint(join(runDir, 'checkpoints', name))).info.step),
    );
    expect(steps.map((step) => folderOf(runDir, step))).toEqual(
      names.map((name) => join(runDir, 'checkpoints', name)),
    );
    const last = steps.at(-1)!;
    const end = { ...given, limits: limits({ steps: last + 10 }) };

    const next = await start();
    await next.ask(command(runDir, dataset, { ...end, checkpoint: folderOf(runDir, last) }), 'trained');
    const whole = `${runDir}-whole`;
    const calm = await start();
    await calm.ask(command(whole, dataset, end), 'trained');
    expect(await checkpointsIn(runDir)).toEqual(await checkpointsIn(whole));
    for (const step of [...steps, last + 10]) {
      expect(await fingerprint(runDir, step)).toBe(await fingerprint(whole, step));
    }
    expect(await readdir(join(runDir, 'samples'))).toEqual(await readdir(join(whole, 'samples')));
    const expected = lossesOf(calm.events);
    expect(Object.keys(expected).length).toBe(last + 10);
    expect({ ...expected, ...lossesOf(killed.events), ...lossesOf(next.events) }).toEqual(expected);
  });

  test('ends when whoever started it lets go', async () => {
    const trainer = await start();
    trainer.child.disconnect();
    await trainer.ended;
    expect([trainer.child.exitCode, trainer.child.signalCode]).toEqual([0, null]);
  });

  test('ends in the middle of training when whoever started it lets go, with whole checkpoints', async () => {
    const { runDir, dataset } = await place();
    const trainer = await start();
    trainer.send(
      command(runDir, dataset, { hyperparameters: settings({ checkpointEvery: 1 }), limits: limits({}) }),
    );
    await trainer.next('checkpoint');
    trainer.child.disconnect();
    await trainer.ended;
    for (const name of (await checkpointsIn(runDir)).filter((each) => /^\d{8}$/.test(each))) {
      expect((await readCheckpoint(join(runDir, 'checkpoints', name))).info.step).toBe(Number(name));
    }
  });

  test("does not end by Ctrl-C, which is its parent's to understand", async () => {
    const { runDir, dataset } = await place();
    const trainer = await start();
    trainer.send(command(runDir, dataset, { limits: limits({}) }));
    await trainer.next('steps');
    trainer.child.kill('SIGINT');
    await trainer.next('steps', trainer.events.length);
    expect(await trainer.ask({ type: 'interrupt', as: 'stopped' }, 'trained')).toMatchObject({
      as: 'stopped',
    });
  });

  /** A parent that starts a trainer, hands its messages on, and is killed. */
  const parentCode = `
    import { spawn } from 'node:child_process';
    const [node, entry] = process.argv.slice(1);
    const child = spawn(node, [entry], { stdio: ['ignore', process.stderr, process.stderr, 'ipc'] });
    child.on('message', (message) => process.send(message));
    process.on('message', (message) => child.send(message));
  `;

  test.skipIf(process.platform === 'win32').for(['idle', 'training'])(
    'dies with a parent that was killed, %s',
    async (what) => {
      const { runDir, dataset } = await place();
      const parent = spawn(node, ['--input-type=module', '-e', parentCode, node, entry], {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      onTestFinished(() => {
        parent.kill('SIGKILL');
      });
      const wanted = what === 'idle' ? 'ready' : 'steps';
      await new Promise<void>((resolve) => {
        parent.on('message', (told) => {
          const { type } = told as TrainerEvent;
          if (type === 'ready' && what === 'training')
            parent.send(command(runDir, dataset, { limits: limits({}) }));
          if (type === wanted) resolve();
        });
      });
      // Both processes hold this pipe's other end: it ends with the last of them.
      let said = '';
      parent.stderr!.on('data', (text) => (said += String(text)));
      parent.kill('SIGKILL');
      await once(parent.stderr!, 'end');
      expect(said).toBe('');
    },
  );
});

describe.skipIf(process.platform === 'win32')(
  'a disk that has no room for another checkpoint',
  { timeout: 60_000 },
  () => {
    test('fails with words, keeps the checkpoint before, and leaves nothing half-written', async () => {
      const { runDir, dataset } = await place();
      const first = await start();
      await first.ask(command(runDir, dataset, { limits: limits({ steps: 2 }) }), 'trained');
      const good = await fingerprint(runDir, 2);

      // No file above 4 KB: a sample fits, the state does not.
      const full = new Trainer('/bin/sh', ['-c', 'ulimit -f 8; exec "$0" "$1"', node, entry]);
      await full.next('ready');
      const { error } = await full.ask(
        command(runDir, dataset, { checkpoint: folderOf(runDir, 2) }),
        'failed',
      );
      expect(error.code).toBe('disk.full');
      expect(error.message).toContain('00000010');
      expect(Object.keys(lossesOf(full.events)).map(Number)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
      expect(await checkpointsIn(runDir)).toEqual(['00000002']);
      expect(await fingerprint(runDir, 2)).toBe(good);

      const next = await start();
      await next.ask(command(runDir, dataset, { checkpoint: folderOf(runDir, 2) }), 'trained');
      const whole = `${runDir}-whole`;
      await next.ask(command(whole, dataset), 'trained');
      expect(await fingerprint(runDir, 10)).toBe(await fingerprint(whole, 10));
    });

    test('an image that cannot be written ends the run in words, too', async () => {
      const { runDir, dataset } = await place();
      await writeFile(join(dataset.dir, '..', 'run-file'), '');
      const full = new Trainer('/bin/sh', ['-c', 'ulimit -f 0; exec "$0" "$1"', node, entry]);
      await full.next('ready');
      const { error } = await full.ask(command(runDir, dataset), 'failed');
      expect(error.code).toBe('disk.full');
      expect(await readdir(join(runDir, 'samples'))).toEqual([]);
      expect(await checkpointsIn(runDir)).toEqual([]);
    });
  },
);
