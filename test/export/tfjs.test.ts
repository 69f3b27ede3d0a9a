import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Checkpoint } from '../../src-main/trainer/checkpoint.ts';
import { exportAs, exportGenerator } from '../../src-main/trainer/export/export.ts';
import type { Format } from '../../src-main/trainer/export/format.ts';
import { tfjs } from '../../src-main/trainer/export/tfjs.ts';
import { convBlock, denseBlock } from '../../src-shared/gan/block.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { spread, trainedCheckpoint } from './designs.ts';
import { engine, largestDifference, rightImages, spreadOf, temporaryFolder } from './trained.ts';

async function exported(checkpoint: Checkpoint): Promise<string> {
  const folder = join(temporaryFolder(), 'generator');
  const { difference, bytes } = await exportGenerator('tfjs', folder, checkpoint, engine);
  expect(difference).toBeLessThan(1e-5);
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
  expect(bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  return folder;
}

/** Loads the folder as a page does: from a server, with nothing but TensorFlow.js. */
async function loadFromServer(folder: string): Promise<tf.LayersModel> {
  const server = createServer((request, response) => {
    response.end(readFileSync(join(folder, basename(request.url ?? ''))));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return tf.loadLayersModel(`http://127.0.0.1:${port}/model.json`);
}

describe('every part of a generator', () => {
  test.each(Object.entries(spread))('%s', async (_, design) => {
    const checkpoint = trainedCheckpoint(design);
    const folder = await exported(checkpoint);
    const { height, width, channels } = mirror(design.discriminator, design.latentDim).blocks.at(-1)!.output;
    const count = 5;
    const { z, images } = await rightImages(checkpoint, count);
    expect(spreadOf(images)).toBeGreaterThan(0.05);
    const model = await loadFromServer(folder);
    expect(model.inputNames).toEqual(['z']);
    expect(model.inputs.map(({ shape }) => shape)).toEqual([[null, design.latentDim]]);
    expect(model.outputs.map(({ shape }) => shape)).toEqual([[null, height, width, channels]]);
    const output = model.predict(tf.tensor2d(z, [count, design.latentDim])) as tf.Tensor;
    expect(largestDifference(output.dataSync(), images)).toBeLessThan(1e-5);
  });
});

test('model.json names what it is and where its weights are', async () => {
  const folder = await exported(trainedCheckpoint(spread['DCGAN, colour']!));
  const model = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as unknown;
  expect(model).toMatchObject({
    format: 'layers-model',
    generatedBy: expect.stringContaining('TensorFlow.js'),
    modelTopology: { class_name: 'Model', config: { name: 'generator' } },
    weightsManifest: [{ paths: ['group1-shard1of1.bin'] }],
    userDefinedMetadata: {
      ganvas: { design: 'tiny', step: '1234', output: expect.stringContaining('[N, 8, 8, 3]') },
    },
  });
  expect(JSON.stringify(model)).toContain('"generator_0_convTranspose/kernel"');
});

test('large weights are cut into shards of 4 MiB', async () => {
  const image = { height: 4, width: 4, channels: 1 };
  const blocks = [
    convBlock({ id: 'b1', outChannels: 1024, kernel: [2, 2], stride: [1, 1], padding: [0, 0] }),
    denseBlock({ id: 'b2', outFeatures: 1 }),
  ];
  const checkpoint = trainedCheckpoint({ name: 'wide', latentDim: 120, discriminator: { image, blocks } });
  const folder = await exported(checkpoint);
  const shards = readdirSync(folder).filter((name) => name.endsWith('.bin'));
  expect(shards.map((name) => [name, statSync(join(folder, name)).size])).toEqual([
    ['group1-shard1of2.bin', 4 * 1024 * 1024],
    // The matrix, batch norm's four vectors, the last kernel and bias, less the first shard.
    ['group1-shard2of2.bin', 4 * (120 * 9216 + 4 * 1024 + 4 * 1024 + 0) - 4 * 1024 * 1024],
  ]);
  const { z, images } = await rightImages(checkpoint, 1);
  const output = (await loadFromServer(folder)).predict(tf.tensor2d(z, [1, 120])) as tf.Tensor;
  expect(largestDifference(output.dataSync(), images)).toBeLessThan(1e-5);
});

test('no tensor is left over, and TensorFlow.js is where it was', async () => {
  const watched = <A extends unknown[], R>(work: (...parameters: A) => Promise<R>) => {
    return async (...parameters: A): Promise<R> => {
      const before = tf.memory().numTensors;
      const result = await work(...parameters);
      expect(tf.memory().numTensors).toBe(before);
      expect(tf.getBackend()).toBe('elsewhere');
      return result;
    };
  };
  const format: Format = { ...tfjs, write: watched(tfjs.write), difference: watched(tfjs.difference) };
  // A backend without a single kernel.
  tf.registerBackend('elsewhere', tf.findBackendFactory('cpu'));
  await tf.setBackend('elsewhere');
  onTestFinished(async () => {
    await tf.setBackend('cpu');
    tf.removeBackend('elsewhere');
  });
  const folder = join(temporaryFolder(), 'generator');
  await exportAs(format, folder, trainedCheckpoint(spread['un-pooling with edges, other factors']!), engine);
});
