import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../src-main/trainer/checkpoint.ts';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { initialState } from '../../src-main/trainer/parameters.ts';
import { Sampler, latents } from '../../src-main/trainer/sampler.ts';
import { dcgan } from '../../src-shared/gan/presets.ts';
import { TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { Hyperparameters } from '../../src-shared/training.ts';
import { design } from './designs.ts';
import { errorOf, temporaryFolder, writeDataset } from './folders.ts';
import { difference, reference } from './measure.ts';
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
  trained,
} from './runs.ts';

const engine = onnxEngine(2);

async function place() {
  const folder = await temporaryFolder();
  return { runDir: join(folder, 'run'), dataset: await writeDataset(folder, everything, 10) };
}

describe('a run', () => {
  test('goes on counting the seconds that it has trained', async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset, { limits: limits({ steps: 1 }) }), engine);
    const file = join(folderOf(runDir, 1), 'checkpoint.json');
    const info = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...info, trainingSeconds: 1000 }));
    const further = { checkpoint: folderOf(runDir, 1), limits: limits({ steps: 2 }) };
    const events = await trained(command(runDir, dataset, further), engine);
    const [written] = ofType(events, 'checkpoint');
    expect(written!.trainingSeconds).toBeGreaterThan(1000);
    expect(written!.trainingSeconds).toBeLessThan(1100);
  });

  test('writes a checkpoint early, so that there is soon something to explore', async () => {
    const { runDir, dataset } = await place();
    const early = { hyperparameters: settings({ checkpointEvery: 110 }), limits: limits({ steps: 111 }) };
    const events = await trained(command(runDir, dataset, early), engine);
    expect(ofType(events, 'checkpoint').map(({ step }) => step)).toEqual([100, 110, 111]);
  });

  test("tells what it does, in order, in the protocol's words", async () => {
    const { runDir, dataset } = await place();
    const hyperparameters = settings({ sampleEvery: 4, checkpointEvery: 3 });
    const events = await trained(command(runDir, dataset, { hyperparameters }), engine);
    for (const event of events) expect(v.safeParse(TrainerEvent, event).issues).toBeUndefined();
    expect(Object.keys(lossesOf(events)).map(Number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(ofType(events, 'sample').map((event) => event.step)).toEqual([0, 4, 8, 10]);
    expect(ofType(events, 'checkpoint').map((event) => [event.step, event.imagesSeen])).toEqual([
      [3, 12],
      [6, 24],
      [9, 36],
      [10, 40],
    ]);
    expect(events.at(-1)).toEqual({ type: 'trained', as: 'done' });
    // A checkpoint's steps are told before it.
    let told = 0;
    for (const event of events) {
      if (event.type === 'steps') told = event.steps.at(-1)!.step;
      if (event.type === 'checkpoint') expect(told).toBe(event.step);
    }
    expect(await checkpointsIn(runDir)).toEqual(['00000003', '00000006', '00000009', '00000010']);
    expect((await readdir(join(runDir, 'samples'))).sort()).toEqual([
      '00000000.png',
      '00000004.png',
      '00000008.png',
      '00000010.png',
    ]);
  });

  test.each([
    [30, [0, 10, 25, 30, 52]],
    [7, [0, 7, 14, 21, 28, 35, 42, 49, 52]],
    [1000, [0, 10, 25, 50, 52]],
    [null, [0, 52]],
  ])(
    'with a grid every %s steps has early ones before the first of these, and exactly these then',
    async (sampleEvery, expected) => {
      const { runDir, dataset } = await place();
      const given = { hyperparameters: settings({ sampleEvery }), limits: limits({ steps: 52 }) };
      const events = await trained(command(runDir, dataset, given), engine);
      expect(ofType(events, 'sample').map(({ step }) => step)).toEqual(expected);
    },
  );

  test('is the same, bit for bit, from the same seed', async () => {
    const { runDir, dataset } = await place();
    const other = `${runDir}-again`;
    const first = await trained(command(runDir, dataset), engine);
    const second = await trained(command(other, dataset), engine);
    expect(lossesOf(second)).toEqual(lossesOf(first));
    expect(await fingerprint(other, 10)).toBe(await fingerprint(runDir, 10));
    for (const name of await readdir(join(runDir, 'samples'))) {
      expect(await readFile(join(other, 'samples', name))).toEqual(
        await readFile(join(runDir, 'samples', name)),
      );
    }
    const third = `${runDir}-other-seed`;
    await trained(command(third, dataset, { seed: 6 }), engine);
    expect(await fingerprint(third, 10)).not.toBe(await fingerprint(runDir, 10));
  });

  test('stopped and gone on with, it is the same as without the stop', async () => {
    const { runDir, dataset } = await place();
    const whole = `${runDir}-whole`;
    const wholeLosses = lossesOf(await trained(command(whole, dataset), engine));
    // Batches of 4 of 10 images: step 3 reaches into the second epoch.
    for (const stop of [1, 3, 7]) {
      const parts = `${runDir}-${stop}`;
      const before = await trained(command(parts, dataset, { limits: limits({ steps: stop }) }), engine);
      const after = await trained(command(parts, dataset, { checkpoint: folderOf(parts, stop) }), engine);
      expect({ ...lossesOf(before), ...lossesOf(after) }).toEqual(wholeLosses);
      expect(await fingerprint(parts, 10)).toBe(await fingerprint(whole, 10));
      const [{ info }, expected] = await Promise.all([
        readCheckpoint(folderOf(parts, 10)),
        readCheckpoint(folderOf(whole, 10)),
      ]);
      expect({ ...info, trainingSeconds: 0 }).toEqual({ ...expected.info, trainingSeconds: 0 });
      expect(await readFile(join(parts, 'samples', '00000010.png'))).toEqual(
        await readFile(join(whole, 'samples', '00000010.png')),
      );
    }
  });

  test('with augmentation that adapts, too: how likely it is goes on from the checkpoint', async () => {
    const { runDir, dataset } = await place();
    const whole = `${runDir}-whole`;
    const hyperparameters = settings({
      mirrorFlips: true,
      augmentation: {
        colour: true,
        translation: true,
        cutout: true,
        probability: 0.5,
        adaptive: { target: 0, kimg: 0.1 },
      },
    });
    const losses = lossesOf(await trained(command(whole, dataset, { hyperparameters }), engine));
    const before = { hyperparameters, limits: limits({ steps: 5 }) };
    await trained(command(runDir, dataset, before), engine);
    const { info } = await readCheckpoint(folderOf(runDir, 5));
    // Five steps of 4 images, each of which moved it up or down by 4 of 100.
    const moved = (info.augmentProbability! - 0.5) / 0.04;
    expect(moved).toBeCloseTo(Math.round(moved), 6);
    expect(Math.abs(moved)).toBeGreaterThan(0.5);
    const after = { hyperparameters, checkpoint: folderOf(runDir, 5) };
    expect(lossesOf(await trained(command(runDir, dataset, after), engine))).toEqual(
      Object.fromEntries(Object.entries(losses).filter(([step]) => Number(step) > 5)),
    );
    expect(await fingerprint(runDir, 10)).toBe(await fingerprint(whole, 10));
  });

  test('does not depend on when samples and checkpoints are made', async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset), engine);
    const other = `${runDir}-busy`;
    const hyperparameters = settings({ sampleEvery: 1, checkpointEvery: 1 });
    await trained(command(other, dataset, { hyperparameters }), engine);
    expect(await fingerprint(other, 10)).toBe(await fingerprint(runDir, 10));
  });

  test('sees nothing but the images and the seed: every design part learns', async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset, { limits: limits({ steps: 3 }) }), engine);
    await trained(command(`${runDir}-0`, dataset, { limits: limits({ steps: 1 }) }), engine);
    const [{ state }, { state: before }] = await Promise.all([
      readCheckpoint(folderOf(runDir, 3)),
      readCheckpoint(folderOf(`${runDir}-0`, 1)),
    ]);
    for (const [name, values] of Object.entries(state)) {
      // A scalar's u is 1 or -1 for ever.
      if (values.length > 1 || !name.endsWith('.u')) expect([name, values]).not.toEqual([name, before[name]]);
    }
  });
});

