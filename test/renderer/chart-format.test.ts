import { describe, expect, it } from 'vitest';
import { formatPlace, formatValue, tickSteps } from '../../src-renderer/charts/format.ts';

describe('numbers on charts', () => {
  it.each([
    [0, '0'],
    [0.123_456, '0.123'],
    [-1.5, '-1.5'],
    [0.000_04, '4.0e-5'],
    [1234.5, '1,230'],
    [45_600, '45.6K'],
    [Number.NaN, 'NaN'],
  ])('writes the value %d as %s', (value, text) => expect(formatValue(value)).toBe(text));

  it('writes places in the words of their axis', () => {
    expect(formatPlace(3297, 'step')).toBe('3,297');
    expect(formatPlace(1_000_000, 'step')).toBe('1M');
    expect(formatPlace(211.008, 'kimg')).toBe('211');
    expect(formatPlace(150, 'time')).toBe('2 min 30 s');
  });
});

it('labels steps at whole ones, and time at moments that are short to say', () => {
  expect(tickSteps.step.incrs!.every(Number.isInteger)).toBe(true);
  const words = tickSteps.time.incrs!.map((seconds) => formatPlace(seconds, 'time'));
  expect(words.every((text) => /^[\d,]+ (s|min|h|day|days)$/.test(text))).toBe(true);
});
