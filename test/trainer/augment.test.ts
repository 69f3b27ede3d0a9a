/**
 * Augmentation against its source in PyTorch. `fixtures/augment.json` holds what PyTorch gave; GANVAS_RECORD=1 writes it anew, where a python3
 * with torch is installed.
 */
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Kinds } from '../../src-main/trainer/augment.ts';
import {
  adaptedProbability,
  augment,
  augmentInputs,
  drawAugmentation,
} from '../../src-main/trainer/augment.ts';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import type { Arrays } from '../../src-main/trainer/parameters.ts';
import { elements } from '../../src-main/trainer/parameters.ts';
import { Random } from '../../src-main/trainer/random.ts';
import type { Shape } from '../../src-shared/gan/block.ts';
import { noAugmentation } from '../../src-shared/training.ts';
import { difference, numbers, reference } from './measure.ts';

interface Case {
  kinds: Kinds;
  image: Shape;
}
interface Result {
  images: number[];
  gradient: number[];
}

const batch = 5;
const none: Kinds = { colour: false, translation: false, cutout: false };
const all: Kinds = { colour: true, translation: true, cutout: true };
const image = (height: number, width: number, channels: number): Shape => ({ height, width, channels });

const cases: Record<string, Case> = {
  colour: { kinds: { ...none, colour: true }, image: image(6, 8, 3) },
  'colour with alpha': { kinds: { ...none, colour: true }, image: image(6, 8, 4) },
  translation: { kinds: { ...none, translation: true }, image: image(12, 16, 2) },
  cutout: { kinds: { ...none, cutout: true }, image: image(6, 9, 3) },
  all: { kinds: all, image: image(16, 12, 3) },
  'all, grey': { kinds: all, image: image(9, 9, 1) },
};

const shapeOf = ({ height, width, channels }: Shape) => [batch, height, width, channels];

function given(name: string) {
  const { kinds, image: size } = cases[name]!;
  const count = elements(shapeOf(size));
  return {
    images: numbers(`${name} images`, count, 0.5),
    weights: numbers(`${name} weights`, count),
    drawn: drawAugmentation(kinds, batch, size, new Random(3, name), 1),
  };
}

/** Where each image was moved, read from the pixels that it shows. */
function shifts(sources: Float32Array, { height, width }: Shape): [number, number][] {
  return Array.from({ length: sources.length / (height * width) }, (_, i) => {
    const at = i * height * width;
    const shown = sources.subarray(at, at + height * width);
    const inside = shown.findIndex((source) => source < sources.length);
    const source = shown[inside]! - at;
    return [Math.floor(source / width) - Math.floor(inside / width), (source % width) - (inside % width)];
  });
}

async function here(engine: Engine, name: string): Promise<Result> {
  const { kinds, image: size } = cases[name]!;
  const { images, weights, drawn } = given(name);
  const shape = shapeOf(size);
  const program = await engine.prepare(
    (_state, { x, w, ...rest }) => {
      const run = (inputs: tf.Tensor) => augment(inputs as tf.Tensor4D, kinds, rest);
      const gradient = tf.grad((inputs) => tf.sum(tf.mul(run(inputs), w!)))(x!);
      return { state: {}, outputs: { images: run(x!), gradient } };
    },
    [],
    [{ name: 'x', shape }, { name: 'w', shape }, ...augmentInputs(kinds, batch, size)],
  );
  const outputs = await program.run({ x: images, w: weights, ...drawn });
  await program.dispose();
  return { images: Array.from(outputs['images']!), gradient: Array.from(outputs['gradient']!) };
}

const script = join(import.meta.dirname, 'pytorch_augment.py');
const fixture = join(import.meta.dirname, 'fixtures', 'augment.json');
const python =
  ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import torch']).status === 0) ??
  null;

