/** Random tiny designs that can be trained. */
import * as fc from 'fast-check';
import type { Activation, Block, Pair } from '../../src-shared/gan/block.ts';
import { convBlock, denseBlock, NormName } from '../../src-shared/gan/block.ts';
import { errorsOf } from '../../src-shared/gan/check.ts';
import type { Case } from './designs.ts';
import { settings } from './designs.ts';

const pair = (min: number, max: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
const activation: fc.Arbitrary<Activation> = fc.oneof(
  fc.constantFrom<Activation>({ kind: 'relu' }, { kind: 'elu' }, { kind: 'selu' }, { kind: 'gelu' }),
  fc.constantFrom<Activation>({ kind: 'swish' }, { kind: 'sigmoid' }, { kind: 'tanh' }, { kind: 'none' }),
  fc.constant<Activation>({ kind: 'leakyRelu', slope: 0.2 }),
);
const parts = {
  bias: fc.boolean(),
  norm: fc.constantFrom(...NormName.options),
  spectralNorm: fc.boolean(),
  minibatchStddev: fc.boolean(),
  activation,
  dropout: fc.constantFrom(0, 0, 0.25),
  mirror: fc.record(
    {
      outChannels: fc.integer({ min: 1, max: 4 }),
      bias: fc.boolean(),
      norm: fc.constantFrom(...NormName.options),
      spectralNorm: fc.boolean(),
      activation,
      dropout: fc.constantFrom(0, 0.25),
      upsample: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
};
const conv = fc.record({
  ...parts,
  outChannels: fc.integer({ min: 1, max: 4 }),
  kernel: pair(1, 4),
  stride: pair(1, 3),
  padding: pair(0, 3),
  maxPool: pair(1, 2),
});
const dense = fc.record({ ...parts, outFeatures: fc.integer({ min: 1, max: 5 }) });
const head = fc.record({ bias: fc.boolean(), spectralNorm: fc.boolean(), mirror: parts.mirror });

/** Designs that end in a fully connected block, and settings for one step. */
export const arbitraryCase: fc.Arbitrary<Case> = fc
  .record({
    image: fc.record({
      height: fc.integer({ min: 1, max: 9 }),
      width: fc.integer({ min: 1, max: 9 }),
      channels: fc.integer({ min: 1, max: 4 }),
    }),
    latentDim: fc.integer({ min: 1, max: 4 }),
    convs: fc.array(conv, { maxLength: 3 }),
    denses: fc.array(dense, { maxLength: 2 }),
    head,
    loss: fc.constantFrom('ns', 'ls', 'hinge'),
    batch: fc.integer({ min: 3, max: 6 }),
    halfLifeKimg: fc.constantFrom(null, 0.01),
  })
  .map(({ image, latentDim, convs, denses, head: last, loss, batch, halfLifeKimg }): Case => {
    const number = (i: number) => `b${i + 1}`;
    const blocks: Block[] = [
      ...convs.map((block, i) => convBlock({ ...block, id: number(i) })),
      ...denses.map((block, i) => denseBlock({ ...block, id: number(convs.length + i) })),
      denseBlock({ ...last, id: number(convs.length + denses.length), outFeatures: 1 }),
    ];
    // The first block's mirror gives the image, so its channels are not free.
    const { outChannels: _, ...mirror } = blocks[0]!.mirror;
    blocks[0] = { ...blocks[0]!, mirror };
    return {
      design: { name: 'random', latentDim, discriminator: { image, blocks } },
      hyperparameters: settings({ loss, batch, ema: { halfLifeKimg, rampUp: null } }),
    };
  })
  .filter(({ design }) => errorsOf(design).length === 0);
