import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ErrorData } from '../../src-shared/errors.ts';
import { AppError, fromErrorData, toErrorData } from '../../src-shared/errors.ts';

test('an error crosses a process as JSON with its code, message and details', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (code, message, details) => {
        const plain: unknown = JSON.parse(JSON.stringify(details));
        const error = new AppError(code, message, plain as Record<string, unknown>);
        const received = fromErrorData(JSON.parse(JSON.stringify(toErrorData(error))) as ErrorData);
        expect(received).toBeInstanceOf(AppError);
        expect(received).toBeInstanceOf(Error);
        expect({ code: received.code, message: received.message, details: received.details }).toEqual({
          code,
          message,
          details: plain,
        });
      },
    ),
  );
});

test('a cause is kept where the error was made', () => {
  const cause = new Error('EACCES');
  const error = new AppError('disk.no-permission', 'The folder cannot be written to.', {}, { cause });
  expect(error.cause).toBe(cause);
  expect(error.name).toBe('AppError');
  expect(error.details).toEqual({});
});

test('an error of the program itself is internal, with the place where it happened', () => {
  const thrown = new TypeError('x is not a function');
  const data = toErrorData(thrown);
  expect(data).toMatchObject({ code: 'internal', message: 'x is not a function' });
  expect(data.details['stack']).toBe(thrown.stack);
});

test('without a stack there are no details', () => {
  const thrown = new Error('bare');
  delete thrown.stack;
  expect(toErrorData(thrown)).toEqual({ code: 'internal', message: 'bare', details: {} });
});

test('whatever is thrown becomes plain data', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (thrown) => {
      const data = toErrorData(thrown);
      expect(data.code).toBe('internal');
      expect(typeof data.message).toBe('string');
      expect(structuredClone(data)).toEqual(data);
    }),
  );
  expect(toErrorData('no words').message).toBe('no words');
  expect(toErrorData(undefined).message).toBe('undefined');
  expect(toErrorData(Symbol('odd')).message).toBe('Symbol(odd)');
});
