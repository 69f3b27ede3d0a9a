import { describe, expect, test } from 'vitest';
import { elements, initialState, networkTensors, stateTensors } from '../../src-main/trainer/parameters.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { summary } from '../../src-shared/gan/summary.ts';
import { design, spread } from './designs.ts';

const designOf = (name: string) => presets.find((preset) => preset.name === name)!.design;

describe('names and shapes', () => {
  test.for([
    ...presets.map(({ name, design: given }) => [name, given] as const),
    ...Object.entries(spread).map(([name, given]) => [name, given.design] as const),
  ])('of %s have as many numbers as the summary says', ([, given]) => {
    for (const network of ['discriminator', 'generator'] as const) {
      const specs = networkTensors(given, network);
      const numbers = (trainable: boolean) =>
        specs
          .filter((spec) => spec.trainable === trainable)
          .reduce((sum, spec) => sum + elements(spec.shape), 0);
      expect(numbers(true)).toBe(summary(given)[network].parameters);
      expect(numbers(false)).toBe(summary(given)[network].buffers);
      expect(new Set(specs.map((spec) => spec.name)).size).toBe(specs.length);
    }
  });

  test("the DCGAN tutorial's networks have 2,765,568 and 3,576,704 parameters", () => {
    const count = (network: 'discriminator' | 'generator') =>
      networkTensors(designOf('dcgan-64'), network)
        .filter((spec) => spec.trainable)
        .reduce((sum, spec) => sum + elements(spec.shape), 0);
    expect(count('discriminator')).toBe(2_765_568);
    expect(count('generator')).toBe(3_576_704);
  });
});

describe('the state before the first step', () => {
  const stddev = 0.02;
  const given = designOf('small-64');
  const state = initialState(given, 3, true, stddev);

  test('has every tensor in its shape', () => {
    const specs = stateTensors(given, true);
    expect(Object.keys(state)).toEqual(specs.map((spec) => spec.name));
    for (const { name, shape } of specs) expect(state[name]!.length).toBe(elements(shape));
  });

  test('kernels are N(0, 0.02), scales N(1, 0.02), shifts 0', () => {
    for (const { name, init } of networkTensors(given, 'discriminator').concat(
      networkTensors(given, 'generator'),
    )) {
      const values = Array.from(state[name]!);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
      const error = 5 / Math.sqrt(values.length);
      if (init === 'kernel' || init === 'scale') {
        expect(Math.abs(mean - (init === 'scale' ? 1 : 0))).toBeLessThan(stddev * error);
        expect(Math.abs(spread - stddev)).toBeLessThan(stddev * error);
      } else {
        expect(new Set(values)).toEqual(new Set([init === 'ones' ? 1 : 0]));
      }
    }
  });

  test('the average starts as the generator, the moments at zero', () => {
    for (const { name, trainable } of networkTensors(given, 'generator')) {
      expect(state[`ema.${name}`]).toEqual(trainable ? state[name] : undefined);
    }
    for (const [name, values] of Object.entries(state)) {
      if (name.startsWith('adam.')) expect(values.every((value) => value === 0)).toBe(true);
    }
    expect(Object.keys(initialState(given, 3, false, stddev)).some((name) => name.startsWith('ema.'))).toBe(
      false,
    );
  });

  test("spectral norm's vectors have length one", () => {
    const normed = design([8, 8, 1], 4, [
      { outChannels: 7, spectralNorm: true, mirror: { spectralNorm: true } },
      { outFeatures: 1, spectralNorm: true },
    ]);
    const vectors = Object.entries(initialState(normed, 1, false, stddev)).filter(([name]) =>
      name.endsWith('.u'),
    );
    expect(vectors.map(([name, u]) => [name, u.length])).toEqual([
      ['discriminator.0.u', 7],
      ['discriminator.1.u', 1],
      ['generator.1.u', 1],
    ]);
    for (const [, u] of vectors) expect(Math.hypot(...u)).toBeCloseTo(1, 6);
  });

  test('depends on the seed alone', () => {
    expect(initialState(given, 3, true, stddev)).toEqual(state);
    expect(initialState(given, 4, true, stddev)['generator.0.weight']).not.toEqual(
      state['generator.0.weight'],
    );
    expect(state['generator.1.weight']!.subarray(0, 9)).not.toEqual(
      state['generator.2.weight']!.subarray(0, 9),
    );
  });
});
