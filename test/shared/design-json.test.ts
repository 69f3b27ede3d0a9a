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

/** The file's content with its first block changed. */
const ofBlock = (changes: object) =>
  damaged((data) => {
    const { blocks } = data['discriminator'] as { blocks: object[] };
    blocks[0] = { ...blocks[0], ...changes };
  });

test('what is written is read back the same, whether it fits or not', () => {
  fc.assert(
    fc.property(fc.oneof(validDesign, anyDesign), (design) => {
      expect(parseDesign(formatDesign(design))).toEqual(design);
    }),
    { numRuns: 2000 },
  );
});

test('files from before there were several norms mean what they meant', () => {
  const old = damaged((data) => {
    const { blocks } = data['discriminator'] as { blocks: Record<string, unknown>[] };
    (data['discriminator'] as { blocks: object[] }).blocks = blocks.map(({ norm, ...block }) => ({
      ...block,
      batchNorm: norm === 'batch',
      mirror: { batchNorm: false },
    }));
  });
  expect(old).not.toContain('"norm"');
  const { blocks } = parseDesign(old).discriminator;
  expect(blocks).toEqual(file.discriminator.blocks.map((block) => ({ ...block, mirror: { norm: 'none' } })));
});

test('a norm of both kinds at once, or of neither, is refused', () => {
  expect(refusal(ofBlock({ batchNorm: 'yes' })).message).toContain('batchNorm');
  expect(refusal(ofBlock({ norm: 'instanc' })).message).toContain('"norm" in block 1');
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

  const invalid: [string, string, string, () => string][] = [
    [
      'a missing part',
      'latentDim',
      'The field "latentDim" is missing in the design.',
      () => damaged((data) => delete data['latentDim']),
    ],
    [
      'an unknown part',
      'colour',
      'Unknown field "colour" in the design.',
      () => damaged((data) => (data['colour'] = 'red')),
    ],
    [
      'a mistyped part',
      'latentDmi',
      'Unknown field "latentDmi" in the design. Did you mean "latentDim"?',
      () => edited('"latentDim"', '"latentDmi"'),
    ],
    [
      'a mistyped part of a block',
      'discriminator.blocks.0.kernal',
      'Unknown field "kernal" in block 1. Did you mean "kernel"?',
      () => edited('"kernel"', '"kernal"'),
    ],
    [
      'a mistyped part of the image',
      'discriminator.image.heigth',
      'Unknown field "heigth" in the image. Did you mean "height"?',
      () => edited('"height"', '"heigth"'),
    ],
    [
      'a mistyped part of the discriminator',
      'discriminator.block',
      'Unknown field "block" in the discriminator. Did you mean "blocks"?',
      () => edited('"blocks"', '"block"'),
    ],
    [
      'a word for a number',
      'latentDim',
      '"latentDim" in the design must be a number, not "64".',
      () => edited('"latentDim": 64', '"latentDim": "64"'),
    ],
    [
      'no whole number',
      'latentDim',
      '"latentDim" in the design must be a whole number, not 64.5.',
      () => edited('"latentDim": 64', '"latentDim": 64.5'),
    ],
    [
      'zero',
      'latentDim',
      '"latentDim" in the design must be at least 1, not 0.',
      () => edited('"latentDim": 64', '"latentDim": 0'),
    ],
    [
      'infinity',
      'latentDim',
      '"latentDim" in the design must be a whole number, not Infinity.',
      () => edited('"latentDim": 64', '"latentDim": 1e999'),
    ],
    [
      'a number for a word',
      'name',
      '"name" in the design must be a text, not 3.',
      () => edited('"small-32"', '3'),
    ],
    [
      'five channels',
      'discriminator.image.channels',
      '"channels" in the image must be at most 4, not 5.',
      () => edited('"channels": 3', '"channels": 5'),
    ],
    [
      'a number for yes or no',
      'discriminator.blocks.0.bias',
      '"bias" in block 1 must be true or false, not 0.',
      () => edited('"bias": false', '"bias": 0'),
    ],
    [
      'blocks that are no list',
      'discriminator.blocks',
      '"blocks" in the discriminator must be a list, not {}.',
      () => damaged((data) => (data['discriminator'] = { ...(data['discriminator'] as object), blocks: {} })),
    ],
    [
      'a discriminator that is a word',
      'discriminator',
      '"discriminator" in the design must be an object in braces, not "small".',
      () => damaged((data) => (data['discriminator'] = 'small')),
    ],
    [
      'a block that is a word',
      'discriminator.blocks.0',
      'Block 1 must be an object in braces, not "conv".',
      () =>
        damaged((data) => {
          (data['discriminator'] as { blocks: unknown[] }).blocks[0] = 'conv';
        }),
    ],
    [
      'a new kind of block',
      'discriminator.blocks.0.kind',
      '"kind" in block 1 must be one of "conv", "dense", not "attention".',
      () => edited('"kind": "conv"', '"kind": "attention"'),
    ],
    [
      'an activation of no kind',
      'discriminator.blocks.0.activation.kind',
      '"kind" in the activation of block 1 must be one of "leakyRelu", "none", "relu", "elu", "selu", "gelu", "swish", "sigmoid", "tanh", not "mish".',
      () => edited('"kind": "leakyRelu"', '"kind": "mish"'),
    ],
    [
      'a mistyped activation',
      'discriminator.blocks.0.activation.kind',
      ', not "leakyReul". Did you mean "leakyRelu"?',
      () => edited('"kind": "leakyRelu"', '"kind": "leakyReul"'),
    ],
    [
      'a slope on nothing',
      'discriminator.blocks.0.activation.slope',
      '"slope" in the activation of block 1 must be at most 1, not 2.',
      () => edited('"slope": 0.2', '"slope": 2'),
    ],
    [
      'an empty id',
      'discriminator.blocks.1.id',
      '"id" in block 2 must be a text that is not empty, not "".',
      () => edited('"id": "b2"', '"id": ""'),
    ],
    [
      'dropout of everything',
      'discriminator.blocks.0.dropout',
      '"dropout" in block 1 must be at most 0.95, not 1.',
      () => edited('"dropout": 0', '"dropout": 1'),
    ],
    [
      'half a pair',
      'discriminator.blocks.0.kernel.1',
      '"kernel" in block 1 must be two whole numbers, the vertical one first, not [4].',
      () => ofBlock({ kernel: [4] }),
    ],
    [
      'a number for a pair',
      'discriminator.blocks.0.kernel',
      '"kernel" in block 1 must be two whole numbers, the vertical one first, not 4.',
      () => ofBlock({ kernel: 4 }),
    ],
    [
      'a pair that is too large',
      'discriminator.blocks.0.stride.1',
      'Both numbers of "stride" in block 1 must be at most 64, not 65.',
      () => ofBlock({ stride: [2, 65] }),
    ],
    [
      'an unknown override',
      'discriminator.blocks.0.mirror.kernel',
      'Unknown field "kernel" in the mirror of block 1.',
      () => edited('"mirror": {}', '"mirror": {"kernel": [3, 3]}'),
    ],
    [
      'a mistyped part of an override',
      'discriminator.blocks.0.mirror.activation.knd',
      'Unknown field "knd" in the activation of the mirror of block 1. Did you mean "kind"?',
      () => edited('"mirror": {}', '"mirror": {"activation": {"kind": "relu", "knd": "elu"}}'),
    ],
    [
      'a prototype',
      '__proto__',
      'Unknown field "__proto__" in the design.',
      () => edited('"name":', '"__proto__": {"latentDim": 3}, "name":'),
    ],
    [
      'a hundred and one blocks',
      'discriminator.blocks',
      '"blocks" in the discriminator must be a list of at most 100, not [{',
      () =>
        damaged((data) => {
          const discriminator = data['discriminator'] as Design['discriminator'];
          discriminator.blocks = Array.from({ length: 101 }, () => discriminator.blocks[0]!);
        }),
    ],
  ];
  test.each(invalid)('%s, with its place %s', (_, place, words, text) => {
    const error = refusal(text());
    expect(error.code).toBe('design.invalid');
    expect(error.details).toEqual({ place });
    expect(error.message).toContain(words);
    expect(error.message).not.toMatch(/Invalid|[Ee]xpected|received|undefined|never/);
  });
});
