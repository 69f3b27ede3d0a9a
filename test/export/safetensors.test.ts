import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { exportGenerator } from '../../src-main/trainer/export/export.ts';
import { decodeSafetensors } from '../../src-main/trainer/safetensors.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { stateDict } from '../../src-shared/gan/state-dict.ts';
import { spread, trainedCheckpoint } from './designs.ts';
import { channelsLast, engine, largestDifference, rightImages, temporaryFolder } from './trained.ts';

/** A Python that has PyTorch; Debian's package belongs to Debian's own Python, which need not be the first one found. */
const python = ['python3', '/usr/bin/python3'].find(
  (candidate) => spawnSync(candidate, ['-c', 'import torch.nn.utils.parametrizations']).status === 0,
);

function runPython(parameters: string[], input = ''): string {
  const result = spawnSync(python!, parameters, { input, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stdout;
}

test('the folder, and what the description says', async () => {
  const folder = join(temporaryFolder(), 'generator');
  const design = spread['spectral norm and dropout in the generator']!;
  const { difference } = await exportGenerator(
    'safetensors',
    folder,
    trainedCheckpoint(design, 3, false),
    engine,
  );
  expect(difference).toBeLessThan(1e-5);
  expect(readdirSync(folder)).toEqual(['generator.json', 'generator.py', 'generator.safetensors']);
  expect(JSON.parse(readFileSync(join(folder, 'generator.json'), 'utf8'))).toMatchObject({
    format: 'ganvas-generator',
    version: 1,
    design,
    step: 1234,
    kimg: 78.976,
    weights: 'of the last step',
    latent: { length: 4 },
    image: { height: 8, width: 8, channels: 1 },
    tensors: { file: 'generator.safetensors' },
  });
  const tensors = decodeSafetensors(readFileSync(join(folder, 'generator.safetensors')));
  expect(Object.entries(tensors).map(([key, { shape }]) => [key, shape])).toEqual(
    stateDict(design).generator.map(({ key, shape }) => [key, shape]),
  );
});

describe.skipIf(python === undefined)('with PyTorch (skipped where no Python has it)', () => {
  test('generator.py loads every part of a generator and gives the same images', async () => {
    const folder = temporaryFolder();
    const count = 3;
    const cases: Record<string, { z: number[]; latentDim: number }> = {};
    const right: Record<string, Float32Array> = {};
    for (const [i, design] of Object.values(spread).entries()) {
      const checkpoint = trainedCheckpoint(design);
      const path = join(folder, String(i));
      await exportGenerator('safetensors', path, checkpoint, engine);
      const { z, images } = await rightImages(checkpoint, count);
      cases[path] = { z: [...z], latentDim: design.latentDim };
      right[path] = images;
    }
    const script = join(import.meta.dirname, 'run_generator.py');
    const Images = v.record(v.string(), v.array(v.number()));
    const given = v.parse(Images, JSON.parse(runPython([script], JSON.stringify(cases))));
    const differences = Object.values(spread).map((design, i) => {
      const path = join(folder, String(i));
      const image = mirror(design.discriminator, design.latentDim).blocks.at(-1)!.output;
      return largestDifference(channelsLast(given[path]!, count, image), right[path]!);
    });
    const names = Object.keys(spread);
    for (const [i, difference] of differences.entries()) expect(difference, names[i]).toBeLessThan(1e-5);
  });

  test('running generator.py shows that it works', async () => {
    const folder = join(temporaryFolder(), 'generator');
    await exportGenerator('safetensors', folder, trainedCheckpoint(spread['DCGAN, colour']!), engine);
    expect(runPython([join(folder, 'generator.py')])).toMatch(/^\(16, 3, 8, 8\) from -[\d.]+ to [\d.]+\n$/);
  });
});
