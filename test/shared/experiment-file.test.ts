import { describe, expect, test } from 'vitest';
import { AppError } from '../../src-shared/errors.ts';
import { formatExperiment, maxExperimentFile, parseExperiment } from '../../src-shared/experiment-file.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';

const experiment = {
  name: 'Hills & valleys',
  design: presets[0]!.design,
  hyperparameters: defaultHyperparameters(),
  measuring: defaultMeasuring(),
  limits: { steps: 100, kimg: null, minutes: null },
  engine: 'auto',
  imageSettings: { height: 32, width: 32, channels: 3, fit: 'crop' },
} as const;

function codeOf(text: string): string {
  try {
    parseExperiment(text);
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'read';
}

describe('an experiment as a file', () => {
  test('is read as it was written, and holds nothing beside design and settings', () => {
    const more = { ...experiment, id: 'x1', source: '/home/somebody/pictures', tags: ['mine'], revision: 4 };
    const text = formatExperiment(more);
    expect(parseExperiment(text)).toEqual(experiment);
    expect(text).not.toMatch(/somebody|mine|x1/);
    expect(parseExperiment(`\uFEFF${text}`)).toEqual(experiment);
  });

  test('is refused in words when it is anything else', () => {
    const text = formatExperiment(experiment);
    const changed = (from: string, to: string) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    };
    expect(codeOf('')).toBe('experiment-file.not-one');
    expect(codeOf('require("fs")')).toBe('experiment-file.not-one');
    expect(codeOf('null')).toBe('experiment-file.not-one');
    expect(codeOf('{"format":"ganvas-design","version":1}')).toBe('experiment-file.not-one');
    expect(codeOf(changed('"version": 1', '"version": 2'))).toBe('experiment-file.newer');
    expect(codeOf(changed('"version": 1', '"version": 0'))).toBe('experiment-file.not-one');
    expect(codeOf(changed('"batch": 64', '"batch": 1e9'))).toBe('experiment-file.invalid');
    expect(codeOf(changed('"name":', '"extra": 1, "name":'))).toBe('experiment-file.invalid');
    expect(codeOf(changed('"Hills & valleys"', '"  "'))).toBe('experiment-file.invalid');
    expect(codeOf(' '.repeat(maxExperimentFile + 1))).toBe('experiment-file.too-large');
    expect(codeOf(`{"format":"ganvas-experiment","version":1,"__proto__":{"name":"x"}}`)).toBe(
      'experiment-file.invalid',
    );
    expect(codeOf('['.repeat(200_000))).toBe('experiment-file.not-one');
  });
});
