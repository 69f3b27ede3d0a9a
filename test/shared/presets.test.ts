import fc from 'fast-check';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { Design } from '../../src-shared/gan/block.ts';
import { check } from '../../src-shared/gan/check.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import { dcgan, presets } from '../../src-shared/gan/presets.ts';
import { discriminatorShapes } from '../../src-shared/gan/shape.ts';
import { summary } from '../../src-shared/gan/summary.ts';

const designOf = (name: string) => presets.find((preset) => preset.name === name)!.design;

test('names are unique, fit for a command line, and the name of the design', () => {
  const names = presets.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(presets.map(({ title }) => title)).size).toBe(names.length);
  for (const { name, design } of presets) {
    expect(name).toMatch(/^[a-z]+-\d+(-grey)?$/);
    expect(design.name).toBe(name);
    expect(v.safeParse(Design, design).success).toBe(true);
  }
});

test('each has the size and the colours that its name and its words promise', () => {
  for (const { name, title, description, design } of presets) {
    const { image } = design.discriminator;
    const resolution = Number(/\d+/.exec(name)![0]);
    expect([image.height, image.width]).toEqual([resolution, resolution]);
    expect(title).toContain(String(resolution));
    expect(description).toContain(`${resolution} pixels`);
    expect(image.channels).toBe(description.startsWith('Grey') ? 1 : 3);
    if (name.endsWith('grey')) expect(image.channels).toBe(1);
  }
});

test('every usual size is there, in colour and in grey (28 pixels: in grey)', () => {
  const offered = presets.map(
    ({ design: { discriminator } }) => `${discriminator.image.height}/${discriminator.image.channels}`,
  );
  for (const wanted of ['28/1', '32/1', '32/3', '64/1', '64/3', '128/1', '128/3'])
    expect(offered).toContain(wanted);
});

test('the small ones are an order of magnitude cheaper than the classic ones of their size', () => {
  for (const resolution of [32, 64, 128]) {
    const [small, classic] = [`small-${resolution}`, `dcgan-${resolution}`].map(
      (name) => summary(designOf(name)).stepMultiplyAdds,
    );
    expect(classic! / small!).toBeGreaterThan(5);
  }
});

test('digits-28 halves 28 to 14, 7 and 4, and its mirror comes back through them', () => {
  const { discriminator, latentDim } = designOf('digits-28');
  const heights = discriminatorShapes(discriminator).map(({ output }) => output.height);
  expect(heights).toEqual([14, 7, 4, 1]);
  const mirrored = mirror(discriminator, latentDim).blocks;
  expect(mirrored.map(({ output }) => [output.height, output.width])).toEqual([
    [4, 4],
    [7, 7],
    [14, 14],
    [28, 28],
  ]);
  expect(mirrored.map((block) => block.kind === 'convTranspose' && block.outputPadding)).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
});

test('a DCGAN can be made for any image: it fits, the schema takes it, and nothing is wrong with it', () => {
  const side = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1024 }));
  fc.assert(
    fc.property(side, side, fc.integer({ min: 1, max: 4 }), (height, width, channels) => {
      const design = dcgan('any', { height, width, channels }, 24, 64);
      expect(v.safeParse(Design, design).success).toBe(true);
      // Large ones cost what they cost.
      expect(check(design).filter(({ code }) => code !== 'costly')).toEqual([]);
      const last = discriminatorShapes(design.discriminator).at(-1)!;
      expect(Math.max(last.input.height, last.input.width)).toBeLessThan(8);
      const image = mirror(design.discriminator, 64).blocks.at(-1)!.output;
      expect(image).toEqual({ height, width, channels });
    }),
    { numRuns: 2000 },
  );
});

test('large images stay within the reach of a laptop: narrow where the pixels are many, 512 channels where they are few', () => {
  const widths = (side: number) =>
    dcgan('any', { height: side, width: side, channels: 3 }, 24, 64).discriminator.blocks.map((block) =>
      block.kind === 'conv' ? block.outChannels : 0,
    );
  expect(widths(128)).toEqual([24, 48, 96, 192, 384, 1]);
  expect(widths(256)).toEqual([12, 24, 48, 96, 192, 384, 1]);
  expect(widths(512)).toEqual([8, 16, 32, 64, 128, 256, 512, 1]);
  expect(widths(1024)).toEqual([8, 16, 32, 64, 128, 256, 512, 512, 1]);
  for (const [side, parameters, activations] of [
    [256, 4e6, 2.6e6],
    [512, 7e6, 7.4e6],
    [1024, 15e6, 30e6],
  ] as const) {
    const { discriminator, generator } = summary(
      dcgan('any', { height: side, width: side, channels: 3 }, 24, 64),
    );
    expect(discriminator.parameters + generator.parameters).toBeLessThan(parameters);
    expect(discriminator.activations + generator.activations).toBeLessThan(activations);
  }
});

test('a base above the cap is kept, not narrowed on the way', () => {
  const { blocks } = dcgan('wide', { height: 32, width: 32, channels: 3 }, 600, 64).discriminator;
  expect(blocks.map((block) => block.kind === 'conv' && block.outChannels)).toEqual([600, 600, 600, 1]);
});

test('a long strip is halved along its long side only, once the short one is short', () => {
  const { blocks } = dcgan('strip', { height: 8, width: 32, channels: 3 }, 8, 16).discriminator;
  expect(blocks.map((block) => block.kind === 'conv' && [block.kernel, block.stride])).toEqual([
    [
      [4, 4],
      [2, 2],
    ],
    [
      [3, 4],
      [1, 2],
    ],
    [
      [3, 4],
      [1, 2],
    ],
    [
      [4, 4],
      [1, 1],
    ],
  ]);
});
