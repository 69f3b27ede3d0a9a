import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../src-shared/errors.ts';
import type {
  Activation,
  Block,
  ConvBlock,
  DenseBlock,
  Design,
  NormName,
  Shape,
} from '../../src-shared/gan/block.ts';
import { convBlock, denseBlock } from '../../src-shared/gan/block.ts';
import { errorsOf } from '../../src-shared/gan/check.ts';
import type { ConvTransposeBlock, Generator, GeneratorBlock } from '../../src-shared/gan/mirror.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { discriminatorShapes } from '../../src-shared/gan/shape.ts';
import { anyDesign, validDesign } from './arbitrary-design.ts';
import { backward, forward, obstacle } from './reference.ts';

const generatorOf = (design: Design): Generator => mirror(design.discriminator, design.latentDim);
const sizeOf = ({ height, width, channels }: Shape) => [height, width, channels] as [number, number, number];

function withBlocks(design: Design, blocks: Block[]): Design {
  return { ...design, discriminator: { ...design.discriminator, blocks } };
}

describe('over random designs that fit', () => {
  test('the discriminator runs from the image to one number, as counting says', () => {
    fc.assert(
      fc.property(validDesign, ({ discriminator }) => {
        const shapes = discriminatorShapes(discriminator);
        let size = sizeOf(discriminator.image);
        expect(shapes).toHaveLength(discriminator.blocks.length);
        discriminator.blocks.forEach((block, i) => {
          expect(sizeOf(shapes[i]!.input)).toEqual(size);
          const expected = forward(block, size);
          if (typeof expected === 'string') throw new Error(`the reference refuses block ${i}: ${expected}`);
          expect(sizeOf(shapes[i]!.convolved)).toEqual(expected.convolved);
          expect(sizeOf(shapes[i]!.output)).toEqual(expected.output);
          size = expected.output;
        });
        expect(size).toEqual([1, 1, 1]);
      }),
      { numRuns: 3000 },
    );
  });

  test('the generator runs from z to exactly the image', () => {
    fc.assert(
      fc.property(validDesign, (design) => {
        const { blocks } = generatorOf(design);
        let size: [number, number, number] = [1, 1, design.latentDim];
        for (const block of blocks) {
          expect(sizeOf(block.input)).toEqual(size);
          expect(backward(block, size)).toEqual(sizeOf(block.output));
          if (block.kind === 'convTranspose') {
            const { unpool, edge, unpooled } = block;
            expect(sizeOf(unpooled)).toEqual([
              size[0] * unpool[0] + edge[0],
              size[1] * unpool[1] + edge[1],
              size[2],
            ]);
            for (const axis of [0, 1] as const) {
              expect(edge[axis]).toBeGreaterThanOrEqual(0);
              expect(edge[axis]).toBeLessThan(unpool[axis]);
              expect(block.outputPadding[axis]).toBeGreaterThanOrEqual(0);
              expect(block.outputPadding[axis]).toBeLessThan(block.stride[axis]);
            }
          }
          size = sizeOf(block.output);
        }
        expect(size).toEqual(sizeOf(design.discriminator.image));
      }),
      { numRuns: 5000 },
    );
  });

  test('each block faces the one that it inverts: heights and widths swapped, channels too unless set by hand', () => {
    fc.assert(
      fc.property(validDesign, (design) => {
        const { blocks } = design.discriminator;
        const shapes = discriminatorShapes(design.discriminator);
        const generator = generatorOf(design).blocks.toReversed();
        expect(generator.map((block) => block.mirrors)).toEqual(blocks.map((block) => block.id));
        generator.forEach((block, i) => {
          const { input, output } = shapes[i]!;
          expect([block.input.height, block.input.width]).toEqual([output.height, output.width]);
          expect([block.output.height, block.output.width]).toEqual([input.height, input.width]);
          expect(block.output.channels).toBe(blocks[i]!.mirror.outChannels ?? input.channels);
        });
      }),
      { numRuns: 2000 },
    );
  });

  test('what is set by hand in the mirror survives edits elsewhere', () => {
    const scenario = validDesign.chain((design) => {
      const { length } = design.discriminator.blocks;
      return fc.record({
        design: fc.constant(design),
        at: fc.nat({ max: length - 1 }),
        other: fc.nat({ max: length }),
      });
    });
    const override = {
      bias: true,
      norm: 'batch' as const,
      spectralNorm: true,
      activation: { kind: 'selu' as const },
      dropout: 0.25,
    };
    fc.assert(
      fc.property(scenario, ({ design, at, other }) => {
        const { blocks } = design.discriminator;
        const set = blocks.with(at, { ...blocks[at]!, mirror: override });
        const extra = convBlock({
          id: 'extra',
          outChannels: 9,
          kernel: [1, 1],
          stride: [1, 1],
          padding: [0, 0],
        });
        const firstDense = blocks.findIndex((block) => block.kind === 'dense');
        const place = firstDense < 0 ? other : Math.min(other, firstDense);
        const edits = [
          // A block more in front or behind, one without its activation, one removed: whatever still fits.
          set.toSpliced(place, 0, extra),
          set.map((block, i) => (i === at ? block : { ...block, activation: { kind: 'gelu' as const } })),
          set.map((block, i) => (i === at ? block : { ...block, bias: !block.bias, mirror: {} })),
          ...(other < set.length && other !== at ? [set.toSpliced(other, 1)] : []),
        ];
        for (const edited of edits) {
          const changed = withBlocks(design, edited);
          if (obstacle(changed) !== undefined) continue;
          const block = generatorOf(changed).blocks.find(({ mirrors }) => mirrors === set[at]!.id)!;
          expect(block).toMatchObject(override);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('an edit changes the mirrors of that block and of its neighbours, and nothing nearer to the image', () => {
    const scenario = validDesign.chain((design) =>
      fc.record({ design: fc.constant(design), at: fc.nat({ max: design.discriminator.blocks.length - 1 }) }),
    );
    fc.assert(
      fc.property(scenario, ({ design, at }) => {
        const { blocks } = design.discriminator;
        const before = generatorOf(design).blocks.toReversed();
        const block = blocks[at]!;
        const after = (edited: Block) =>
          generatorOf(withBlocks(design, blocks.with(at, edited))).blocks.toReversed();

        // Nothing about shapes: only the block's own mirror may change.
        const parts = after({
          ...block,
          bias: !block.bias,
          activation: { kind: 'elu' },
          norm: block.norm === 'none' ? 'batch' : 'none',
          dropout: 0.75,
        });
        expect(parts.toSpliced(at, 1)).toEqual(before.toSpliced(at, 1));

        // Channels: the block reads other channels, and the next one gives them.
        const wider = after(
          block.kind === 'dense' ? { ...block, outFeatures: 17 } : { ...block, outChannels: 17 },
        );
        expect(wider.slice(0, at)).toEqual(before.slice(0, at));
        expect(wider.slice(at + 2)).toEqual(before.slice(at + 2));

        // A kernel: whatever it does further on, the mirrors nearer to the image stay as they are.
        if (block.kind === 'conv') {
          const kernel = withBlocks(design, blocks.with(at, { ...block, kernel: [1, 1], stride: [1, 1] }));
          if (obstacle(kernel) !== undefined) return;
          expect(generatorOf(kernel).blocks.toReversed().slice(0, at)).toEqual(before.slice(0, at));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('only the conventions of DCGAN differ from the block that is mirrored', () => {
    fc.assert(
      fc.property(validDesign, (design) => {
        const { blocks } = design.discriminator;
        const generator = generatorOf(design).blocks.toReversed();
        generator.forEach((mirrored, i) => {
          const block = blocks[i]!;
          const own = block.mirror;
          const bare = block.spectralNorm || i === blocks.length - 1 ? 'batch' : 'none';
          const norm = block.norm === 'none' ? bare : block.norm;
          const expected = {
            norm: own.norm ?? (i > 0 ? norm : 'none'),
            spectralNorm: own.spectralNorm ?? false,
            dropout: own.dropout ?? 0,
            activation:
              own.activation ?? expectedActivation(block.activation, i === 0, i === blocks.length - 1),
          };
          expect(mirrored).toMatchObject(expected);
          expect(mirrored.bias).toBe(own.bias ?? (block.bias && expected.norm !== 'batch'));
        });
      }),
      { numRuns: 2000 },
    );
  });
});

function expectedActivation(activation: Activation, last: boolean, stem: boolean): Activation {
  if (last) return { kind: 'tanh' };
  if (activation.kind === 'leakyRelu') return { kind: 'relu' };
  if (stem && activation.kind === 'none') return { kind: 'relu' };
  return activation;
}

test('designs without a mirror are refused with the block and what to do; all others are mirrored', () => {
  fc.assert(
    fc.property(fc.oneof(anyDesign, validDesign), (design) => {
      const { blocks } = design.discriminator;
      const ids = blocks.map(({ id }) => id);
      fc.pre(new Set(ids).size === ids.length);
      const reason = obstacle(design);
      if (reason === undefined) {
        expect(generatorOf(design).blocks).toHaveLength(blocks.length);
        return;
      }
      let thrown: unknown;
      try {
        generatorOf(design);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(AppError);
      expect((thrown as AppError).code).toBe('design.does-not-fit');
      const at = ids.indexOf(reason.blockId ?? '');
      const named = reason.code === 'not-one-number' ? 'The last block leaves' : `Block ${at + 1} `;
      expect((thrown as AppError).message).toContain(at < 0 ? 'has no blocks' : named);
      expect((thrown as AppError).details).toEqual(
        reason.blockId === null ? {} : { blockId: reason.blockId },
      );
    }),
    { numRuns: 3000 },
  );
});

const at = (image: [number, number, number], latentDim: number, blocks: Block[]): Design => ({
  name: 'example',
  latentDim,
  discriminator: { image: { height: image[0], width: image[1], channels: image[2] }, blocks },
});
const conv = (id: string, outChannels: number, rest: Partial<ConvBlock> = {}) =>
  convBlock({ id, outChannels, ...rest });
const dense = (id: string, outFeatures: number, rest: Partial<DenseBlock> = {}) =>
  denseBlock({ id, outFeatures, ...rest });
const whole = (id: string, kernel: [number, number]) =>
  conv(id, 1, { kernel, stride: [1, 1], padding: [0, 0] });
const spatial = (block: GeneratorBlock | undefined): ConvTransposeBlock => {
  if (block?.kind !== 'convTranspose') throw new Error('not a transposed convolution');
  return block;
};

test('7 pixels become 4 and 7 again, 14 come back without output padding', () => {
  const design = at([14, 7, 1], 5, [
    conv('a', 2, { kernel: [4, 3] }),
    conv('b', 2, { kernel: [3, 4] }),
    whole('c', [4, 2]),
  ]);
  expect(errorsOf(design)).toEqual([]);
  const [stem, middle, last] = generatorOf(design).blocks.map(spatial);
  expect(sizeOf(stem!.output)).toEqual([4, 2, 2]);
  // 7 = (4 - 1) * 2 - 2 + 3 and 4 = (2 - 1) * 2 - 2 + 4.
  expect(middle!.outputPadding).toEqual([0, 0]);
  expect(sizeOf(middle!.output)).toEqual([7, 4, 2]);
  // 14 = (7 - 1) * 2 - 2 + 4 and 7 = (4 - 1) * 2 - 2 + 3.
  expect(last!.outputPadding).toEqual([0, 0]);
  expect(sizeOf(last!.output)).toEqual([14, 7, 1]);
});

test('rows that a stride never reaches come back as output padding', () => {
  const design = at([10, 9, 1], 5, [
    conv('a', 2, { kernel: [3, 4], stride: [4, 3], padding: [0, 0] }),
    whole('b', [2, 2]),
  ]);
  // Kernels start at rows 0 and 4 and end at row 7 of 10: 3 are left; columns 0 and 3, ending at 7 of 9: 2 are left.
  expect(spatial(generatorOf(design).blocks[1]).outputPadding).toEqual([3, 2]);
});

test('what a pooling drops is put back as copies of the last row and column', () => {
  const design = at([11, 8, 1], 5, [
    conv('a', 3, { kernel: [1, 1], stride: [1, 1], padding: [0, 0], maxPool: [3, 5] }),
    whole('b', [3, 1]),
  ]);
  const block = spatial(generatorOf(design).blocks[1]);
  expect(block.unpool).toEqual([3, 5]);
  expect(block.edge).toEqual([2, 3]);
  expect(sizeOf(block.unpooled)).toEqual([11, 8, 3]);
  expect(sizeOf(block.output)).toEqual([11, 8, 1]);
});

test("the seed's overrides: input channels are z's, output channels and last activation may be set", () => {
  const blocks = [conv('a', 8), conv('b', 16), whole('c', [2, 2])];
  const design = at([8, 8, 3], 77, [
    { ...blocks[0]!, mirror: { activation: { kind: 'sigmoid' } } },
    { ...blocks[1]!, mirror: { outChannels: 24 } },
    blocks[2]!,
  ]);
  const [stem, middle, last] = generatorOf(design).blocks;
  expect(sizeOf(stem!.input)).toEqual([1, 1, 77]);
  expect(sizeOf(middle!.output)).toEqual([4, 4, 24]);
  expect(sizeOf(last!.input)).toEqual([4, 4, 24]);
  expect(sizeOf(last!.output)).toEqual([8, 8, 3]);
  expect(last!.activation).toEqual({ kind: 'sigmoid' });
});

test('a fully connected head becomes a stem that is reshaped, normalised and activated', () => {
  const design = at([8, 6, 2], 10, [conv('a', 5), dense('b', 7), dense('c', 1)]);
  const [stem, hidden, last] = generatorOf(design).blocks;
  expect(stem).toEqual({
    kind: 'dense',
    mirrors: 'c',
    input: { height: 1, width: 1, channels: 10 },
    output: { height: 1, width: 1, channels: 7 },
    bias: false,
    norm: 'batch',
    spectralNorm: false,
    activation: { kind: 'relu' },
    dropout: 0,
  });
  expect(hidden).toMatchObject({ kind: 'dense', bias: true, norm: 'none', activation: { kind: 'none' } });
  expect(sizeOf(hidden!.output)).toEqual([4, 3, 5]);
  expect(sizeOf(last!.output)).toEqual([8, 6, 2]);
});

test('a single block is stem and image at once: no batch norm, tanh', () => {
  const [only] = generatorOf(at([5, 4, 1], 3, [whole('a', [5, 4])])).blocks;
  expect(only).toMatchObject({ norm: 'none', activation: { kind: 'tanh' }, kernel: [5, 4] });
});

test('norms are mirrored as they are, save those that only a discriminator wants or a single pixel cannot have', () => {
  const blocks = (norm: NormName) => [
    convBlock({ id: 'a', outChannels: 8, norm }),
    convBlock({ id: 'b', outChannels: 8, norm }),
    denseBlock({ id: 'c', outFeatures: 8, norm }),
    denseBlock({ id: 'd', outFeatures: 1 }),
  ];
  const mirrored = (norm: NormName) =>
    mirror({ image: { height: 8, width: 8, channels: 3 }, blocks: blocks(norm) }, 4).blocks.map(
      (block) => block.norm,
    );
  expect(mirrored('group')).toEqual(['batch', 'group', 'group', 'none']);
  expect(mirrored('pixel')).toEqual(['batch', 'pixel', 'pixel', 'none']);
  expect(mirrored('instance')).toEqual(['batch', 'instance', 'instance', 'none']);
  expect(mirrored('layer')).toEqual(['batch', 'batch', 'batch', 'none']);
});

test('up-sampling brings every size back with a kernel of 2 or 3, wherever a block halves or pools at all', () => {
  fc.assert(
    fc.property(validDesign, (design) => {
      const blocks = design.discriminator.blocks.map((block) => ({
        ...block,
        mirror: { ...block.mirror, upsample: true },
      }));
      const { blocks: mirrored } = mirror({ ...design.discriminator, blocks }, design.latentDim);
      mirrored.forEach((block, i) => {
        expect(backward(block, sizeOf(block.input))).toEqual(sizeOf(block.output));
        const original = blocks[blocks.length - 1 - i]!;
        if (original.kind !== 'conv' || block.kind !== 'convTranspose') return;
        const shrinks = [0, 1].some((axis) => original.stride[axis]! * original.maxPool[axis]! > 1);
        if (!shrinks) expect(block.kernel).toEqual(original.kernel);
        else {
          expect(block.stride).toEqual([1, 1]);
          expect(block.kernel.every((side) => side === 2 || side === 3)).toBe(true);
        }
      });
    }),
    { numRuns: 1000 },
  );
});
