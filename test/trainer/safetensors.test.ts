import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StoredTensor } from '../../src-main/trainer/safetensors.ts';
import { decodeSafetensors, encodeSafetensors, valuesOf } from '../../src-main/trainer/safetensors.ts';
import { AppError } from '../../src-shared/errors.ts';

/** The format read by another hand: huggingface/safetensors README, section Format. */
function readPlainly(bytes: Uint8Array): {
  metadata: Record<string, string>;
  tensors: Record<string, number[]>;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  const { __metadata__, ...entries } = JSON.parse(
    Buffer.from(bytes.subarray(8, 8 + length)).toString(),
  ) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  let end = 0;
  const tensors: Record<string, number[]> = {};
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [from, to],
    },
  ] of Object.entries(entries)) {
    // Without holes, in order.
    expect([dtype, from]).toEqual(['F32', end]);
    end = to;
    const count = shape.reduce((all, side) => all * side, 1);
    expect(to - from).toBe(4 * count);
    tensors[name] = Array.from({ length: count }, (_, i) => view.getFloat32(8 + length + from + 4 * i, true));
  }
  expect(8 + length + end).toBe(bytes.length);
  expect(length % 8).toBe(0);
  expect(bytes[8]).toBe('{'.charCodeAt(0));
  return { metadata: (__metadata__ ?? {}) as unknown as Record<string, string>, tensors };
}

const example: Record<string, StoredTensor> = {
  'generator.0.weight': { shape: [2, 1, 3], values: Float32Array.of(1, -2, 3.5, 1e-38, -0, 7) },
  'a number': { shape: [], values: Float32Array.of(42) },
  empty: { shape: [0, 4], values: new Float32Array(0) },
  last: { shape: [1], values: Float32Array.of(9) },
};

test('gives back what was written', () => {
  expect(decodeSafetensors(encodeSafetensors(example, { step: '3' }))).toEqual(example);
  expect(valuesOf(example)['last']).toEqual(Float32Array.of(9));
});

test('is read by a parser of its own', () => {
  const { metadata, tensors } = readPlainly(encodeSafetensors(example, { who: 'Zoë 漢字' }));
  expect(metadata).toEqual({ who: 'Zoë 漢字' });
  expect(tensors).toEqual(
    Object.fromEntries(Object.entries(example).map(([name, { values }]) => [name, [...values]])),
  );
});

test('any tensors, names and metadata', () => {
  const tensor = fc.array(fc.nat(3), { maxLength: 4 }).chain((shape) => {
    const count = shape.reduce((all, side) => all * side, 1);
    return fc
      .float32Array({ minLength: count, maxLength: count })
      .map((values): StoredTensor => ({ shape, values: Float32Array.from(values) }));
  });
  const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.startsWith('__'));
  fc.assert(
    fc.property(fc.dictionary(name, tensor), fc.dictionary(name, fc.string()), (tensors, metadata) => {
      const bytes = encodeSafetensors({ ...tensors }, metadata);
      expect(decodeSafetensors(bytes)).toEqual({ ...tensors });
      expect(readPlainly(bytes).metadata).toEqual({ ...metadata });
    }),
  );
});

test('bytes at an odd place in a larger buffer', () => {
  const bytes = encodeSafetensors(example);
  const moved = Buffer.alloc(bytes.length + 3);
  moved.set(bytes, 3);
  expect(decodeSafetensors(moved.subarray(3))).toEqual(example);
});

test('the tensors do not share memory with the file', () => {
  const bytes = Buffer.from(encodeSafetensors(example));
  const decoded = decodeSafetensors(bytes);
  bytes.fill(255);
  expect(decoded).toEqual(example);
});

test('a shape that its numbers do not fill is not written', () => {
  expect(() => encodeSafetensors({ x: { shape: [3], values: Float32Array.of(1, 2) } })).toThrow(
    'x has 2 numbers for 3',
  );
});

describe('damaged files', () => {
  const bytes = encodeSafetensors(example);
  const failure = (given: Uint8Array): unknown => {
    try {
      return decodeSafetensors(given);
    } catch (error) {
      return error;
    }
  };

  test('every truncation is noticed', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      const error = failure(bytes.subarray(0, length));
      expect(error).toBeInstanceOf(AppError);
      expect(error).toMatchObject({ code: 'safetensors.damaged' });
    }
  });

  const withHeader = (header: string) => {
    const text = Buffer.from(header);
    const all = Buffer.alloc(8 + text.length + 16);
    all.writeBigUInt64LE(BigInt(text.length));
    all.set(text, 8);
    return all;
  };

  test.for<[string, string, RegExp]>([
    ['no JSON', '{"x":', /no JSON/],
    ['no object', '7', /no object/],
    ['null', 'null', /no object/],
    ['a list', '[1]', /0 is not described/],
    ['another type', '{"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}', /x is not described/],
    ['no offsets', '{"x":{"dtype":"F32","shape":[1]}}', /x is not described/],
    ['a negative side', '{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', /x is not described/],
    ['a broken side', '{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,6]}}', /x is not described/],
    ['too few bytes for the shape', '{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', /x is cut off/],
    ['offsets the wrong way round', '{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', /x is cut off/],
    ['beyond the end', '{"x":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}', /x is cut off/],
    ['a tensor that is null', '{"x":null}', /x is not described/],
  ])('%s', ([, header, message]) => {
    const error = failure(withHeader(header));
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).message).toMatch(message);
  });

  test('a header as long as half the address space', () => {
    const huge = Buffer.from(bytes);
    huge.writeBigUInt64LE(2n ** 63n);
    expect(failure(huge)).toMatchObject({ code: 'safetensors.damaged' });
  });

  test('any byte of the header changed gives an error in words or tensors, never a crash', () => {
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    fc.assert(
      fc.property(fc.nat(7 + length), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Uint8Array.from(bytes);
        changed[at] = changed[at]! ^ by;
        const result = failure(changed);
        if (result instanceof Error) expect(result).toBeInstanceOf(AppError);
      }),
      { numRuns: 500 },
    );
  });
});
