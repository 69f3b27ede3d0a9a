/** Two windows that edited the same experiment: what either edited is in what comes out. */
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { Content } from '../../src-renderer/state/merge.ts';
import { mergeContents, mergeHistories, same } from '../../src-renderer/state/merge.ts';
import type { Block } from '../../src-shared/gan/block.ts';
import { Design, unusedId } from '../../src-shared/gan/block.ts';
import type { History } from '../../src-shared/gan/history.ts';
import { commit, present, startHistory, undo } from '../../src-shared/gan/history.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { withBlocks } from '../../src-shared/gan/problem.ts';
import { defaultHyperparameters, defaultLimits } from '../../src-shared/training.ts';
import { validDesign } from '../shared/arbitrary-design.ts';

const contentOf = (design: Design): Content => ({
  design,
  hyperparameters: defaultHyperparameters(),
  measuring: defaultMeasuring(),
  limits: defaultLimits(),
  engine: 'auto',
  imageSettings: null,
  source: null,
});

const content = validDesign.map(contentOf);

type Path = readonly (string | number)[];

/** Everything that is edited by itself: numbers, words, switches and pairs. */
function fieldsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null || (Array.isArray(value) && typeof value[0] === 'number'))
    return [path];
  return Object.entries(value)
    .filter(([key]) => key !== 'id' && key !== 'kind')
    .flatMap(([key, inside]) => fieldsOf(inside, [...path, Array.isArray(value) ? Number(key) : key]));
}

function edited(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return `${value}x`;
  return Array.isArray(value) ? [value[1], Number(value[0]) + 1] : 5;
}

function withEdit<T>(value: T, [key, ...rest]: Path): T {
  if (key === undefined) return edited(value) as T;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<
    string | number,
    unknown
  >;
  copy[key] = withEdit(copy[key], rest);
  return copy as T;
}

const withEdits = (from: Content, fields: readonly Path[]): Content => fields.reduce(withEdit, from);
const blocksOf = ({ design }: Content) => design.discriminator.blocks;
const idsOf = (from: Content) => blocksOf(from).map(({ id }) => id);
const withBlocksOf = (from: Content, blocks: Block[]): Content => ({
  ...from,
  design: withBlocks(from.design, blocks),
});

const preset = contentOf(presets[0]!.design);

