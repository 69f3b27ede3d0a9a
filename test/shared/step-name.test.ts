import { expect, test } from 'vitest';
import { stepName } from '../../src-shared/step-name.ts';

test('names sort as steps do', () => {
  expect([999, 1000, 0, 12345678].map(stepName)).toEqual(['00000999', '00001000', '00000000', '12345678']);
});
