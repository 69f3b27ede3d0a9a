import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../../src-main/trainer/checkpoint.ts';
import { readCheckpoint } from '../../../src-main/trainer/checkpoint.ts';
import { onnxEngine } from '../../../src-main/trainer/engines/onnx/engine.ts';
import { encodeModel } from '../../../src-main/trainer/engines/onnx/protobuf.ts';
import { Inception } from '../../../src-main/trainer/measures/inception.ts';
import type { MeasureOptions } from '../../../src-main/trainer/measures/measure.ts';
import { measure } from '../../../src-main/trainer/measures/measure.ts';
import type { PreparedDataset } from '../../../src-shared/dataset.ts';
import type { MeasuredValue } from '../../../src-shared/measures.ts';
import { design } from '../designs.ts';
import { described, errorOf, temporaryFolder } from '../folders.ts';
import { command, folderOf, limits, settings, trained } from '../runs.ts';
import { blobs } from './blobs.ts';

const engine = onnxEngine(1);
const small = design([16, 16, 3], 4, [
  { outChannels: 4, activation: { kind: 'leakyRelu', slope: 0.2 } },
  { outFeatures: 1 },
]);

/** A checkpoint after one step, and the images that it was trained on. */
async function place(
  count = 64,
): Promise<{ folder: string; checkpoint: Checkpoint; dataset: PreparedDataset }> {
  const folder = await temporaryFolder();
  const shape = small.discriminator.image;
  await writeFile(join(folder, 'images.u8'), blobs('training', shape, count, 3).bytes);
  const dataset = described(folder, shape, count);
  const runDir = join(folder, 'run');
  const changed = { design: small, hyperparameters: settings({ batch: 8 }), limits: limits({ steps: 1 }) };
  await trained(command(runDir, dataset, changed), engine);
  return { folder, checkpoint: await readCheckpoint(folderOf(runDir, 1)), dataset };
}

const options: MeasureOptions = { images: 32, seed: 0, reals: true, inception: null };
const silent = () => undefined;
const valueOf = (measured: readonly MeasuredValue[], name: string) =>
  measured.find((value) => value.name === name)?.value ?? NaN;

/** A network that gives the means of square cells of an 8x8 image, channel by channel: of 4x4 pixels, that is 12 features. */
async function means(folder: string, channels = 3, cell = 4): Promise<string> {
  const file = join(folder, `means-${channels}-${cell}.onnx`);
  const model = encodeModel({
    inputs: [{ name: 'x', shape: ['N', channels, 8, 8], type: 'float32' }],
    outputs: [{ name: 'y', shape: ['N', channels * (8 / cell) ** 2], type: 'float32' }],
    nodes: [
      {
        op: 'AveragePool',
        name: 'pool',
        inputs: ['x'],
        outputs: ['pooled'],
        attributes: { kernel_shape: { ints: [cell, cell] }, strides: { ints: [cell, cell] } },
      },
      { op: 'Flatten', name: 'flat', inputs: ['pooled'], outputs: ['y'], attributes: { axis: { int: 1 } } },
    ],
    initializers: [],
    values: [],
  });
  await writeFile(file, model);
  return file;
}

describe('a checkpoint is measured', () => {
  test('by every measure, each with how many images, the seed and what else decides it', async () => {
    const { checkpoint, dataset } = await place();
    const phases = new Set<string>();
    const measured = await measure(engine, checkpoint, dataset, options, (phase) => phases.add(phase));
    expect(measured.map(({ name }) => name).sort()).toEqual(
      [
        ...['swd', 'swd-16', 'swd-floor', 'ms-ssim', 'ms-ssim-real', 'pairwise', 'pairwise-real'],
        ...['precision', 'recall', 'density', 'coverage', 'copies', 'nearest'],
        ...['colour-gap', 'colour-gap-red', 'colour-gap-green', 'colour-gap-blue'],
      ].sort(),
    );
    for (const { value, protocol } of measured) {
      expect(Number.isFinite(value)).toBe(true);
      expect(protocol).toMatchObject({ images: 32, seed: 0 });
    }
    expect(measured.find(({ name }) => name === 'swd')!.protocol).toEqual({
      images: 32,
      seed: 0,
      method: 'ProGAN',
      patches: 128,
      directions: 512,
      levels: '16',
      weights: 'average',
    });
    expect(phases.size).toBeGreaterThan(3);
    // After one step the generator draws noise: all alike, and like no real image.
    expect(valueOf(measured, 'swd')).toBeGreaterThan(3 * valueOf(measured, 'swd-floor'));
    expect(valueOf(measured, 'ms-ssim')).toBeGreaterThan(valueOf(measured, 'ms-ssim-real') + 0.05);
    expect(valueOf(measured, 'pairwise')).toBeLessThan(valueOf(measured, 'pairwise-real'));
    expect(valueOf(measured, 'coverage')).toBeLessThan(0.5);
  });

  test('twice with the same outcome, and with another one from another seed', async () => {
    const { checkpoint, dataset } = await place();
    const fakesAlone = { ...options, reals: false };
    const first = await measure(engine, checkpoint, dataset, fakesAlone, silent);
    expect(first.some(({ name }) => name.endsWith('-real') || name === 'swd-floor')).toBe(false);
    expect(await measure(engine, checkpoint, dataset, fakesAlone, silent)).toEqual(first);
    const other = await measure(engine, checkpoint, dataset, { ...fakesAlone, seed: 1 }, silent);
    expect(valueOf(other, 'swd')).not.toBe(valueOf(first, 'swd'));
  });

  test('with fewer images where the dataset has not twice as many, and not at all with very few', async () => {
    const { checkpoint, dataset } = await place(40);
    const [one] = await measure(engine, checkpoint, dataset, options, silent);
    expect(one!.protocol['images']).toBe(20);
    const few = { ...dataset, count: 31 };
    expect((await errorOf(measure(engine, checkpoint, few, options, silent))).code).toBe('measure.too-few');
  });
});

describe('with a network that the user brings', () => {
  test('there are FID and KID, with the network that they were measured with', async () => {
    const { folder, checkpoint, dataset } = await place();
    const inception = await Inception.open(await means(folder), 1);
    const measured = await measure(engine, checkpoint, dataset, { ...options, inception }, silent);
    const fid = measured.find(({ name }) => name === 'fid')!;
    expect(fid.protocol).toEqual({
      images: 32,
      reals: 32,
      seed: 0,
      weights: 'average',
      resize: 'bilinear, half-pixel centres',
      network: inception.sha256.slice(0, 16),
    });
    expect(fid.value).toBeGreaterThan(0);
    expect(valueOf(measured, 'kid')).toBeGreaterThan(0);
    await inception.dispose();
  });

  test('fewer images than features are refused: FID would say nothing', async () => {
    const { folder, checkpoint, dataset } = await place();
    // 8x8 pixels of 3 channels as they are: 192 features.
    const inception = await Inception.open(await means(folder, 3, 1), 1);
    const error = await errorOf(measure(engine, checkpoint, dataset, { ...options, inception }, silent));
    expect(error.code).toBe('measure.too-few');
    expect(error.message).toContain('192 features');
    await inception.dispose();
  });

  test('a file that is no such network is refused in words', async () => {
    const { folder } = await place();
    const text = join(folder, 'text.onnx');
    await writeFile(text, 'no model');
    for (const file of [text, join(folder, 'nowhere.onnx'), await means(folder, 1)]) {
      const error = await errorOf(Inception.open(file, 1));
      expect(error.code).toBe('measure.no-inception');
      expect(error.message).toContain(file);
    }
  });
});
