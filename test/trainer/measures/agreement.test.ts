/**
 * Every measure against its published definition, written out in Python (reference.py) and run where a python3 with torch is installed.
 * `fixtures/measures.json` holds what that gave (with GANVAS_RECORD=1 this test writes it anew); elsewhere only the recorded numbers are
 * compared with.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { onnxEngine } from '../../../src-main/trainer/engines/onnx/engine.ts';
import { colourGaps } from '../../../src-main/trainer/measures/colour-gap.ts';
import { copies } from '../../../src-main/trainer/measures/copies.ts';
import type { Features } from '../../../src-main/trainer/measures/features.ts';
import { pixelFeatures } from '../../../src-main/trainer/measures/features.ts';
import { frechetDistance } from '../../../src-main/trainer/measures/frechet-distance.ts';
import type { Images } from '../../../src-main/trainer/measures/images.ts';
import { resized } from '../../../src-main/trainer/measures/inception.ts';
import * as kernel from '../../../src-main/trainer/measures/kernel-distance.ts';
import { laplacianPyramid } from '../../../src-main/trainer/measures/laplacian-pyramid.ts';
import { levelCount, msSsim } from '../../../src-main/trainer/measures/ms-ssim.ts';
import { pairwiseDistance } from '../../../src-main/trainer/measures/pairwise-distance.ts';
import { neighbours, precisionRecall } from '../../../src-main/trainer/measures/precision-recall.ts';
import * as swd from '../../../src-main/trainer/measures/sliced-wasserstein.ts';
import { Random } from '../../../src-main/trainer/random.ts';
import type { Shape } from '../../../src-shared/gan/block.ts';
import { size } from '../../../src-shared/gan/shape.ts';
import { difference } from '../measure.ts';
import { blobs } from './blobs.ts';

interface Result {
  swd: number[];
  msSsim: number;
  colourGaps: number[];
  precision: number;
  recall: number;
  density: number;
  coverage: number;
  copies: number;
  nearest: number;
  pairwise: number;
  frechet: number;
  kernel: number;
  resized: number[];
}

interface Given {
  a: Images;
  b: Images;
  /** Side of the cells that pixels are averaged over. */
  cell: number;
}

const seed = 3;
/** Features of which there are fewer than images. */
const few = 12;
const resizedTo = [23, 17] as const;

const pair = (shape: Shape, count: number, cell: number): Given => ({
  a: blobs('a', shape, count, 4),
  // Others, of another spread, with copies of the first three among them.
  b: withCopies(blobs('b', shape, count, 3), blobs('a', shape, 3, 4)),
  cell,
});

function withCopies(images: Images, copied: Images): Images {
  images.bytes.set(copied.bytes);
  return images;
}

const cases: Record<string, Given> = {
  'colour, two levels': pair({ height: 32, width: 32, channels: 3 }, 24, 2),
  'grey, one level, three scales': pair({ height: 28, width: 28, channels: 1 }, 20, 2),
  'wide and small': pair({ height: 16, width: 24, channels: 3 }, 20, 2),
};

function fewFeatures({ count, width, values }: Features): Features {
  const chosen = new Float32Array(count * few);
  for (let i = 0; i < count; i += 1) chosen.set(values.subarray(i * width, i * width + few), i * few);
  return { count, width: few, values: chosen };
}

const subsetsOf = ({ a, b }: Given) =>
  Array.from({ length: kernel.subsets }, (_, i) => [
    Array.from(kernel.subsetRows(b.count, b.count, new Random(seed, kernel.purposes.a, i))),
    Array.from(kernel.subsetRows(a.count, a.count, new Random(seed, kernel.purposes.b, i))),
  ]);

async function ours({ a, b }: Given): Promise<Result> {
  const engine = onnxEngine(1);
  const [reals, fakes] = [pixelFeatures(a), pixelFeatures(b)];
  const copied = await copies(engine, reals, fakes);
  return {
    swd: (await swd.slicedWasserstein(engine, a, b, seed)).map(({ distance }) => distance),
    msSsim: msSsim(b),
    colourGaps: colourGaps(a, b),
    ...(await precisionRecall(engine, reals, fakes)),
    copies: copied.share,
    nearest: copied.distance,
    pairwise: await pairwiseDistance(engine, fakes),
    frechet: frechetDistance(fewFeatures(reals), fewFeatures(fakes)),
    kernel: await kernel.kernelDistance(engine, fewFeatures(fakes), fewFeatures(reals), seed),
    resized: Array.from(resized(a.bytes.subarray(0, size(a.shape)), a.shape, ...resizedTo)),
  };
}

function inPython(): Record<string, Result> {
  const described = Object.entries(cases).map(([name, given]) => {
    const { a, b, cell } = given;
    const others = laplacianPyramid(b);
    const levels = laplacianPyramid(a).map((level, i) => ({
      placesOfA: Array.from(swd.patchPlaces(level, new Random(seed, swd.purposes.patchesOfA, i))),
      placesOfB: Array.from(swd.patchPlaces(others[i]!, new Random(seed, swd.purposes.patchesOfB, i))),
      directions: Array.from(swd.unitDirections(147, new Random(seed, swd.purposes.directions, i))),
    }));
    const { height, width, channels } = a.shape;
    const more = { cell, neighbours, few, structureLevels: levelCount(a.shape), resizedTo, levels };
    const images = { a: Array.from(a.bytes), b: Array.from(b.bytes), height, width, channels };
    return [name, { ...images, ...more, subsets: subsetsOf(given) }];
  });
  const run = spawnSync(python!, [join(import.meta.dirname, 'reference.py')], {
    input: JSON.stringify(Object.fromEntries(described)),
    encoding: 'utf8',
    maxBuffer: 2 ** 27,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as Record<string, Result>;
}

/** A python with torch, or null. */
const python =
  ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import torch']).status === 0) ??
  null;

const fixture = join(import.meta.dirname, '..', 'fixtures', 'measures.json');
const fewDigits = (_key: string, value: unknown) =>
  typeof value === 'number' ? Number(value.toPrecision(8)) : value;
if (process.env['GANVAS_RECORD'] === '1')
  writeFileSync(fixture, `${JSON.stringify(inPython(), fewDigits)}\n`);
const recorded = JSON.parse(readFileSync(fixture, 'utf8')) as Record<string, Result>;

/** What differs by more than a limit, relative to the expected number. */
const far = (actual: Result, expected: Result, limit: number) =>
  Object.fromEntries(
    Object.entries(expected)
      .map(([name, value]: [string, number | number[]]) => {
        const found = actual[name as keyof Result];
        return [name, difference([found].flat(), [value].flat())] as const;
      })
      .filter(([, by]) => !(by <= limit)),
  );

test.skipIf(python === null)('the recorded numbers are what Python gives here', { timeout: 120_000 }, () => {
  const live = inPython();
  expect(Object.keys(live)).toEqual(Object.keys(recorded));
  for (const name of Object.keys(cases)) expect(far(live[name]!, recorded[name]!, 1e-6)).toEqual({});
});

describe('measures agree with their published definitions to a thousandth', () => {
  test.for(Object.entries(cases))('%s', async ([name, given]) => {
    const expected = recorded[name]!;
    const found = await ours(given);
    expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
    expect(far(found, expected, 1e-3)).toEqual({});
    // Measures that say nothing agree with anything.
    expect(expected.copies).toBeGreaterThan(0);
    expect(expected.copies).toBeLessThan(1);
    expect(expected.precision).toBeGreaterThan(0);
    expect(Math.min(...expected.swd)).toBeGreaterThan(10);
  });
});
