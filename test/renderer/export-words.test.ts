import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boundWords, verifiedWords } from '../../src-renderer/features/export/words.ts';

it.each([
  [0, '0'],
  [4e-7, '0.0000004'],
  [3.58e-7, '0.0000004'],
  [0.001, '0.001'],
  [1 / 255, '0.004'],
  [9.2e-8, '0.0000001'],
  [1.5, '2'],
])('%d is told as %s', (value, words) => expect(boundWords(value)).toBe(words));

it('is a bound that is never passed, and never far off', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 2, noNaN: true }), (value) => {
      const told = Number(boundWords(value));
      expect(boundWords(value)).not.toMatch(/e/);
      expect(told).toBeGreaterThanOrEqual(value * (1 - 1e-9));
      expect(told).toBeLessThanOrEqual(value * 2 * (1 + 1e-9));
    }),
  );
});

it('says what the trial has shown', () => {
  expect(verifiedWords({ difference: null, format: 'onnx' })).toBe('it was not tried');
  expect(verifiedWords({ difference: 0, format: 'tfjs' })).toBe('exactly the same images as the trainer');
  expect(verifiedWords({ difference: 3.6e-7, format: 'onnx' })).toContain('to within 0.0000004');
  expect(verifiedWords({ difference: 1 / 255, format: 'png' })).toContain('256 levels');
});
