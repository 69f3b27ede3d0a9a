import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Design, Shape } from '../../src-shared/gan/block.ts';
import { formatShape, sameShape } from '../../src-shared/gan/shape.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { requireTrainable } from '../../src-shared/readiness.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';

const { design } = presets.find(({ name }) => name === 'small-32')!;
const hyperparameters = defaultHyperparameters();

function dataset(changed: Partial<PreparedDataset['settings']> = {}, count = 100): PreparedDataset {
  return {
    dir: 'cache/key',
    key: 'key',
    source: 'pictures',
    settings: { height: 32, width: 32, channels: 3, fit: 'crop', ...changed },
    count,
    classes: [],
    classCounts: [],
    fingerprint: '00',
    sizes: [],
    leftOut: [],
    leftOutCount: 0,
  };
}

function refusal(design: Design, data: PreparedDataset): AppError {
  try {
    requireTrainable(design, data, hyperparameters);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

test('a design, a dataset of its size and enough images for a batch go together', () => {
  requireTrainable(design, dataset(), hyperparameters);
  requireTrainable(design, dataset({}, hyperparameters.batch), hyperparameters);
  for (const preset of presets) {
    const { height, width, channels } = preset.design.discriminator.image;
    const settings = { height, width, channels: channels === 1 ? (1 as const) : (3 as const) };
    requireTrainable(preset.design, dataset(settings), hyperparameters);
  }
});

test.each([{ height: 28 }, { width: 64 }, { channels: 1 as const }])(
  'images of another shape: %j',
  (other) => {
    const error = refusal(design, dataset(other));
    expect(error.code).toBe('dataset.wrong-shape');
    expect(error.message).toContain('images of 32x32x3');
  },
);

test('fewer images than a batch', () => {
  const error = refusal(design, dataset({}, 63));
  expect(error.code).toBe('dataset.fewer-than-batch');
  expect(error.details).toEqual({ count: 63, batch: 64 });
});

test('a design with an error, with its repairs', () => {
  const { discriminator } = design;
  const headless = {
    ...design,
    discriminator: { ...discriminator, blocks: discriminator.blocks.slice(0, -1) },
  };
  const error = refusal(headless, dataset());
  expect(error.code).toBe('design.does-not-fit');
  expect(error.details).toMatchObject({
    blockId: headless.discriminator.blocks.at(-1)!.id,
    problem: 'not-one-number',
  });
  expect(error.message).toContain('Repair: Add a fully connected block with one output, or: ');
});

describe('shapes', () => {
  const side = fc.integer({ min: 1, max: 3 });
  const shape: fc.Arbitrary<Shape> = fc.record({ height: side, width: side, channels: side });

  test('are the same when all three numbers are, which is when they read the same', () => {
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        expect(sameShape(a, b)).toBe(formatShape(a) === formatShape(b));
      }),
    );
    expect(formatShape({ height: 48, width: 64, channels: 3 })).toBe('48x64x3');
  });
});

test('a batch of one image and batch norm of single values', () => {
  const alone = { ...hyperparameters, batch: 1 };
  const ofGenerator = presets.find(({ name }) => name === 'dense-28')!.design;
  const grey = dataset({ height: 28, width: 28, channels: 1 });
  expect(() => {
    requireTrainable(ofGenerator, grey, alone);
  }).toThrow('a batch of 1');
  requireTrainable(ofGenerator, grey, { ...alone, batch: 2 });
  // The smallest normalised tensor of this design is 4x4: 16 values even from one image.
  requireTrainable(design, dataset(), alone);
});
