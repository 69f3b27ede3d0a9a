/**
 * TensorFlow's engines. TensorFlow itself is rarely installed where tests run; in its place comes a package that registers another backend
 * of TensorFlow.js under its name and needs what the real one needs of Node.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { findCards } from '../../src-main/trainer/engines/cards.ts';
import { findTensorFlow } from '../../src-main/trainer/engines/tensorflow.ts';
import { readCheckpoint } from '../../src-main/trainer/checkpoint.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { spread } from './designs.ts';
import { temporaryFolder, writeDataset } from './folders.ts';
import { difference, reference } from './measure.ts';
import { command, everything, folderOf, limits, lossesOf, trained } from './runs.ts';
import { expectNoLeak } from './leaks.ts';
import { beyond, distances, runSteps } from './steps.ts';

const tfjs = createRequire(import.meta.url).resolve('@tensorflow/tfjs');
// Else it prints an advertisement for the real package.
tf.enableProdMode();
const nvidia = { name: 'NVIDIA GeForce RTX 4070', memoryBytes: 12 * 2 ** 30 };

/**
 * A folder in which a package of TensorFlow's is found.
 * @param usesCard what its backend says of itself
 * @param first is run before anything else
 */
async function withPackage(name: string, usesCard: boolean, first = ''): Promise<string> {
  const folder = await temporaryFolder();
  const dir = join(folder, 'node_modules', name);
  await mkdir(dir, { recursive: true });
  await writeFile(
    join(dir, 'index.js'),
    `${first};
    const tf = require(${JSON.stringify(tfjs)});
    const util = require('node:util');
    // Both are called by the real package for every tensor (nodejs_kernel_backend.js, index.js).
    if (util.isNullOrUndefined(0) || !util.isNullOrUndefined(undefined) || !util.isArray([])) throw new Error('wrong');
    const backend = Object.create(tf.findBackendFactory('cpu')());
    backend.isUsingGpuDevice = ${usesCard};
    if (tf.findBackendFactory('tensorflow') !== null) tf.removeBackend('tensorflow');
    for (const { kernelName } of tf.getKernelsForBackend('tensorflow')) tf.unregisterKernel(kernelName, 'tensorflow');
    tf.copyRegisteredKernels('cpu', 'tensorflow');
    tf.registerBackend('tensorflow', () => backend);`,
  );
  return join(folder, 'module.js');
}

test('where it is not installed: how to get it, and for a card only where there is one', async () => {
  const from = join(await temporaryFolder(), 'module.js');
  const none = await findTensorFlow('cuda', null, from);
  expect(none).toMatchObject({
    engine: null,
    note: expect.stringContaining('names no NVIDIA card') as string,
  });
  expect(none.note).not.toContain('npm');
  const offered = await findTensorFlow('cuda', nvidia, from);
  expect(offered.engine).toBeNull();
  expect(offered.note).toContain(
    '"npm run setup:cuda" in the folder of Ganvas installs it for the NVIDIA GeForce RTX 4070',
  );
  const cpu = await findTensorFlow('tensorflow-cpu', null, from);
  expect(cpu.engine).toBeNull();
  expect(cpu.note).toContain('npm install --no-save @tensorflow/tfjs-node@4.22.0');
});

test('installed without a card that it can use, it is not taken for one', async () => {
  const found = await findTensorFlow('cuda', nvidia, await withPackage('@tensorflow/tfjs-node-gpu', false));
  expect(found.engine).toBeNull();
  expect(found.note).toContain('finds no card that it can use');
});

test('installed and broken, it says how', async () => {
  const broken =
    "throw new Error('libtensorflow.so.2: cannot open shared object file: No such file or directory')";
  const from = await withPackage('@tensorflow/tfjs-node', false, broken);
  const found = await findTensorFlow('tensorflow-cpu', null, from);
  expect(found).toEqual({
    engine: null,
    note: 'The package @tensorflow/tfjs-node is installed but does not start: libtensorflow.so.2: cannot open shared object file: No such file or directory.',
  });
});

