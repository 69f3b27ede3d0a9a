import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import type { Block, ConvBlock, Design } from '../../src-shared/gan/block.ts';
import { convBlock, denseBlock, Design as DesignSchema } from '../../src-shared/gan/block.ts';
import type { Problem } from '../../src-shared/gan/check.ts';
import { check, errorsOf } from '../../src-shared/gan/check.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { summary } from '../../src-shared/gan/summary.ts';
import { anyDesign, validDesign } from './arbitrary-design.ts';
import { expectedErrors } from './reference.ts';

const key = ({ code, blockId }: { code: string; blockId: string | null }) => `${code} on ${blockId}`;
const keys = (problems: readonly { code: string; blockId: string | null }[]) => problems.map(key).sort();

/** Designs near the border between fitting and not: one that fits with a block of another spoiling it. */
const spoiltDesign: fc.Arbitrary<Design> = fc
  .record({ design: validDesign, other: anyDesign, at: fc.nat(), insert: fc.boolean() })
  .map(({ design, other, at, insert }) => {
    const { blocks } = design.discriminator;
    const strange = other.discriminator.blocks;
    const index = at % blocks.length;
    const block = strange[at % Math.max(1, strange.length)];
    const spoilt = block === undefined ? blocks.slice(1) : blocks.toSpliced(index, insert ? 0 : 1, block);
    return { ...design, discriminator: { ...design.discriminator, blocks: spoilt } };
  });

const unknownDesign = fc.oneof(anyDesign, spoiltDesign);

