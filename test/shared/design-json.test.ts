import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../src-shared/errors.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import { formatDesign, parseDesign } from '../../src-shared/gan/design-json.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { anyDesign, validDesign } from './arbitrary-design.ts';

function refusal(text: string): AppError {
  try {
    parseDesign(text);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it was read');
}

const file = presets[0]!.design;

/** The file's content with something changed. */
function damaged(change: (data: Record<string, unknown>) => void): string {
  const data = JSON.parse(formatDesign(file)) as Record<string, unknown>;
  change(data);
  return JSON.stringify(data);
}

/** The file's content as text with a part replaced. */
function edited(from: string, to: string): string {
  const text = formatDesign(file);
  expect(text).toContain(from);
  return text.replace(from, to);
}

test('what is written is read back the same, whether it fits or not', () => {
  fc.assert(
    fc.property(fc.oneof(validDesign, anyDesign), (design) => {
      expect(parseDesign(formatDesign(design))).toEqual(design);
    }),
    { numRuns: 2000 },
  );
});

test('the file says what it is, and is laid out for people', () => {
  const lines = formatDesign(file).split('\n');
  expect(lines.slice(0, 5)).toEqual([
    '{',
    '  "format": "ganvas-design",',
    '  "version": 1,',
    '  "name": "small-32",',
    '  "latentDim": 64,',
  ]);
  expect(lines.at(-1)).toBe('');
});

test('a byte order mark, as some editors write it, is no obstacle', () => {
  expect(parseDesign(`\uFEFF${formatDesign(file)}`)).toEqual(file);
});

describe('what is refused, and how', () => {
  test.each(['', 'not json', '{"format": ', `${formatDesign(file)}}`])('no JSON: %j', (text) => {
    const error = refusal(text);
    expect(error.code).toBe('design.not-json');
    expect(error.message).toMatch(/^This is not JSON: ./);
  });

  test.each([
    'null',
    '[]',
    '3',
    '"ganvas-design"',
    '{}',
    '{"format":"onnx","version":1}',
    '{"format":"ganvas-design"}',
    '{"format":"ganvas-design","version":"1"}',
    '{"format":"ganvas-design","version":1.5}',
    '{"format":"ganvas-design","version":0}',
    '{"format":"ganvas-design","version":-1}',
  ])('foreign JSON: %s', (text) => {
    expect(refusal(text).code).toBe('design.not-a-design');
  });

  test('a newer file, whatever else is in it', () => {
    const error = refusal('{"format":"ganvas-design","version":2,"towers":[]}');
    expect(error.code).toBe('design.newer');
    expect(error.message).toBe(
      'This design was saved by a newer Ganvas (format 2, this one reads up to 1). Update Ganvas to open it.',
    );
  });

  const invalid: [string, string, () => string][] = [
    ['a missing part', 'latentDim', () => damaged((data) => delete data['latentDim'])],
    ['an unknown part', 'colour', () => damaged((data) => (data['colour'] = 'red'))],
    ['a word for a number', 'latentDim', () => edited('"latentDim": 64', '"latentDim": "64"')],
    ['no whole number', 'latentDim', () => edited('"latentDim": 64', '"latentDim": 64.5')],
    ['zero', 'latentDim', () => edited('"latentDim": 64', '"latentDim": 0')],
    ['infinity', 'latentDim', () => edited('"latentDim": 64', '"latentDim": 1e999')],
    ['five channels', 'discriminator.image.channels', () => edited('"channels": 3', '"channels": 5')],
    [
      'a new kind of block',
      'discriminator.blocks.0.kind',
      () => edited('"kind": "conv"', '"kind": "attention"'),
    ],
    [
      'an activation of no kind',
      'discriminator.blocks.0.activation.kind',
      () => edited('"kind": "leakyRelu"', '"kind": "mish"'),
    ],
    [
      'a slope on nothing',
      'discriminator.blocks.0.activation.slope',
      () => edited('"slope": 0.2', '"slope": 2'),
    ],
    ['an empty id', 'discriminator.blocks.1.id', () => edited('"id": "b2"', '"id": ""')],
    ['dropout of everything', 'discriminator.blocks.0.dropout', () => edited('"dropout": 0', '"dropout": 1')],
    [
      'an unknown override',
      'discriminator.blocks.0.mirror.kernel',
      () => edited('"mirror": {}', '"mirror": {"kernel": [3, 3]}'),
    ],
    ['a prototype', '__proto__', () => edited('"name":', '"__proto__": {"latentDim": 3}, "name":')],
    [
      'a hundred and one blocks',
      'discriminator.blocks',
      () =>
        damaged((data) => {
          const discriminator = data['discriminator'] as Design['discriminator'];
          discriminator.blocks = Array.from({ length: 101 }, () => discriminator.blocks[0]!);
        }),
    ],
  ];
  test.each(invalid)('%s, with its place %s', (_, place, text) => {
    const error = refusal(text());
    expect(error.code).toBe('design.invalid');
    expect(error.details).toEqual({ place });
    expect(error.message).toContain(`The design is damaged at ${place}: `);
  });
});