describe('the same run on the yardstick', () => {
  test('is interchangeable: begun on one engine, gone on with on the other', async () => {
    const { runDir, dataset } = await place();
    const adam = { ...settings().generator, learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-3 };
    const hyperparameters = settings({ discriminator: adam, generator: adam });
    const two = { hyperparameters, limits: limits({ steps: 2 }) };
    await trained(command(runDir, dataset, two), engine);
    await trained(
      command(`${runDir}-slow`, dataset, { ...two, limits: limits({ steps: 1 }) }),
      await reference(),
    );
    await trained(
      command(`${runDir}-slow`, dataset, { ...two, checkpoint: folderOf(`${runDir}-slow`, 1) }),
      engine,
    );
    const [fast, slow] = await Promise.all([
      readCheckpoint(folderOf(runDir, 2)),
      readCheckpoint(folderOf(`${runDir}-slow`, 2)),
    ]);
    for (const [name, values] of Object.entries(slow.state)) {
      if (name.startsWith('adam.')) continue;
      expect([name, difference(fast.state[name]!, values, 1e-2) < 1e-3]).toEqual([name, true]);
    }
  });

  test('leaves no tensor behind, neither in steps nor in samples', async () => {
    const { dataset, runDir } = await place();
    const slow = await reference();
    const counts: number[] = [];
    const interrupted = () => {
      counts.push(tf.memory().numTensors);
      return null;
    };
    const hyperparameters = settings({ sampleEvery: 2, batch: 2 });
    const outside = tf.memory().numTensors;
    const given = command(runDir, dataset, { hyperparameters, limits: limits({ steps: 6 }) });
    await trained(given, slow, interrupted);
    // From the second sample on: the sampler keeps the weights it was given last.
    const settled = counts.slice(4);
    expect(new Set(settled).size).toBe(1);
    expect(tf.memory().numTensors).toBe(outside);
  });

  test('recording and running leaves no tensor behind', async () => {
    const { dataset, runDir } = await place();
    await reference();
    const before = tf.memory().numTensors;
    await trained(command(runDir, dataset, { limits: limits({ steps: 2 }) }), engine);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('ends', () => {
  test.for([
    ['at a number of steps', limits({ steps: 3 }), 3],
    ['at thousands of images', limits({ kimg: 0.01 }), 3],
    ['at the first of two', limits({ steps: 2, kimg: 1 }), 2],
  ] as const)('%s', async ([, given, last]) => {
    const { runDir, dataset } = await place();
    const events = await trained(command(runDir, dataset, { limits: given }), engine);
    expect(ofType(events, 'checkpoint').map((event) => event.step)).toEqual([last]);
    expect(events.at(-1)).toEqual({ type: 'trained', as: 'done' });
  });

  test('after some time', async () => {
    const { runDir, dataset } = await place();
    // The least that a person can ask for: 0.6 seconds.
    const events = await trained(command(runDir, dataset, { limits: limits({ minutes: 0.01 }) }), engine);
    const steps = Object.keys(lossesOf(events)).length;
    expect(steps).toBeGreaterThan(0);
    expect(await checkpointsIn(runDir)).toEqual([String(steps).padStart(8, '0')]);
    for (const { remainingSeconds } of ofType(events, 'steps'))
      expect(remainingSeconds).toBeLessThanOrEqual(0.6);
  });

  test('at once when the limit is behind it already', async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset, { limits: limits({ steps: 2 }) }), engine);
    const again = { checkpoint: folderOf(runDir, 2), limits: limits({ steps: 1 }) };
    expect(await trained(command(runDir, dataset, again), engine)).toEqual([{ type: 'trained', as: 'done' }]);
  });

  test.for(['paused', 'stopped'] as const)(
    'when asked to be %s, with a checkpoint to go on from',
    async (as) => {
      const { runDir, dataset } = await place();
      let asked = 0;
      const interrupted = () => {
        asked += 1;
        return asked > 4 ? as : null;
      };
      const unlimited = command(runDir, dataset, { limits: limits({}) });
      const events = await trained(unlimited, engine, interrupted);
      // The checkpoint before the last grid, which may take minutes.
      expect(events.slice(-3).map(({ type }) => type)).toEqual(['checkpoint', 'sample', 'trained']);
      expect(events.at(-1)).toEqual({ type: 'trained', as });
      expect(await checkpointsIn(runDir)).toEqual(['00000004']);
      expect(ofType(events, 'steps').every((event) => event.remainingSeconds === null)).toBe(true);
      await trained(command(runDir, dataset, { checkpoint: folderOf(runDir, 4) }), engine);
      const whole = `${runDir}-whole`;
      await trained(command(whole, dataset), engine);
      expect(await fingerprint(runDir, 10)).toBe(await fingerprint(whole, 10));
    },
  );

  test('when asked before the first step, with the very beginning', async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset), engine, () => 'paused');
    expect(await checkpointsIn(runDir)).toEqual(['00000000']);
    await trained(command(runDir, dataset, { checkpoint: folderOf(runDir, 0) }), engine);
    await trained(command(`${runDir}-whole`, dataset), engine);
    expect(await fingerprint(runDir, 10)).toBe(await fingerprint(`${runDir}-whole`, 10));
  });
});