function inPyTorch(): Record<string, Result> {
  const described = Object.entries(cases).map(([name, { kinds, image: size }]) => {
    const { images, weights, drawn } = given(name);
    const list = (values: Float32Array) => Array.from(values);
    const { translation, 'translation.back': _back, ...rest } = drawn;
    return [
      name,
      {
        shape: shapeOf(size),
        images: list(images),
        weights: list(weights),
        ...Object.fromEntries(Object.entries(rest).map(([key, values]) => [key, list(values)])),
        ...(kinds.translation ? { shift: shifts(translation!, size) } : {}),
      },
    ];
  });
  const input = JSON.stringify(Object.fromEntries(described));
  const run = spawnSync(python!, [script], { input, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as Record<string, Result>;
}

if (process.env['GANVAS_RECORD'] === '1') {
  const fewDigits = (_key: string, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(7)) : value;
  writeFileSync(fixture, `${JSON.stringify(inPyTorch(), fewDigits)}\n`);
}
const recorded = JSON.parse(readFileSync(fixture, 'utf8')) as Record<string, Result>;

test.skipIf(python === null)('the recorded numbers are what PyTorch gives here', () => {
  const live = inPyTorch();
  expect(Object.keys(live)).toEqual(Object.keys(recorded));
  for (const [name, { images, gradient }] of Object.entries(live)) {
    expect(difference(images, recorded[name]!.images)).toBeLessThan(1e-6);
    expect(difference(gradient, recorded[name]!.gradient)).toBeLessThan(1e-6);
  }
});

describe("images and gradients are PyTorch's", () => {
  test.for(Object.keys(cases))('%s', async (name) => {
    for (const engine of [onnxEngine(2), await reference()]) {
      const { images, gradient } = await here(engine, name);
      expect(difference(images, recorded[name]!.images)).toBeLessThan(1e-5);
      expect(difference(gradient, recorded[name]!.gradient)).toBeLessThan(1e-5);
      expect(difference(images, given(name).images)).toBeGreaterThan(0.1);
    }
  });
});

describe('what is drawn', () => {
  const draw = (kinds: Kinds, size: Shape, seed: number, probability: number, count = batch): Arrays =>
    drawAugmentation(kinds, count, size, new Random(seed, 'augment'), probability);

  test('has the shapes of the inputs, and depends on the seed alone', () => {
    fc.assert(
      fc.property(
        fc.record({ colour: fc.boolean(), translation: fc.boolean(), cutout: fc.boolean() }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        (kinds, height, width, channels, seed) => {
          const size = image(height, width, channels);
          const drawn = draw(kinds, size, seed, 0.5);
          const specs = augmentInputs(kinds, batch, size);
          expect(Object.keys(drawn).sort()).toEqual(specs.map(({ name }) => name).sort());
          for (const { name, shape } of specs) expect(drawn[name]!.length).toBe(elements(shape));
          expect(draw(kinds, size, seed, 0.5)).toEqual(drawn);
        },
      ),
    );
  });

  test('reaches the limits of its source, and no further', () => {
    const size = image(16, 24, 3);
    const { brightness, saturation, contrast, translation, cutout } = draw(all, size, 1, 1, 4000) as Record<
      keyof Arrays,
      Float32Array
    >;
    const range = (values: ArrayLike<number>) => [
      Math.min(...Array.from(values)),
      Math.max(...Array.from(values)),
    ];
    for (const values of [brightness!, contrast!]) {
      const [least, most] = range(values) as [number, number];
      expect([least >= -0.5, least < -0.49, most > 0.49, most < 0.5]).toEqual([true, true, true, true]);
    }
    const [grey, vivid] = range(saturation!) as [number, number];
    expect([grey >= -1, grey < -0.98, vivid > 0.98, vivid < 1]).toEqual([true, true, true, true]);
    const moved = shifts(translation!, size);
    expect(range(moved.map(([down]) => down))).toEqual([-2, 2]);
    expect(range(moved.map(([, right]) => right))).toEqual([-3, 3]);
    const pixels = size.height * size.width;
    const holes = Array.from({ length: 4000 }, (_, i) =>
      cutout!.subarray(i * pixels, (i + 1) * pixels).reduce((sum, value) => sum + 1 - value, 0),
    );
    // Whole inside, and a quarter of it in a corner.
    expect(range(holes)).toEqual([4 * 6, 8 * 12]);
  });

  test('leaves images alone where nothing is likely, and changes about so many as are', async () => {
    const size = image(8, 8, 3);
    const count = 1000;
    const untouched = draw(all, size, 5, 0, count);
    expect(untouched['brightness']!.every((value) => value === 0)).toBe(true);
    expect(untouched['cutout']!.every((value) => value === 1)).toBe(true);
    expect(untouched['translation']!.every((source, i) => source === i)).toBe(true);
    const some = draw(all, size, 5, 0.3, count)['contrast']!.filter((value) => value !== 0).length;
    expect(some).toBeGreaterThan(250);
    expect(some).toBeLessThan(350);
    await reference();
    const images = tf.tensor4d(numbers('untouched', batch * 8 * 8 * 3), [batch, 8, 8, 3]);
    const tensors = Object.fromEntries(
      augmentInputs(all, batch, size).map(({ name, shape }) => [
        name,
        tf.tensor(draw(all, size, 5, 0)[name]!, shape),
      ]),
    );
    expect(difference(await augment(images, all, tensors).data(), await images.data())).toBeLessThan(1e-6);
  });
});

describe('the probability that adapts', () => {
  const adaptive = { ...noAugmentation(), adaptive: { target: 0.6, kimg: 500 } };

  test('moves towards the target by the images seen, and stays within 0 and 1', () => {
    expect(adaptedProbability(adaptive, 0.2, 0.7, 64)).toBeCloseTo(0.2 + 64 / 500_000, 12);
    expect(adaptedProbability(adaptive, 0.2, 0.5, 64)).toBeCloseTo(0.2 - 64 / 500_000, 12);
    expect(adaptedProbability(adaptive, 0.2, 0.6, 64)).toBe(0.2);
    expect(adaptedProbability(adaptive, 1, 1, 64)).toBe(1);
    expect(adaptedProbability(adaptive, 0, -1, 64)).toBe(0);
  });

  test('stays where it does not adapt', () => {
    expect(adaptedProbability({ ...adaptive, adaptive: null }, 0.4, 1, 64)).toBe(0.4);
  });
});
