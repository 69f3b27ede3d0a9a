import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { api } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import { formatDesign, parseDesign } from '../../src-shared/gan/design-json.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { Name, nameAfter, parseName } from '../../src-shared/name.ts';

describe('what is made from a source is called by it', () => {
  test.each([
    ['pictures', 'pictures'],
    ['pictures.zip', 'pictures'],
    ['PICTURES.ZIP', 'PICTURES'],
    ['train-images-idx3-ubyte.gz', 'train-images'],
    ['train-images.idx3-ubyte', 'train-images'],
    ['cats.v2', 'cats.v2'],
    ['two\nlines\u001b[31m', 'two lines [31m'],
    ['.zip', 'Pictures'],
    ['', 'Pictures'],
    ['x'.repeat(300), 'x'.repeat(80)],
  ])('%j', (source, name) => {
    expect(nameAfter(source, [])).toBe(name);
  });

  test('with the first number that is free', () => {
    expect(nameAfter('pictures', ['faces'])).toBe('pictures');
    expect(nameAfter('pictures', ['pictures'])).toBe('pictures 2');
    expect(nameAfter('pictures.zip', ['pictures', 'pictures 2', 'pictures 4'])).toBe('pictures 3');
  });
});

const good = ['a', ' Größe 1 ', '顔', '👩‍🚀 flies', 'x'.repeat(200)];
const bad = {
  nothing: '',
  'spaces alone': ' \u00a0\t ',
  'a line break': 'a\nb',
  'what steers a terminal': 'a\u001b[2Jb',
  'what steers a terminal in one sign': 'a\u009b2Jb',
  'a zero': 'a\u0000b',
  'a line separator': 'a\u2028b',
  'what turns the direction': 'a\u202Eb',
  'no end': 'x'.repeat(201),
};

describe('a name', () => {
  test.each(good)('%j is one', (text) => {
    expect(parseName(text)).toBe(text.trim());
  });

  test.each(Object.entries(bad))('is not %s, wherever it comes in', (_, text) => {
    expect(() => parseName(text)).toThrow(AppError);
    expect(v.is(Name, text)).toBe(false);
    const [{ design }] = presets as [(typeof presets)[number]];
    expect(() => parseDesign(formatDesign({ ...design, name: text }))).toThrow(
      '"name" in the design must be',
    );
    const takes = (method: keyof typeof api, params: object) => v.is(api[method].params, params);
    for (const name of [text, 'fine']) {
      const isFine = name === 'fine';
      expect(takes('runs.rename', { id: 'a', name })).toBe(isFine);
      expect(takes('experiments.rename', { id: 'a', name })).toBe(isFine);
      expect(takes('experiments.duplicate', { id: 'a', run: null, name })).toBe(isFine);
      expect(takes('experiments.tag', { id: 'a', tags: [name] })).toBe(isFine);
      expect(takes('runs.start', { experiment: 'a', name, seed: null })).toBe(isFine);
      expect(takes('datasets.beginUpload', { name, files: 1, bytes: 1 })).toBe(isFine);
      const settings = { hyperparameters: null, measuring: null, limits: null };
      expect(takes('runs.fork', { id: 'a', step: 1, name, ...settings })).toBe(isFine);
    }
  });
});