describe('a run that breaks down', () => {
  const explosive = settings({
    checkpointEvery: 1,
    // Far above what the settings' schema lets a person ask for.
    discriminator: { ...settings().generator, learningRate: 1e30, beta1: 0.5, beta2: 0.999, epsilon: 1e-8 },
    loss: 'ls',
  });

  test('stops with the step and the reason, keeps what was whole, and tells the steps before', async () => {
    const { runDir, dataset } = await place();
    const calm = settings({ ...explosive, discriminator: settings().discriminator });
    await trained(command(runDir, dataset, { hyperparameters: calm, limits: limits({ steps: 2 }) }), engine);
    const before = await Promise.all([fingerprint(runDir, 1), fingerprint(runDir, 2)]);

    const folder = join(runDir, '..', 'explosive');
    const events: TrainerEvent[] = [];
    const { train } = await import('../../src-main/trainer/training-loop.ts');
    const run = train(command(folder, dataset, { hyperparameters: explosive }), engine, {
      emit: (event) => events.push(event),
      interrupted: () => null,
    });
    const error = await errorOf(run);
    expect(error.code).toBe('training.not-finite');
    const step = error.details['step'] as number;
    expect(error.message).toMatch(new RegExp(`step ${step}\\b`));
    expect(events.some((event) => event.type === 'trained')).toBe(false);
    for (const name of await checkpointsIn(folder)) {
      expect(Number(name)).toBeLessThan(step + 1);
      const { state } = await readCheckpoint(join(folder, 'checkpoints', name));
      expect(Object.values(state).every((values) => values.every(Number.isFinite))).toBe(true);
    }
    const told = Object.keys(lossesOf(events)).map(Number);
    expect(told).toEqual(Array.from({ length: told.length }, (_, i) => i + 1));
    expect(told.length).toBeGreaterThanOrEqual(step - 1);
    expect(await Promise.all([fingerprint(runDir, 1), fingerprint(runDir, 2)])).toEqual(before);
  });

  test('leaves the checkpoints of good steps when it breaks down later', async () => {
    const { runDir, dataset } = await place();
    const first = { hyperparameters: settings({ checkpointEvery: 2 }), limits: limits({ steps: 4 }) };
    await trained(command(runDir, dataset, first), engine);
    const good = await fingerprint(runDir, 4);
    // An engine that goes wrong at the third step from now, as a device may.
    const broken: Engine = {
      ...engine,
      async prepare(run, state, inputs) {
        const program = await engine.prepare(run, state, inputs);
        let steps = 0;
        return {
          write: (arrays) => program.write(arrays),
          read: () => program.read(),
          share: (other, shapes) => program.share(other, shapes),
          dispose: () => program.dispose(),
          async run(given) {
            const outputs = await program.run(given);
            if (outputs['losses'] !== undefined) steps += 1;
            return steps === 3 ? { ...outputs, losses: Float32Array.of(0.5, NaN, 0.5, 0.5) } : outputs;
          },
        };
      },
    };
    const onwards = { ...first, checkpoint: folderOf(runDir, 4), limits: limits({ steps: 20 }) };
    const error = await errorOf(trained(command(runDir, dataset, onwards), broken));
    expect(error).toMatchObject({ code: 'training.not-finite', details: { step: 7, name: 'lossG' } });
    expect(await checkpointsIn(runDir)).toEqual(['00000002', '00000004', '00000006']);
    expect(await fingerprint(runDir, 4)).toBe(good);
    await trained(command(`${runDir}-whole`, dataset, { ...first, limits: limits({ steps: 6 }) }), engine);
    expect(await fingerprint(runDir, 6)).toBe(await fingerprint(`${runDir}-whole`, 6));
  });
});

