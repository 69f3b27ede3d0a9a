/** Differences of numbers, and deterministic numbers to compute with. */
import * as tf from '@tensorflow/tfjs';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { eagerEngine } from '../../src-main/trainer/engines/eager.ts';
import { Random } from '../../src-main/trainer/random.ts';

/** The yardstick: TensorFlow.js' plain JavaScript backend. */
export function reference(): Promise<Engine> {
  tf.enableProdMode();
  return eagerEngine('reference', 'cpu', 'CPU, plain JavaScript');
}

export function largest(values: ArrayLike<number>): number {
  let all = 0;
  for (let i = 0; i < values.length; i += 1) all = Math.max(all, Math.abs(values[i]!));
  return all;
}

/**
 * The largest difference, relative to the largest of the expected numbers.
 * @param least scale to measure with when all expected numbers are smaller than this
 */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>, least = 0): number {
  if (actual.length !== expected.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < expected.length; i += 1) {
    const apart = Math.abs(actual[i]! - expected[i]!);
    // Not Math.max: a number that is none must not pass.
    if (!(apart <= worst)) worst = apart;
  }
  return worst / Math.max(largest(expected), least, 1e-30);
}

/** Normal numbers that depend on `name` alone. */
export function numbers(name: string, count: number, stddev = 1): Float32Array {
  return new Random(7, name).normal(new Float32Array(count), 0, stddev);
}
