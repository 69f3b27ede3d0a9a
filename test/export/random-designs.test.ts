import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exportGenerator } from '../../src-main/trainer/export/export.ts';
import { validDesign } from '../shared/arbitrary-design.ts';
import { trainedCheckpoint } from './designs.ts';
import { engine, temporaryFolder } from './trained.ts';

const small = validDesign.filter(({ discriminator: { image } }) => image.height * image.width <= 400);
const limits = { onnx: 1e-4, tfjs: 1e-4, safetensors: 1e-4, png: 1 / 255 + 1e-6 };

// The same designs each time: with others, rounding alone might one day reach the limit.
test('designs that nobody would think of, in every format', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder();
  let count = 0;
  const property = fc.asyncProperty(small, async (design) => {
    count += 1;
    const checkpoint = trainedCheckpoint(design, count);
    for (const format of ['onnx', 'tfjs', 'safetensors', 'png'] as const) {
      const path = join(folder, `${count}.${format}`);
      const { difference } = await exportGenerator(format, path, checkpoint, engine);
      expect(difference, format).toBeLessThan(limits[format]);
    }
  });
  await fc.assert(property, { numRuns: 20, seed: 2024 });
});
