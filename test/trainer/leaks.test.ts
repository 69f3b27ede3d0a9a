/** Steps leave nothing behind: no tensors on the engines that compute operation by operation, no memory on the others. */
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import type { Engine, TensorFunction } from '../../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { stepTrial } from '../../src-main/trainer/run-engine.ts';
import { webgpu } from './graphics.ts';
import { expectNoLeak } from './leaks.ts';
import { reference } from './measure.ts';
import { everything, settings } from './runs.ts';

test('the yardstick keeps no tensors', async () => {
  await expectNoLeak(await reference());
});

test('a step that fails in the middle leaves no tensors either', async () => {
  const { run, state, inputs, startState, inputValues } = stepTrial({
    design: everything,
    hyperparameters: settings(),
    seed: 1,
  });
  const engine = await reference();
  let broken = false;
  const program = await engine.prepare(
    (given, values) => {
      const result = run(given, values);
      if (broken) throw new Error('It broke.');
      return result;
    },
    state,
    inputs,
  );
  program.write(startState);
  await program.run(inputValues);
  const before = [tf.memory().numTensors, await program.read()];
  broken = true;
  await expect(program.run(inputValues)).rejects.toThrow('It broke.');
  expect([tf.memory().numTensors, await program.read()]).toEqual(before);
  await program.dispose();
});

/** Numbers of a state of 16 MB: to keep that of every step would soon be seen. */
const size = 2 ** 22;

/** After a few steps the process grows no more; SwiftShader, which stands in for a card, computes in the process' memory too. */
async function expectFlat(engine: Engine): Promise<void> {
  const halve: TensorFunction = ({ state }, { x }) => ({
    state: { state: tf.mul(state!, x!) },
    outputs: { first: tf.slice(state!, 0, 1) },
  });
  const shape = [size];
  const program = await engine.prepare(halve, [{ name: 'state', shape }], [{ name: 'x', shape: [] }]);
  program.write({ state: new Float32Array(size).fill(1) });
  const sizes: number[] = [];
  const [burnIn, steps] = [10, 40];
  for (let step = 0; step < burnIn + steps; step += 1) {
    const { first } = await program.run({ x: Float32Array.of(0.5) });
    expect(first![0]).toBe(0.5 ** step);
    sizes.push(process.memoryUsage.rss());
  }
  await program.dispose();
  expect(sizes.at(-1)! - sizes[burnIn - 1]!).toBeLessThan((steps / 4) * size * 4);
}

test('on the processor a step takes no more memory than the one before', async () => {
  await expectFlat(onnxEngine(1));
});

const card = await webgpu();

test.skipIf(card.engine === null)('nor on a graphics card', async () => {
  await expectFlat(card.engine!);
});
