import { expect, test } from 'vitest';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { stepSeconds } from '../../src-main/trainer/trial.ts';
import { errorOf } from './folders.ts';
import { everything, settings } from './runs.ts';

const engine = onnxEngine(1);

test('a trial does real steps of the very design and batch, and says how long one takes', async () => {
  let steps = 0;
  let batch = 0;
  const counting: Engine = {
    ...engine,
    async prepare(run, state, inputs) {
      batch = inputs.find(({ name }) => name === 'reals')!.shape[0]!;
      const program = await engine.prepare(run, state, inputs);
      return {
        write: (values) => program.write(values),
        read: () => program.read(),
        share: (other, given) => program.share(other, given),
        dispose: () => program.dispose(),
        async run(values) {
          steps += 1;
          const outputs = await program.run(values);
          expect(outputs['losses']!.every(Number.isFinite)).toBe(true);
          return outputs;
        },
      };
    },
  };
  const seconds = await stepSeconds(everything, settings({ batch: 6 }), counting);
  expect(batch).toBe(6);
  expect(steps).toBeGreaterThan(0);
  expect(seconds).toBeGreaterThan(0);
});

test('what cannot be trained cannot be tried', async () => {
  const { discriminator } = everything;
  const broken = {
    ...everything,
    discriminator: { ...discriminator, blocks: discriminator.blocks.slice(0, 1) },
  };
  expect((await errorOf(stepSeconds(broken, settings(), engine))).code).toBe('design.does-not-fit');
});
