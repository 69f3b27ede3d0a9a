import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { totalmem } from 'node:os';
import { describe, expect, test, vi } from 'vitest';
import { machineMemory } from '../../src-main/trainer/memory.ts';
import { elements, stateTensors } from '../../src-main/trainer/parameters.ts';
import type { AppError } from '../../src-shared/errors.ts';
import { dcgan, presets } from '../../src-shared/gan/presets.ts';
import { fittingBatch, memoryNeed, requireMemory } from '../../src-shared/memory.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';

const execute = promisify(execFile);
const hyperparameters = defaultHyperparameters();
const square = (side: number, base: number) =>
  dcgan('dcgan', { height: side, width: side, channels: 3 }, base, 100);
const design = square(64, 64);

function refusal(total: number): AppError {
  try {
    requireMemory(design, hyperparameters, total);
  } catch (error) {
    return error as AppError;
  }
  throw new Error('it was taken');
}

test('the state is counted three times: parameters, two moments each, the average, batch statistics', () => {
  const [d, g] = [2_765_568, 3_576_704];
  const statistics = 2 * (128 + 256 + 512) + 2 * (512 + 256 + 128 + 64);
  const withoutAverage = { ...hyperparameters, ema: { halfLifeKimg: null, rampUp: null } };
  const { fixed } = memoryNeed(design, withoutAverage);
  expect(memoryNeed(design, hyperparameters).fixed - fixed).toBe(3 * 4 * g);
  expect(fixed).toBeGreaterThan(3 * 4 * (3 * (d + g) + statistics));
});

test.each(presets)('the state of $name is what the trainer holds', ({ design: preset }) => {
  const withNorm = structuredClone(preset);
  withNorm.discriminator.blocks[0]!.spectralNorm = true;
  for (const tried of [preset, withNorm]) {
    for (const halfLifeKimg of [20, null]) {
      const tensors = stateTensors(tried, halfLifeKimg !== null);
      const numbers = tensors.reduce((sum, { shape }) => sum + elements(shape), 0);
      const chosen = { ...hyperparameters, ema: { halfLifeKimg, rampUp: null } };
      expect(memoryNeed(tried, chosen).state).toBe(3 * 4 * numbers);
    }
  }
});

test('what fits is taken; what does not is refused with the batch that would fit', () => {
  const { fixed, perImage } = memoryNeed(design, hyperparameters);
  requireMemory(design, hyperparameters, fixed + 64 * perImage);
  const error = refusal(fixed + 64 * perImage - 1);
  expect(error.code).toBe('training.too-large');
  expect(error.message).toContain('A batch of 63 could fit');
  expect(refusal(fixed / 2).message).toContain('No batch would fit');
});

test('the batch that would fit takes no more than there is, and the next one does', () => {
  const { fixed, perImage } = memoryNeed(design, hyperparameters);
  for (const total of [2 ** 30, 4e9, 17e9]) {
    const batch = fittingBatch(design, hyperparameters, total);
    expect(fixed + batch * perImage).toBeLessThanOrEqual(total);
    expect(fixed + (batch + 1) * perImage).toBeGreaterThan(total);
  }
  expect(fittingBatch(design, hyperparameters, fixed / 2)).toBe(0);
});

test('the memory that counts is what a container leaves of the machine', () => {
  const limit = vi.spyOn(process, 'constrainedMemory');
  limit.mockReturnValue(2 ** 28);
  expect(machineMemory()).toBe(2 ** 28);
  limit.mockReturnValue(2 ** 64);
  expect(machineMemory()).toBe(totalmem());
  limit.mockReturnValue(0);
  expect(machineMemory()).toBe(totalmem());
  limit.mockRestore();
});

test('1024 pixels with the default batch are refused on a laptop, a batch of 8 is taken', () => {
  const large = square(1024, 24);
  const laptop = 16 * 2 ** 30;
  expect(() => requireMemory(large, hyperparameters, laptop)).toThrow(/A batch of \d\d could fit/);
  requireMemory(large, { ...hyperparameters, batch: 8 }, laptop);
});

describe('the estimate is within a factor of 1.5 of what a process takes', { timeout: 120_000 }, () => {
  const script = fileURLToPath(new URL('../../bench/step_ganvas.ts', import.meta.url));

  test.for([
    [32, 64, 32],
    [32, 16, 128],
    [128, 16, 24],
    [256, 8, 24],
  ])('%d pixels, batch %d, base %d', async ([side, batch, base]) => {
    const { stdout } = await execute(process.execPath, [script, `${side}`, `${batch}`, `${base}`, '1']);
    const peak = (JSON.parse(stdout) as { peakMB: number }).peakMB * 2 ** 20;
    const withoutAverage = { ...hyperparameters, ema: { halfLifeKimg: null, rampUp: null } };
    const { fixed, perImage } = memoryNeed(square(side!, base!), withoutAverage);
    const ratio = (fixed + batch! * perImage) / peak;
    expect(ratio).toBeGreaterThan(1 / 1.5);
    expect(ratio).toBeLessThan(1.5);
  });
});