describe('refused before anything is written', () => {
  test('fewer images than a batch', async () => {
    const { runDir, dataset } = await place();
    const hyperparameters = settings({ batch: 11 });
    const error = await errorOf(trained(command(runDir, dataset, { hyperparameters }), engine));
    expect(error).toMatchObject({ code: 'dataset.fewer-than-batch', details: { count: 10, batch: 11 } });
    expect(error.message).toContain('10 images');
    await expect(readdir(runDir)).rejects.toThrow('ENOENT');
  });

  test('images of another shape', async () => {
    const { runDir, dataset } = await place();
    const other = { ...dataset, settings: { ...dataset.settings, width: 9 } };
    const error = await errorOf(trained(command(runDir, other), engine));
    expect(error.code).toBe('dataset.wrong-shape');
    expect(error.message).toMatch(/8x8x1.*8x9x1/);
  });

  test('a design that does not fit', async () => {
    const { runDir, dataset } = await place();
    const given = design([8, 8, 1], 3, [{ outChannels: 2, kernel: [20, 20] }, { outFeatures: 1 }]);
    const error = await errorOf(trained(command(runDir, dataset, { design: given }), engine));
    expect(error).toMatchObject({ code: 'design.does-not-fit', details: { blockId: 'b1' } });
  });

  test('a dataset that has gone', async () => {
    const { runDir, dataset } = await place();
    await rm(dataset.dir, { recursive: true });
    expect((await errorOf(trained(command(runDir, dataset), engine))).code).toBe('dataset.cache-missing');
  });

  test('a run folder that is a file', async () => {
    const { runDir, dataset } = await place();
    await writeFile(runDir, 'a file');
    const error = await errorOf(trained(command(runDir, dataset), engine));
    expect(error.code).toBe('disk.no-folder');
    expect(await readFile(runDir, 'utf8')).toBe('a file');
  });
});

