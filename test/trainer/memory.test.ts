import { expect, test } from 'vitest';
import { memoryNeed, requireMemory } from '../../src-main/trainer/memory.ts';
import type { AppError } from '../../src-shared/errors.ts';
import { dcgan } from '../../src-shared/gan/presets.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';

const hyperparameters = defaultHyperparameters();
const design = dcgan('dcgan-64', { height: 64, width: 64, channels: 3 }, 64, 100);

function refusal(total: number): AppError {
  try {
    requireMemory(design, hyperparameters, total);
  } catch (error) {
    return error as AppError;
  }
  throw new Error('it was taken');
}

test('the state is counted twice: parameters, two moments each, the average, batch statistics', () => {
  const [d, g] = [2_765_568, 3_576_704];
  const statistics = 2 * (128 + 256 + 512) + 2 * (512 + 256 + 128 + 64);
  expect(memoryNeed(design, hyperparameters).state).toBe(2 * 4 * (3 * (d + g) + g + statistics));
});

test('what fits is taken; what does not is refused with the batch that would fit', () => {
  const { state, perImage } = memoryNeed(design, hyperparameters);
  requireMemory(design, hyperparameters, state + 64 * perImage);
  const error = refusal(state + 64 * perImage - 1);
  expect(error.code).toBe('training.too-large');
  expect(error.message).toContain('A batch of 63 could fit');
  expect(refusal(state / 2).message).toContain('No batch would fit');
});
