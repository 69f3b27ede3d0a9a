import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RadixSort } from '../../../src-main/trainer/measures/radix-sort.ts';

test('sorts as the usual sort does, again and again with one sorter', () => {
  const length = 300;
  const sorter = new RadixSort(length);
  const numbers = fc.float32Array({
    minLength: length,
    maxLength: length,
    noNaN: true,
    noDefaultInfinity: true,
  });
  fc.assert(
    fc.property(numbers, (values) => {
      const expected = values.slice().sort();
      sorter.sort(values);
      expect(values).toEqual(expected);
    }),
  );
});
