import { describe, expect, test } from 'vitest';
import { nameAfter } from '../../src-shared/name.ts';

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
