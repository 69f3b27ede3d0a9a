import { expect, it } from 'vitest';
import type { Design } from '../../src-shared/gan/block.ts';
import { convBlock } from '../../src-shared/gan/block.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { designPair } from '../../src-renderer/state/design-pair.ts';
import { derivedValues } from '../../src-renderer/state/reasons.ts';

function reasons(design: Design, index: number): Record<string, string> {
  const { rows } = designPair(design);
  const values = derivedValues(rows[index]!, rows.length);
  return Object.fromEntries(values.map(({ label, value, reason }) => [label, `${value}: ${reason}`]));
}

function oneConvolution(parts: Partial<Parameters<typeof convBlock>[0]>): Design {
  const { discriminator, ...rest } = presets[0]!.design;
  const image = { height: 8, width: 7, channels: 3 };
  const blocks = [convBlock({ id: 'a', outChannels: 4, ...parts })];
  return { ...rest, discriminator: { ...discriminator, image, blocks } };
}

it('says why the output padding is what it is, along both axes where they differ', () => {
  const blocks = [
    convBlock({ id: 'a', outChannels: 4, kernel: [3, 3] }),
    convBlock({ id: 'b', outChannels: 1, kernel: [4, 4], stride: [1, 1], padding: [0, 0] }),
  ];
  const base = oneConvolution({});
  const design = { ...base, discriminator: { ...base.discriminator, blocks } };
  expect(reasons(design, 0)['Output padding']).toBe(
    '1x0: height: stride 2 → output padding 1, because 8 → 4, and without it 4 would come back as 7; width: stride 2 → output padding 0, because 7 → 4, and 4 comes back as 7 by itself',
  );
});

it('tells what pooling has left over', () => {
  const pooled = oneConvolution({ kernel: [1, 1], stride: [1, 1], padding: [0, 0], maxPool: [8, 5] });
  expect(reasons(pooled, 0)['Un-pooling']).toContain('pooling left 0x2 rows and columns over');
});

it('gives the reasons of DCGAN at both ends and in the middle', () => {
  const { design } = presets.find(({ name }) => name === 'dcgan-64')!;
  expect(reasons(design, 0)['Activation']).toBe('tanh: tanh, because the image has values from -1 to 1.');
  expect(reasons(design, 0)['Norm']).toMatch(/^none: None: this block gives the image itself/);
  expect(reasons(design, 2)['Activation']).toMatch(/^relu: relu, because a generator takes the plain unit/);
  expect(reasons(design, 2)['Norm']).toBe('batch: As in block 3.');
  expect(reasons(design, 4)['Norm']).toMatch(/^batch: Batch norm: this block reads z/);
});
