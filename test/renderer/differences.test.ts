import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignBlocks } from '../../src-renderer/features/library/align.ts';
import type { Fact } from '../../src-renderer/features/library/differences.ts';
import {
  blockDifferences,
  differing,
  runDifferences,
} from '../../src-renderer/features/library/differences.ts';
import type { Block, Design } from '../../src-shared/gan/block.ts';
import { convBlock } from '../../src-shared/gan/block.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import type { Run } from '../../src-shared/library.ts';
import { anyDesign, validDesign } from '../shared/arbitrary-design.ts';
import { aRun } from './library-content.ts';

const fact: fc.Arbitrary<Fact> = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'));

describe('differing facts', () => {
  it('are exactly those with more than one value', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fact, { maxLength: 4 }), { minLength: 1, maxLength: 4 }), (columns) => {
        const told = new Map(differing(columns).map(({ name, values }) => [name, values]));
        for (const name of ['a', 'b', 'c']) {
          const values = columns.map((facts) => new Map(facts).get(name) ?? null);
          if (new Set(values).size > 1) expect(told.get(name)).toEqual(values);
          else expect(told.has(name)).toBe(false);
        }
      }),
    );
  });
});

describe('aligned blocks', () => {
  it('are those of each design, all of them and in order, none beside another kind', () => {
    fc.assert(
      fc.property(fc.array(anyDesign, { minLength: 1, maxLength: 4 }), (designs) => {
        const blocks = designs.map(({ discriminator }) => discriminator.blocks);
        const rows = alignBlocks(blocks);
        for (const [i, own] of blocks.entries())
          expect(rows.map((row) => row[i]).filter((block) => block !== null)).toEqual(own);
        for (const row of rows) {
          expect(row).toHaveLength(designs.length);
          expect(new Set(row.flatMap((block) => (block === null ? [] : [block.kind]))).size).toBe(1);
        }
      }),
      { numRuns: 50 },
    );
  });

  const blocks = [4, 8, 16].map((outChannels, i) => convBlock({ id: `b${i + 1}`, outChannels }));
  const ids = (rows: readonly (readonly (Block | null)[])[]) =>
    rows.map((row) => row.map((block) => block?.id ?? null));

  it('step aside for one that was put between them', () => {
    const added = convBlock({ id: 'new', outChannels: 8, kernel: [3, 3], stride: [1, 1] });
    expect(ids(alignBlocks([blocks, blocks.toSpliced(1, 0, added)]))).toEqual([
      ['b1', 'b1'],
      [null, 'new'],
      ['b2', 'b2'],
      ['b3', 'b3'],
    ]);
  });

  it('find each other among three designs', () => {
    expect(ids(alignBlocks([blocks, blocks.toSpliced(1, 1), blocks.slice(1)]))).toEqual([
      ['b1', 'b1', null],
      ['b2', null, 'b2'],
      ['b3', 'b3', 'b3'],
    ]);
  });
});

describe('designs', () => {
  it('without a difference have none', () => {
    fc.assert(
      fc.property(validDesign, (design) => {
        expect(blockDifferences([design, design, design])).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it('that differ are told apart, whatever they are', () => {
    fc.assert(
      fc.property(anyDesign, anyDesign, (a, b) => {
        for (const { differences } of blockDifferences([a, b]))
          for (const { values } of differences) expect(values[0]).not.toBe(values[1]);
      }),
      { numRuns: 50 },
    );
  });

  const { design } = presets.find(({ design: { name } }) => name === 'small-32')!;
  const changed = (change: (blocks: Block[]) => Block[]): Design => ({
    ...design,
    discriminator: { ...design.discriminator, blocks: change(design.discriminator.blocks) },
  });

  it('say what a change does in both networks', () => {
    const wider = changed((blocks) =>
      blocks.map((block, i) => (i === 1 && block.kind === 'conv' ? { ...block, outChannels: 99 } : block)),
    );
    const groups = blockDifferences([design, wider]);
    expect(groups.map(({ title }) => title)).toEqual([
      'Discriminator, block 2',
      'Discriminator, block 3',
      'Generator, block 2',
      'Generator, block 3',
    ]);
    expect(groups[0]!.differences.find(({ name }) => name === 'channels')?.values[1]).toBe('99');
    expect(groups[2]!.differences.find(({ name }) => name === 'gives')?.values[1]).toMatch(/×99$/);
    expect(groups.flatMap(({ differences }) => differences).some(({ name }) => name === 'kernel')).toBe(
      false,
    );
  });

  it('say which block is missing, in both networks', () => {
    const added = convBlock({ id: 'new', outChannels: 5, kernel: [3, 3], stride: [1, 1], padding: [1, 1] });
    const groups = blockDifferences([design, changed((blocks) => blocks.toSpliced(1, 0, added))]);
    const missing = groups.filter(({ differences }) => differences[0]?.name === 'block');
    expect(missing.map(({ title, differences }) => [title, differences[0]!.values])).toEqual([
      ['Discriminator, block 2', [null, 'convolution']],
      [`Generator, block ${design.discriminator.blocks.length}`, [null, 'transposed convolution']],
    ]);
  });
});

describe('runs', () => {
  const apart = (...runs: Partial<Run>[]) => runDifferences(runs.map(aRun), (source) => source);

  it('that are the same but for their course have no differences', () => {
    expect(apart({ step: 1, state: 'done' }, { step: 9, state: 'running', name: 'other' })).toEqual([]);
  });

  it('differ in settings, seed and engine', () => {
    const { hyperparameters } = aRun({});
    const [training, ...others] = apart(
      { seed: 1, engine: 'onnx' },
      { seed: 2, engine: 'cuda', hyperparameters: { ...hyperparameters, batch: 32, loss: 'hinge' } },
    );
    expect(others).toEqual([]);
    expect(training?.title).toBe('Training');
    expect(training?.differences).toEqual([
      { name: 'loss', values: ['non-saturating', 'hinge'] },
      { name: 'batch', values: ['64', '32'] },
      { name: 'seed', values: ['1', '2'] },
      { name: 'engine', values: ['onnx', 'cuda'] },
    ]);
  });

  it('differ in images: by what they are, or else by their content', () => {
    const { dataset } = aRun({});
    expect(apart({}, { dataset: { ...dataset, count: 65, fingerprint: 'other' } })).toEqual([
      { title: 'Images', differences: [{ name: 'how many', values: ['64', '65'] }] },
    ]);
    expect(apart({}, { dataset: { ...dataset, fingerprint: 'other' } })).toEqual([
      {
        title: 'Images',
        differences: [{ name: 'content', values: ['fingerprint f0f0f0f0', 'fingerprint other'] }],
      },
    ]);
  });
});