test('the functions that it misses in newer Node are there, and do what they did', async () => {
  await findTensorFlow('cuda', nvidia, await withPackage('@tensorflow/tfjs-node-gpu', true));
  const { isNullOrUndefined, isArray } = util as unknown as Record<string, (value: unknown) => boolean>;
  const values = [null, undefined, 0, '', [], {}];
  expect(values.map((value) => isNullOrUndefined!(value))).toEqual([true, true, false, false, false, false]);
  expect(values.map((value) => isArray!(value))).toEqual([false, false, false, false, true, false]);
});

async function standIn(which: 'cuda' | 'tensorflow-cpu') {
  const cuda = which === 'cuda';
  const from = await withPackage(cuda ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node', cuda);
  const found = await findTensorFlow(which, cuda ? nvidia : null, from);
  if (found.engine === null) throw new Error(found.note);
  return found.engine;
}

test('the device has its name and memory', async () => {
  expect(await standIn('cuda')).toMatchObject({
    name: 'cuda',
    device: 'NVIDIA GeForce RTX 4070, CUDA',
    memoryBytes: 12 * 2 ** 30,
  });
  expect(await standIn('tensorflow-cpu')).toMatchObject({ device: 'CPU, TensorFlow', memoryBytes: null });
});

const designs = [
  'DCGAN, least squares',
  'spectral norm in the discriminator, hinge',
  'dropout in both',
  'activation elu',
];

test.for(designs)('through another backend, three steps agree: %s', async (name) => {
  const given = spread[name]!;
  const engine = await standIn('cuda');
  const actual = await runSteps(engine, given, 3);
  const expected = await runSteps(onnxEngine(1), given, 3);
  expect(beyond(distances(given, actual, expected), () => 1e-4)).toEqual({});
});

test('no tensors are left behind, step by step', async () => {
  for (const which of ['cuda', 'tensorflow-cpu'] as const) await expectNoLeak(await standIn(which));
});

test('a run begun on it goes on on another engine, and back', async () => {
  const folder = await temporaryFolder();
  const dataset = await writeDataset(folder, everything, 10);
  const run = (to: number) =>
    command(join(folder, 'run'), dataset, {
      limits: limits({ steps: to }),
      checkpoint: to === 2 ? null : folderOf(join(folder, 'run'), to - 2),
    });
  const tensorflow = await standIn('tensorflow-cpu');
  const mixed = [
    await trained(run(2), tensorflow),
    await trained(run(4), onnxEngine(1)),
    await trained(run(6), tensorflow),
  ].map(lossesOf);
  const engines = [2, 4, 6].map(
    async (step) => (await readCheckpoint(folderOf(join(folder, 'run'), step))).info.engine,
  );
  expect(await Promise.all(engines)).toEqual(['tensorflow-cpu', 'onnx', 'tensorflow-cpu']);
  const alone = lossesOf(
    await trained(command(join(folder, 'alone'), dataset, { limits: limits({ steps: 6 }) }), onnxEngine(1)),
  );
  const all = Object.assign({}, ...mixed) as Record<number, number[]>;
  for (const step of [1, 2, 3, 4, 5, 6]) expect(difference(all[step]!, alone[step]!)).toBeLessThan(1e-3);
});

describe('the real ones', async () => {
  const card = (await findCards()).find(({ name }) => name.includes('NVIDIA')) ?? null;
  for (const which of ['cuda', 'tensorflow-cpu'] as const) {
    const { engine } = await findTensorFlow(which, card);
    const title = engine === null ? `${which} (skipped: not installed)` : which;
    test.skipIf(engine === null).for(Object.entries(spread))(
      `${title}: three steps agree, %s`,
      async ([, given]) => {
        const actual = await runSteps(engine!, given, 3);
        const expected = await runSteps(await reference(), given, 3);
        expect(beyond(distances(given, actual, expected), () => 1e-4)).toEqual({});
      },
    );
  }
});
