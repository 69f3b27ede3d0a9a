import { describe, expect, test } from 'vitest';
import { directionsOf } from '../../src-main/trainer/directions.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { networkTensors } from '../../src-main/trainer/parameters.ts';
import type { GeneratorWeights } from '../../src-main/trainer/sampler.ts';
import { prepareImages } from '../../src-main/trainer/sampler.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import { maxDirections } from '../../src-shared/latent-point.ts';
import { design } from './designs.ts';
import { numbers } from './measure.ts';

/** Small weights: far from where tanh is flat. */
function weightsOf(given: Design, stddev = 0.05): GeneratorWeights {
  return Object.fromEntries(
    networkTensors(given, 'generator').map(({ name, shape }) => [
      name,
      numbers(
        name,
        shape.reduce((product, side) => product * side, 1),
        stddev,
      ),
    ]),
  );
}

/** Generators of one layer, whose image is tanh(A z + b). */
const single = {
  convolution: design([4, 3, 2], 5, [{ outChannels: 1, kernel: [4, 3], stride: [1, 1], padding: [0, 0] }]),
  dense: design([3, 4, 2], 5, [{ outFeatures: 1, mirror: { bias: true } }]),
};

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

describe.each(Object.entries(single))('%s', (_, given) => {
  test('a movement along a direction changes the output of the real layer by its eigenvalue, and they do not mix', async () => {
    const weights = weightsOf(given);
    const directions = directionsOf(given, weights);
    expect(directions).toHaveLength(5);
    const program = await prepareImages(onnxEngine(1), given, 1);
    program.write(weights);
    const layer = async (z: Float32Array) => (await program.run({ z })).images!.slice().map(Math.atanh);
    const start = numbers('z', 5);
    const from = await layer(start);
    const changes: number[][] = [];
    for (const { vector, eigenvalue } of directions) {
      const to = await layer(start.map((value, i) => value + vector[i]!));
      const change = Array.from(to, (value, i) => value - from[i]!);
      expect(dot(change, change) / eigenvalue).toBeCloseTo(1, 3);
      changes.push(change);
    }
    const { eigenvalue: scale } = directions[0]!;
    for (const a of changes)
      for (const b of changes) if (a !== b) expect(Math.abs(dot(a, b)) / scale).toBeLessThan(1e-3);
    await program.dispose();
  });
});

test.each([2, 3, 30, 100])(
  '%d of them: of length 1, at right angles, the strongest first, signs fixed',
  (latentDim) => {
    const given = design([8, 8, 1], latentDim, [{ outChannels: 30 }, { outFeatures: 1 }]);
    const weights = weightsOf(given);
    const directions = directionsOf(given, weights);
    expect(directions).toHaveLength(Math.min(latentDim, maxDirections));
    directions.forEach(({ vector, eigenvalue }, i) => {
      directions.slice(0, i + 1).forEach((other, j) => {
        expect(Math.abs(dot(vector, other.vector) - (i === j ? 1 : 0))).toBeLessThan(1e-10);
        expect(other.eigenvalue).toBeGreaterThanOrEqual(eigenvalue);
      });
      const largest = vector.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
      expect(largest).toBeGreaterThan(0);
    });
    expect(directionsOf(given, weights)).toEqual(directions);

    // A^T A v = lambda v, with A read from the dense layer: [z, outputs].
    const weight = weights['generator.0.weight']!;
    const outputs = weight.length / latentDim;
    for (const { vector, eigenvalue } of directions) {
      const image = Array.from({ length: outputs }, (_, o) =>
        vector.reduce((sum, value, i) => sum + value * weight[i * outputs + o]!, 0),
      );
      const back = Array.from({ length: latentDim }, (_, i) =>
        dot(image, weight.subarray(i * outputs, (i + 1) * outputs)),
      );
      for (let i = 0; i < latentDim; i += 1) {
        expect(Math.abs(back[i]! - eigenvalue * vector[i]!)).toBeLessThan(1e-10 * directions[0]!.eigenvalue);
      }
    }
  },
);

test('what the first layer does not look at is no direction', () => {
  const { dense } = single;
  const weights = weightsOf(dense);
  // Rows 1 and 3 of [z, outputs]
  weights['generator.0.weight']!.fill(0, 24, 48).fill(0, 72, 96);
  const directions = directionsOf(dense, weights);
  expect(directions).toHaveLength(3);
  for (const { vector } of directions) expect(Math.hypot(vector[1]!, vector[3]!)).toBeLessThan(1e-12);
  weights['generator.0.weight']!.fill(0);
  expect(directionsOf(dense, weights)).toEqual([]);
});

test('a z too long to look for any has none', () => {
  const long = design([2, 2, 1], 513, [{ outFeatures: 1 }]);
  expect(directionsOf(long, weightsOf(long))).toEqual([]);
});
