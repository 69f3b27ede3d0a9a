/** Whether engines keep what they no longer need. */
import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { stepTrial } from '../../src-main/trainer/run-engine.ts';
import { everything, settings } from './runs.ts';

/** Training steps on an engine that computes with TensorFlow.js' tensors: their number is the same after each, and none is left at the end. */
export async function expectNoLeak(engine: Engine): Promise<void> {
  const { run, state, inputs, startState, inputValues } = stepTrial({
    design: everything,
    hyperparameters: settings(),
    seed: 1,
  });
  const now = () => `${tf.memory().numTensors} tensors, ${tf.memory().numDataBuffers} buffers`;
  const before = now();
  const program = await engine.prepare(run, state, inputs);
  program.write(startState);
  const seen = new Set<string>();
  for (let step = 0; step < 6; step += 1) {
    await program.run(inputValues);
    seen.add(now());
    await program.read();
    seen.add(now());
  }
  await program.dispose();
  expect([...seen]).toHaveLength(1);
  expect(seen).not.toContain(before);
  expect(now()).toBe(before);
}