describe('a checkpoint of another run is refused, naming what differs', () => {
  test.for<[string, (given: ReturnType<typeof command>) => Partial<ReturnType<typeof command>>]>([
    ['seed', () => ({ seed: 6 })],
    ['hyperparameters', () => ({ hyperparameters: settings({ loss: 'ls' }) })],
    ['latent dimension', () => ({ design: { ...everything, latentDim: 4 } })],
    ['dataset', (given) => ({ dataset: { ...given.dataset, fingerprint: 'other' } })],
    [
      'design',
      () => ({
        design: design([8, 8, 1], 3, [{ outChannels: 3 }, { outFeatures: 1 }]),
      }),
    ],
  ])('%s', async ([name, change]) => {
    const { runDir, dataset } = await place();
    const given = command(runDir, dataset, { limits: limits({ steps: 1 }) });
    await trained(given, engine);
    const other = { ...given, ...change(given), checkpoint: folderOf(runDir, 1) };
    const error = await errorOf(trained(other, engine));
    expect(error).toMatchObject({ code: 'checkpoint.mismatch', details: { different: [name] } });
    expect(error.message).toContain(name);
  });

  test('but another name of the design, or another order of its fields, is the same run', async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset, { limits: limits({ steps: 1 }) }), engine);
    const blocks = everything.discriminator.blocks.map(
      (block) => Object.fromEntries(Object.entries(block).reverse()) as typeof block,
    );
    const renamed = {
      ...everything,
      name: 'renamed',
      discriminator: { ...everything.discriminator, blocks },
    };
    const events = await trained(
      command(runDir, dataset, { design: renamed, checkpoint: folderOf(runDir, 1) }),
      engine,
    );
    expect(events.at(-1)).toEqual({ type: 'trained', as: 'done' });
  });
});