describe('what two windows have edited', () => {
  it('is all there, whichever of them saves first, where they edited different fields', () => {
    fc.assert(
      fc.property(
        content,
        fc.infiniteStream(fc.constantFrom('ours', 'theirs', 'nobody')),
        (base, editors) => {
          const fields = fieldsOf(base).map((field) => [editors.next().value, field] as const);
          const of = (who: string) => fields.filter(([editor]) => editor === who).map(([, field]) => field);
          const [ours, theirs] = [withEdits(base, of('ours')), withEdits(base, of('theirs'))];
          const both = { content: withEdits(ours, of('theirs')), conflicts: [] };
          expect(mergeContents(base, ours, theirs)).toEqual(both);
          expect(mergeContents(base, theirs, ours)).toEqual(both);
        },
      ),
    );
  });

  it('is ours where both edited one field, and that field is named', () => {
    fc.assert(
      fc.property(content, fc.nat(), (base, chosen) => {
        const fields = fieldsOf(base);
        const field = fields[chosen % fields.length]!;
        const theirs = withEdits(base, [field]);
        const ours = withEdits(theirs, [field]);
        const { content, conflicts } = mergeContents(base, ours, theirs);
        // Twice changed, a switch is as it was: then only they have changed it.
        expect(content).toEqual(same(base, ours) ? theirs : ours);
        expect(conflicts).toHaveLength(same(base, ours) ? 0 : 1);
      }),
    );
  });

  it('is in words as the page has them', () => {
    const kernel = ['design', 'discriminator', 'blocks', 1, 'kernel'];
    const rate = ['hyperparameters', 'generator', 'learningRate'];
    const ours = withEdits(preset, [kernel, rate, ['design', 'latentDim'], ['hyperparameters', 'batch']]);
    const theirs = withEdits(ours, [kernel, rate, ['design', 'latentDim'], ['hyperparameters', 'batch']]);
    expect(mergeContents(preset, ours, theirs).conflicts).toEqual([
      'the length of z',
      'the kernel of block 2',
      'the batch',
      'the learning rate of the generator',
    ]);
  });

  it('holds the blocks that either has added, and not those that either has deleted', () => {
    const deleteSome = (from: Content, gone: readonly boolean[], parity: number) =>
      withBlocksOf(
        from,
        blocksOf(from).filter((_, i) => i % 2 !== parity || gone[i] !== true),
      );
    const add = (from: Content, at: number, outFeatures: number) => {
      const id = unusedId(blocksOf(from));
      const block: Block = { ...blocksOf(preset)[0]!, id, outChannels: outFeatures } as Block;
      return withBlocksOf(from, blocksOf(from).toSpliced(at % (blocksOf(from).length + 1), 0, block));
    };
    const gone = fc.array(fc.boolean(), { maxLength: 10 });
    fc.assert(
      fc.property(content, gone, gone, fc.nat(), fc.nat(), (base, ourGone, theirGone, ourGap, theirGap) => {
        const ours = deleteSome(add(base, ourGap, 301), ourGone, 0);
        const theirs = deleteSome(add(base, theirGap, 302), theirGone, 1);
        const { content, conflicts } = mergeContents(base, ours, theirs);
        const stay = idsOf(base).filter((id) => idsOf(ours).includes(id) && idsOf(theirs).includes(id));
        expect(idsOf(content).filter((id) => idsOf(base).includes(id))).toEqual(stay);
        const widths = blocksOf(content).map((block) => ('outChannels' in block ? block.outChannels : 0));
        const has = (from: Content, width: number) =>
          blocksOf(from).some((block) => 'outChannels' in block && block.outChannels === width);
        expect(widths.includes(301)).toBe(has(ours, 301));
        expect(widths.includes(302)).toBe(has(theirs, 302));
        expect(conflicts).toEqual([]);
      }),
    );
  });

  it('holds edits of blocks that the other window has moved', () => {
    fc.assert(
      fc.property(content, fc.infiniteStream(fc.nat()), (base, keys) => {
        const order = blocksOf(base).map((block) => [keys.next().value, block] as const);
        const moved = withBlocksOf(
          base,
          order.toSorted(([a], [b]) => a - b).map(([, block]) => block),
        );
        const changed = withEdits(base, fieldsOf(base));
        for (const merged of [mergeContents(base, moved, changed), mergeContents(base, changed, moved)]) {
          expect(idsOf(merged.content)).toEqual(idsOf(moved));
          for (const block of blocksOf(merged.content)) expect(blocksOf(changed)).toContainEqual(block);
          expect(merged.conflicts).toEqual([]);
        }
      }),
    );
  });

  it('keeps a block that one has deleted and the other has changed only where the change came later', () => {
    const without = withBlocksOf(preset, blocksOf(preset).slice(1));
    const changed = withEdits(preset, [['design', 'discriminator', 'blocks', 0, 'kernel']]);
    expect(mergeContents(preset, changed, without)).toEqual({ content: changed, conflicts: ['block 1'] });
    expect(mergeContents(preset, without, changed)).toEqual({ content: without, conflicts: ['a block'] });
  });

  it('is ours where blocks cannot be told apart: none is lost', () => {
    const [block] = blocksOf(preset);
    const twins = withBlocksOf(preset, [block!, block!]);
    const ours = withEdits(twins, [['design', 'discriminator', 'blocks', 0, 'kernel']]);
    const theirs = withEdits(twins, [['design', 'discriminator', 'blocks', 1, 'stride']]);
    expect(mergeContents(twins, ours, theirs)).toEqual({
      content: ours,
      conflicts: ['the order or number of the blocks'],
    });
  });

  it('is a design that can be saved, whatever the two have become', () => {
    fc.assert(
      fc.property(content, content, content, (base, ours, theirs) => {
        const { design } = mergeContents(base, ours, theirs).content;
        expect(v.is(Design, design)).toBe(true);
        const ids = design.discriminator.blocks.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
    const many = (width: number) =>
      withBlocksOf(
        preset,
        Array.from({ length: 60 }, (_, i) => ({ ...blocksOf(preset)[0]!, id: `w${width}-${i}` })),
      );
    const { content: merged, conflicts } = mergeContents(preset, many(1), many(2));
    expect(merged).toEqual(many(1));
    expect(conflicts).toEqual(['the order or number of the blocks']);
  });
});

describe('the history of what was brought together', () => {
  const named = (from: History, name: string): History =>
    commit(from, { design: { ...present(from).design, name }, what: `call it ${name}` });
  const sized = (from: History, latentDim: number): History =>
    commit(from, { design: { ...present(from).design, latentDim }, what: `length ${latentDim}` });
  const start = startHistory(presets[0]!.design);
  const mergedDesign = (base: History, ours: History, theirs: History) =>
    mergeContents(
      contentOf(present(base).design),
      contentOf(present(ours).design),
      contentOf(present(theirs).design),
    ).content.design;

  it('leads by Undo through every state of the other', () => {
    const [ours, theirs] = [named(start, 'a'), sized(sized(start, 8), 9)];
    const design = mergedDesign(start, ours, theirs);
    const merged = mergeHistories(theirs, ours, design);
    expect(present(merged).design).toEqual({ ...present(start).design, name: 'a', latentDim: 9 });
    expect(undo(merged).entries.slice(0, merged.at)).toEqual(theirs.entries);
  });

  it('is ours where the other has changed nothing', () => {
    const ours = named(named(start, 'a'), 'b');
    expect(mergeHistories(start, ours, present(ours).design)).toBe(ours);
  });

  it('is theirs, without one more step, where both have come to the same design', () => {
    const theirs = named(named(start, 'b'), 'a');
    expect(mergeHistories(theirs, named(start, 'a'), present(theirs).design)).toBe(theirs);
  });

  it('keeps what they have undone undone, where ours goes on from there', () => {
    const base = sized(start, 8);
    const [ours, theirs] = [named(base, 'a'), undo(base)];
    const merged = mergeHistories(theirs, ours, mergedDesign(base, ours, theirs));
    expect(present(merged).design).toEqual({ ...present(start).design, name: 'a' });
  });
});