describe('over random designs', () => {
  test('those that fit have no errors, and neither mirror nor summary throws', () => {
    fc.assert(
      fc.property(validDesign, (design) => {
        expect(v.safeParse(DesignSchema, design).success).toBe(true);
        expect(errorsOf(design)).toEqual([]);
        mirror(design.discriminator, design.latentDim);
        summary(design);
      }),
      { numRuns: 2000 },
    );
  });

  test('the others have exactly the errors that the rules name, each on its block', () => {
    fc.assert(
      fc.property(unknownDesign, (design) => {
        const errors = errorsOf(design);
        expect(keys(errors)).toEqual(keys(expectedErrors(design)));
        expect(check(design).filter(({ severity }) => severity === 'error')).toEqual(errors);
        if (errors.length === 0) summary(design);
      }),
      { numRuns: 5000 },
    );
  });

  test('every repair of an error is a design, and takes that error away', () => {
    fc.assert(
      fc.property(unknownDesign, (design) => {
        for (const error of errorsOf(design)) {
          expect(error.repairs.length).toBeGreaterThan(0);
          for (const repair of error.repairs) {
            expect(v.safeParse(DesignSchema, repair.design).success).toBe(true);
            expect(keys(errorsOf(repair.design))).not.toContain(key(error));
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('pressing the first repair again and again ends in a design that fits', () => {
    fc.assert(
      fc.property(unknownDesign, (design) => {
        const { length } = design.discriminator.blocks;
        let current = design;
        let steps = 0;
        for (let [error] = errorsOf(current); error !== undefined; [error] = errorsOf(current)) {
          current = error.repairs[0]!.design;
          steps += 1;
          // At most: ids once, then for each block its place, kernel and pooling, and four things about the ends.
          expect(steps).toBeLessThanOrEqual(1 + length + 3 * length + 5);
        }
        summary(current);
      }),
      { numRuns: 3000 },
    );
  });

  test('every repair of a warning takes it away and brings no error', () => {
    fc.assert(
      fc.property(fc.oneof(validDesign, unknownDesign), (design) => {
        const problems = check(design);
        const errors = errorsOf(design);
        fc.pre(!errors.some(({ code }) => code === 'same-id'));
        for (const warning of problems.filter(({ severity }) => severity === 'warning')) {
          for (const repair of warning.repairs) {
            expect(v.safeParse(DesignSchema, repair.design).success).toBe(true);
            expect(errorsOf(repair.design).length).toBeLessThanOrEqual(errors.length);
            expect(keys(check(repair.design))).not.toContain(key(warning));
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('errors come before warnings, and a design is not changed by looking at it', () => {
    fc.assert(
      fc.property(unknownDesign, (design) => {
        const before = structuredClone(design);
        const severities = check(design).map(({ severity }) => severity);
        expect(severities).toEqual(severities.toSorted());
        expect(design).toEqual(before);
      }),
      { numRuns: 1000 },
    );
  });
});

const conv = (id: string, rest: Partial<ConvBlock> = {}) =>
  convBlock({ id, outChannels: 8, activation: { kind: 'leakyRelu', slope: 0.2 }, ...rest });
const head = denseBlock({ id: 'head', outFeatures: 1 });

/** A design of 16x16 pixels in colour. */
function of(...blocks: Block[]): Design {
  const image = { height: 16, width: 16, channels: 3 };
  return { name: 'example', latentDim: 8, discriminator: { image, blocks } };
}

function only(design: Design): Problem {
  const problems = check(design);
  expect(problems).toHaveLength(1);
  return problems[0]!;
}

const repaired = (problem: Problem, nth = 0): Block[] => problem.repairs[nth]!.design.discriminator.blocks;

describe('what a person reads and presses', () => {
  test('a kernel larger than its input', () => {
    const problem = only(of(conv('a', { kernel: [24, 4], stride: [2, 2] }), head));
    expect(problem).toMatchObject({ severity: 'error', code: 'kernel-too-large', blockId: 'a' });
    expect(problem.message).toBe(
      'Block 1: a kernel of 24x4 does not fit on its input of 16x16x3, 18x18 with padding.',
    );
    expect(problem.repairs.map(({ label }) => label)).toEqual([
      'Set the kernel to 18x4',
      'Set the padding to 4x1',
    ]);
    expect(repaired(problem)[0]).toMatchObject({ kernel: [18, 4], padding: [1, 1] });
    expect(repaired(problem, 1)[0]).toMatchObject({ kernel: [24, 4], padding: [4, 1] });
  });

  test('a pooling larger than what it pools', () => {
    const problem = only(of(conv('a', { maxPool: [2, 9] }), head));
    expect(problem).toMatchObject({ code: 'pool-too-large', blockId: 'a' });
    expect(problem.message).toBe('Block 1: max pooling of 2x9 is larger than the 8x8 that it pools.');
    expect(repaired(problem)[0]).toMatchObject({ maxPool: [2, 8] });
    expect(repaired(problem, 1)[0]).toMatchObject({ maxPool: [1, 1] });
  });

  test('a convolution behind a fully connected block', () => {
    const problem = only(of(conv('a'), denseBlock({ id: 'flat', outFeatures: 4 }), conv('b'), head));
    expect(problem).toMatchObject({ code: 'conv-after-dense', blockId: 'b' });
    expect(repaired(problem).map(({ id }) => id)).toEqual(['a', 'b', 'flat', 'head']);
    expect(repaired(problem, 1).map(({ id }) => id)).toEqual(['a', 'flat', 'head']);
  });

  test('three blocks of one name', () => {
    const problem = only(of(conv('b1'), conv('b1'), { ...head, id: 'b1' }));
    expect(problem).toMatchObject({ code: 'same-id', blockId: 'b1' });
    expect(repaired(problem).map(({ id }) => id)).toEqual(['b1', 'b2', 'b3']);
  });

  test('no blocks at all', () => {
    const problem = only(of());
    expect(problem).toMatchObject({ code: 'no-blocks', blockId: null });
    expect(repaired(problem)).toMatchObject([{ kind: 'dense', outFeatures: 1 }]);
  });

  test('an end of many numbers: a head is added, or the last kernel covers everything', () => {
    const problem = only(of(conv('a'), conv('b', { activation: { kind: 'none' } })));
    expect(problem).toMatchObject({ code: 'not-one-number', blockId: 'b' });
    expect(problem.message).toContain('gives 4x4x8');
    expect(repaired(problem)).toHaveLength(3);
    expect(repaired(problem)[2]).toMatchObject({ kind: 'dense', outFeatures: 1 });
    expect(repaired(problem, 1)[1]).toMatchObject({ kernel: [8, 8], stride: [1, 1], padding: [0, 0] });
  });

  test('an end of many numbers in a design of a hundred blocks, which has no room for one more', () => {
    const point = (_: unknown, i: number) =>
      convBlock({ id: `b${i}`, outChannels: 2, kernel: [1, 1], stride: [1, 1], padding: [0, 0] });
    const blocks = Array.from({ length: 100 }, point);
    const problem = only(of(...blocks));
    expect(problem.repairs[0]!.label).toBe('Make it a fully connected block with one output');
    expect(repaired(problem)).toHaveLength(100);
    expect(errorsOf(problem.repairs[0]!.design)).toEqual([]);
  });

  test('a verdict that is normalised and dropped is left alone by one press', () => {
    const problem = only(of(conv('a'), { ...head, norm: 'batch', bias: false, dropout: 0.5 }));
    expect(problem).toMatchObject({ code: 'altered-verdict', blockId: 'head' });
    expect(problem.repairs.map(({ label }) => label)).toEqual(['Switch normalisation and dropout off']);
    expect(repaired(problem)[1]).toMatchObject({ norm: 'none', dropout: 0 });
  });

  test('a verdict squashed by an activation', () => {
    const problem = only(of(conv('a'), { ...head, activation: { kind: 'sigmoid' } }));
    expect(problem).toMatchObject({ code: 'activated-verdict', blockId: 'head' });
    expect(repaired(problem)[1]).toMatchObject({ activation: { kind: 'none' } });
  });

  test('a mirror whose image has other channels: linked again, what else is set stays', () => {
    const problem = only(of(conv('a', { mirror: { outChannels: 1, bias: true } }), head));
    expect(problem).toMatchObject({ code: 'image-channels', blockId: 'a' });
    expect(repaired(problem)[0]!.mirror).toEqual({ bias: true });
  });

  test('advice never stands in the way', () => {
    const design = of(
      conv('a', { norm: 'batch', bias: true, mirror: { activation: { kind: 'relu' }, bias: true } }),
      conv('b', { kernel: [3, 3] }),
      conv('c', { kernel: [1, 2], padding: [0, 2] }),
      head,
    );
    const problems = check(design);
    expect(errorsOf(design)).toEqual([]);
    expect(keys(problems)).toEqual(
      [
        'norm-on-image on a',
        'image-range on a',
        'bias-before-norm on a',
        'checkerboard on b',
        'skipped-pixels on c',
        'padding-only on c',
      ].sort(),
    );
    const range = problems.find(({ code }) => code === 'image-range')!;
    expect(repaired(range)[0]!.mirror).toEqual({ bias: true });
    const pattern = problems.find(({ code }) => code === 'checkerboard')!;
    expect(repaired(pattern)[1]).toMatchObject({ kernel: [4, 4] });
  });

  test('advice that would break the design is given without the button', () => {
    // 7 pixels become 4 with a kernel of 3; one of 4 would leave 3, and the last kernel of 4 would not fit.
    const { design } = presets.find(({ name }) => name === 'digits-28')!;
    const halved = design.discriminator.blocks.map((block) =>
      block.id === 'b3' && block.kind === 'conv'
        ? convBlock({ ...block, kernel: [3, 3], stride: [2, 2], padding: [1, 1] })
        : block,
    );
    expect(only({ ...design, discriminator: { ...design.discriminator, blocks: halved } })).toMatchObject({
      code: 'checkerboard',
      blockId: 'b3',
      repairs: [],
    });
  });

  test('a kernel laid down once leaves no checkerboard', () => {
    const design = of(
      conv('a', { kernel: [4, 4] }),
      convBlock({ id: 'b', outChannels: 1, kernel: [8, 8], stride: [3, 3], padding: [0, 0] }),
    );
    expect(check(design)).toEqual([]);
  });
});

describe('the presets', () => {
  test.each(presets.map((preset) => [preset.name, preset] as const))(
    '%s is free of problems',
    (_name, preset) => expect(keys(check(preset.design))).toEqual([]),
  );
});

test('a norm that would see a single number is refused, on either side, and its repair helps', () => {
  const designed = (blocks: Block[]): Design => ({
    name: 'norms',
    latentDim: 4,
    discriminator: { image: { height: 8, width: 8, channels: 1 }, blocks },
  });
  const own = designed([
    denseBlock({ id: 'a', outFeatures: 6, norm: 'instance' }),
    denseBlock({ id: 'b', outFeatures: 1 }),
  ]);
  const ofMirror = designed([
    convBlock({ id: 'a', outChannels: 4 }),
    denseBlock({ id: 'b', outFeatures: 4 }),
    denseBlock({ id: 'c', outFeatures: 1, mirror: { norm: 'instance' } }),
  ]);
  const fine = designed([
    convBlock({ id: 'a', outChannels: 4, norm: 'instance' }),
    denseBlock({ id: 'b', outFeatures: 4, norm: 'layer' }),
    denseBlock({ id: 'c', outFeatures: 1 }),
  ]);
  expect(errorsOf(own)).toMatchObject([{ code: 'norm-of-one', blockId: 'a' }]);
  expect(errorsOf(ofMirror)).toMatchObject([{ code: 'norm-of-one', blockId: 'c' }]);
  for (const wrong of [own, ofMirror]) {
    for (const { design: repaired } of errorsOf(wrong)[0]!.repairs) expect(errorsOf(repaired)).toEqual([]);
  }
  expect(errorsOf(fine)).toEqual([]);
});