describe('a fork', () => {
  test('with the same settings goes on as the run itself would', async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset, { limits: limits({ steps: 3 }) }), engine);
    const fork = `${runDir}-fork`;
    const given = { checkpoint: folderOf(runDir, 3), limits: limits({ steps: 6 }) };
    await trained(command(fork, dataset, { ...given, changedSettings: true }), engine);
    await trained(command(runDir, dataset, given), engine);
    expect(await fingerprint(fork, 6)).toBe(await fingerprint(runDir, 6));
  });

  test('may have other hyperparameters, with an average of its own or without one', async () => {
    const { runDir, dataset } = await place();
    const none = { halfLifeKimg: null, rampUp: null };
    await trained(
      command(runDir, dataset, { hyperparameters: settings({ ema: none }), limits: limits({ steps: 2 }) }),
      engine,
    );
    const from = folderOf(runDir, 2);
    const { state: before } = await readCheckpoint(from);
    const on = (step: number, dir: string, ema: Hyperparameters['ema'], checkpoint: string) =>
      command(dir, dataset, {
        hyperparameters: settings({ ema, loss: 'hinge', batch: 2 }),
        limits: limits({ steps: step }),
        checkpoint,
        changedSettings: true,
      });
    const [averaged, plain] = [`${runDir}-averaged`, `${runDir}-plain`];
    const events = await trained(on(3, averaged, { halfLifeKimg: 1000, rampUp: null }, from), engine);
    expect(ofType(events, 'steps').at(-1)).toMatchObject({ imagesSeen: 2 * 4 + 2 });
    const { state: after, info } = await readCheckpoint(folderOf(averaged, 3));
    expect(info).toMatchObject({ step: 3, imagesSeen: 10, hyperparameters: { loss: 'hinge', batch: 2 } });
    const names = Object.keys(after).filter((name) => name.startsWith('ema.'));
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) {
      // A long half-life: after one step it is still nearly what the generator was at the fork.
      const began = before[name.slice('ema.'.length)]!;
      const largest = Math.max(...after[name]!.map((value, i) => Math.abs(value - began[i]!)));
      expect(largest).toBeLessThan(1e-5);
    }
    await trained(on(4, plain, none, folderOf(averaged, 3)), engine);
    const without = await readCheckpoint(folderOf(plain, 4));
    expect(Object.keys(without.state).some((name) => name.startsWith('ema.'))).toBe(false);
  });

  test('is of the same design, images and seed all the same', async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset, { limits: limits({ steps: 1 }) }), engine);
    const given = { checkpoint: folderOf(runDir, 1), changedSettings: true, seed: 6 } as const;
    const error = await errorOf(trained(command(`${runDir}-fork`, dataset, given), engine));
    expect(error).toMatchObject({ code: 'checkpoint.mismatch', details: { different: ['seed'] } });
  });
});

test('what a killed trainer left half-written goes when the run goes on', async () => {
  const { runDir, dataset } = await place();
  await trained(command(runDir, dataset, { limits: limits({ steps: 2 }) }), engine);
  await mkdir(join(runDir, 'checkpoints', '00000004.01234567.partial'));
  await writeFile(join(runDir, 'samples', '00000004.png.01234567.partial'), 'half');
  await trained(command(runDir, dataset, { checkpoint: folderOf(runDir, 2) }), engine);
  expect(await checkpointsIn(runDir)).toEqual(['00000002', '00000010']);
  expect((await readdir(join(runDir, 'samples'))).every((name) => name.endsWith('.png'))).toBe(true);
});

