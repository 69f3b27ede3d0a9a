import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import sharp from 'sharp';
import { drawSample, SAMPLE_CLASSES, sampleClassOf } from '../../src-main/datasets/sample/draw-face.ts';
import { writeSampleDataset } from '../../src-main/datasets/sample/write.ts';
import {
  difference,
  failure,
  imageOf,
  namesIn,
  prepare,
  settingsOf,
  temporaryFolder,
  writeFiles,
} from './fixtures.ts';

const hashOf = (pixels: Uint8Array): string => createHash('sha256').update(pixels).digest('hex');

describe('the drawn faces', () => {
  test('depend on seed and index alone', () => {
    expect(hashOf(drawSample(5, 1, 32))).toBe(hashOf(drawSample(5, 1, 32)));
    expect(hashOf(drawSample(5, 2, 32))).not.toBe(hashOf(drawSample(5, 1, 32)));
  });

  test('are all different, and show the same thing at every size', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 400; i++) seen.add(hashOf(drawSample(i, 1, 32)));
    expect(seen.size).toBe(400);
    for (let i = 0; i < SAMPLE_CLASSES.length; i++) {
      const raw = { raw: { width: 96, height: 96, channels: 3 } } as const;
      const shrunk = await sharp(drawSample(i, 1, 96), raw)
        .resize(32, 32)
        .raw()
        .toBuffer();
      expect(difference(shrunk, drawSample(i, 1, 32))).toBeLessThan(3);
    }
  });

  test('classes look different: each face is nearest to the mean face of its class far more often than by chance', () => {
    const size = 16;
    const means = SAMPLE_CLASSES.map(() => new Float64Array(size * size * 3));
    for (let i = 0; i < 400; i++) {
      const pixels = drawSample(i, 1, size);
      const mean = means[sampleClassOf(i)]!;
      for (let at = 0; at < pixels.length; at++) mean[at]! += pixels[at]! / 50;
    }
    let right = 0;
    for (let i = 400; i < 800; i++) {
      const pixels = drawSample(i, 1, size);
      const far = means.map((mean) => pixels.reduce((sum, value, at) => sum + (value - mean[at]!) ** 2, 0));
      if (far.indexOf(Math.min(...far)) === sampleClassOf(i)) right++;
    }
    expect(right / 400).toBeGreaterThan(0.5);
  });

  test('as a dataset without files', async () => {
    const cacheDir = temporaryFolder();
    const dataset = await prepare('sample:20', settingsOf(32), { cacheDir });
    expect(dataset).toMatchObject({
      source: 'sample:20x32',
      count: 20,
      classes: SAMPLE_CLASSES,
      sizes: [[32, 32, 20]],
    });
    expect(dataset.classCounts).toEqual([3, 3, 3, 3, 2, 2, 2, 2]);
    expect(hashOf(await imageOf(dataset, 9))).toBe(hashOf(drawSample(9, 1, 32)));
    expect(await prepare('sample:20', settingsOf(32), { cacheDir })).toEqual(dataset);
    expect((await prepare('sample:20x64', settingsOf(32), { cacheDir })).sizes).toEqual([[64, 64, 20]]);
    expect((await prepare('sample:4', { ...settingsOf(28, 1), width: 40 }, { cacheDir })).count).toBe(4);
  });
});

describe('the drawn faces as files', () => {
  test('one folder a class, and prepared they are the same dataset', async () => {
    const dir = join(temporaryFolder(), 'new', 'faces');
    await writeSampleDataset(dir, { count: 20, size: 32, seed: 1 });
    expect(namesIn(dir).sort()).toEqual([...SAMPLE_CLASSES].sort());
    expect(namesIn(join(dir, 'cat'))).toEqual(['cat-00001.png', 'cat-00002.png', 'cat-00003.png']);
    const { data } = await sharp(readFileSync(join(dir, 'cat', 'cat-00002.png')))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(hashOf(data)).toBe(hashOf(drawSample(11, 1, 32)));
    const dataset = await prepare(dir, settingsOf(32));
    expect(dataset).toMatchObject({ count: 20, leftOutCount: 0, classes: [...SAMPLE_CLASSES].sort() });
  });

  test('into an empty folder, but never over anything', async () => {
    const dir = temporaryFolder();
    await writeSampleDataset(dir, { count: 8, size: 16 });
    const error = await failure(writeSampleDataset(dir, { count: 8, size: 16 }));
    expect(error.code).toBe('sample.folder-not-empty');
    expect(error.message).toContain('Choose a new or an empty folder');
    writeFiles(dir, { file: 'text' });
    expect((await failure(writeSampleDataset(join(dir, 'file'), { count: 8, size: 16 }))).code).toBe(
      'sample.unwritable',
    );
    expect((await failure(writeSampleDataset(join(dir, 'file', 'x'), { count: 8, size: 16 }))).code).toBe(
      'sample.unwritable',
    );
  });

  test('cancelled: nothing is left', async () => {
    const parent = temporaryFolder();
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const options = { count: 2000, size: 32, signal: controller.signal, onProgress };
    expect((await failure(writeSampleDataset(join(parent, 'faces'), options))).code).toBe('cancelled');
    expect(namesIn(parent)).toEqual([]);
  });
});
