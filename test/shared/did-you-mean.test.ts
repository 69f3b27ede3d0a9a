import { expect, test } from 'vitest';
import { didYouMean } from '../../src-shared/did-you-mean.ts';

const words = ['train', 'resume', 'runs', 'sample', 'sample-data', 'serve', 'show'];

test.each([
  ['trian', 'train'],
  ['rtain', 'train'],
  ['tain', 'train'],
  ['traiin', 'train'],
  ['ersume', 'resume'],
  ['rusn', 'runs'],
  ['smaple-dtaa', 'sample-data'],
  ['sampel', 'sample'],
])('%s is %s with a slip or two', (word, meant) => {
  expect(didYouMean(word, words)).toBe(` Did you mean "${meant}"?`);
});

test.each(['', 'x', 'niart', 'emuser', 'paint it'])('"%s" is near to nothing', (word) => {
  expect(didYouMean(word, words)).toBe('');
});

test('without words nothing is near', () => {
  expect(didYouMean('train', [])).toBe('');
});