describe('samples', () => {
  test("are the average's, with statistics of its own, and the same on both engines", async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset), engine);
    const { state } = await readCheckpoint(folderOf(runDir, 10));
    const images = async (on: Engine, count: number, given = state) => {
      const sampler = await Sampler.create(on, everything);
      const drawn = await sampler.images(
        await sampler.weights(given),
        latents(9, count, everything.latentDim),
      );
      await sampler.dispose();
      return drawn;
    };
    const fast = await images(engine, 70);
    expect(difference(fast, await images(await reference(), 70))).toBeLessThan(1e-4);
    expect(fast.every((value) => Math.abs(value) <= 1)).toBe(true);
    // More than a batch at once, fewer, and none change nothing.
    expect(await images(engine, 3)).toEqual(fast.subarray(0, 3 * 64));
    expect(await images(engine, 0)).toEqual(new Float32Array(0));
    const live = Object.fromEntries(Object.entries(state).filter(([name]) => !name.startsWith('ema.')));
    expect(difference(await images(engine, 70, live), fast)).toBeGreaterThan(1e-3);
    // The moving statistics of the live generator play no part.
    const moved = { ...state, 'generator.0.mean': state['generator.0.mean']!.map(() => 5) };
    expect(await images(engine, 70, moved)).toEqual(fast);
  });

  /** Remembers the latents that programs are run with, and the shapes that they are made for. */
  function watched(on: Engine) {
    const z: Float32Array[] = [];
    const shapes: (readonly number[])[] = [];
    const prepare: Engine['prepare'] = async (run, state, inputs) => {
      shapes.push(inputs[0]!.shape);
      const program = await on.prepare(run, state, inputs);
      return {
        write: (arrays) => program.write(arrays),
        read: () => program.read(),
        run: (given) => {
          z.push(given['z']!.slice());
          return program.run(given);
        },
        share: (other, shapes) => program.share(other, shapes),
        dispose: () => program.dispose(),
      };
    };
    return { engine: { ...on, prepare }, z, shapes };
  }

  test('the statistics are measured on latents that no sample is made from', async () => {
    const { engine: spied, z } = watched(engine);
    const sampler = await Sampler.create(spied, everything);
    await sampler.weights(initialState(everything, 5, true, 0.2));
    await sampler.dispose();
    const measuredOn = z.flatMap((part) => [...part]);
    expect(measuredOn).toHaveLength(1024 * everything.latentDim);
    const sampled = new Set(latents(0, 1024, everything.latentDim));
    expect(measuredOn.filter((value) => sampled.has(value)).length).toBeLessThan(measuredOn.length / 100);
  });

  test('large images are made few at a time', async () => {
    const batchOf = async (side: number) => {
      const { engine: spied, shapes } = watched(engine);
      const image = { height: side, width: side, channels: 1 };
      await (await Sampler.create(spied, dcgan('tiny', image, 1, 2))).dispose();
      return shapes.map(([batch]) => batch);
    };
    expect(await batchOf(128)).toEqual([64, 64]);
    expect(await batchOf(256)).toEqual([16, 16]);
  });

  test('the measured statistics are those of many latents', async () => {
    const { runDir, dataset } = await place();
    await trained(command(runDir, dataset, { limits: limits({ steps: 2 }) }), engine);
    const { state } = await readCheckpoint(folderOf(runDir, 2));
    const sampler = await Sampler.create(engine, everything);
    const weights = await sampler.weights(state);
    await sampler.dispose();
    // z is N(0, 1): the first block's numbers have mean 0 and the variance of the kernel's columns.
    const kernel = weights['generator.0.weight']!;
    const outputs = kernel.length / everything.latentDim;
    const channels = weights['generator.0.mean']!.length;
    const variance = new Float64Array(channels);
    kernel.forEach((value, i) => (variance[(i % outputs) % channels]! += value ** 2 / (outputs / channels)));
    expect(difference(weights['generator.0.variance']!, variance)).toBeLessThan(0.15);
    expect(
      difference(weights['generator.0.mean']!, new Float32Array(channels), Math.sqrt(Math.max(...variance))),
    ).toBeLessThan(0.1);
  });
});
