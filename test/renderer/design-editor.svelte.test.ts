import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convBlock, maxBlocks } from '../../src-shared/gan/block.ts';
import { check } from '../../src-shared/gan/check.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { DesignEditor } from '../../src-renderer/state/design-editor.svelte.ts';
import { linked, unlinked, withKind } from '../../src-renderer/state/edits.ts';
import type { History } from '../../src-shared/gan/history.ts';
import { startHistory } from '../../src-shared/gan/history.ts';

const dcgan = presets.find(({ name }) => name === 'dcgan-64')!.design;
const open = (changed?: (history: History) => void) => new DesignEditor(startHistory(dcgan), changed);
const ids = (editor: DesignEditor) => editor.design.discriminator.blocks.map(({ id }) => id);
const blockAt = (editor: DesignEditor, index: number) => editor.design.discriminator.blocks[index]!;

/** Anything a person does to the blocks, at places drawn between 0 and 1. */
type Deed = (editor: DesignEditor) => void;
const place = fc.double({ min: 0, max: 0.999, noNaN: true });
const at = (editor: DesignEditor, where: number, extra = 0) =>
  Math.floor(where * (editor.design.discriminator.blocks.length + extra));
const some = (editor: DesignEditor) => editor.design.discriminator.blocks.length > 0;

const deed: fc.Arbitrary<Deed> = fc.oneof(
  place.map(
    (where): Deed =>
      (editor) =>
        editor.add(at(editor, where, 1)),
  ),
  place.map(
    (where): Deed =>
      (editor) =>
        some(editor) && editor.remove([at(editor, where)]),
  ),
  place.map(
    (where): Deed =>
      (editor) =>
        some(editor) && editor.duplicate([at(editor, where)]),
  ),
  fc.tuple(place, place).map(
    ([from, to]): Deed =>
      (editor) =>
        some(editor) && editor.move([at(editor, from)], at(editor, to, 1)),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 9 })).map(([where, channels]): Deed => (editor) => {
    const index = at(editor, where);
    if (!some(editor)) return;
    const block = withKind(blockAt(editor, index), 'conv');
    if (block.kind === 'conv')
      editor.setBlock(index, { ...block, outChannels: channels }, 'change the channels', 'channels');
  }),
  place.map((where): Deed => (editor) => {
    const index = at(editor, where);
    if (some(editor)) editor.setBlock(index, unlinked(blockAt(editor, index), 'bias', true), 'unlink');
  }),
  place.map((where): Deed => (editor) => {
    const repairs = check(editor.design).flatMap((problem) => problem.repairs);
    const repair = repairs[Math.floor(where * repairs.length)];
    if (repair !== undefined) editor.edit(repair.design, repair.label);
  }),
  fc.constant<Deed>((editor) => editor.settle()),
  fc.constant<Deed>((editor) => editor.undo()),
  fc.constant<Deed>((editor) => editor.redo()),
);

function redoAll(editor: DesignEditor): void {
  while (editor.canRedo) editor.redo();
}

describe('undo and redo', () => {
  it('lead from any edits back to the start, and forward to the end again', () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 40 }), (deeds) => {
        const editor = open();
        for (const act of deeds) act(editor);
        redoAll(editor);
        const end = editor.design;
        while (editor.canUndo) editor.undo();
        expect(editor.design).toEqual(dcgan);
        redoAll(editor);
        expect(editor.design).toEqual(end);
      }),
      { numRuns: 60 },
    );
  });

  it('take the keystrokes in one field as one step, and those after leaving it as another', () => {
    const editor = open();
    const type = (outChannels: number) => {
      const block = blockAt(editor, 0);
      if (block.kind === 'conv')
        editor.setBlock(0, { ...block, outChannels }, 'change the channels', 'channels');
    };
    type(9);
    type(96);
    editor.settle();
    type(7);
    expect(editor.undoes).toBe('change the channels of block 1');
    editor.undo();
    expect(blockAt(editor, 0)).toMatchObject({ outChannels: 96 });
    editor.undo();
    expect(editor.design).toEqual(dcgan);
    expect(editor.canUndo).toBe(false);
  });

  it('end the edit that goes on: the next keystroke in the same field is a step of its own', () => {
    const editor = open();
    const type = (outChannels: number) => {
      const block = blockAt(editor, 0);
      if (block.kind === 'conv')
        editor.setBlock(0, { ...block, outChannels }, 'change the channels', 'channels');
    };
    editor.edit({ ...editor.design, name: 'mine' }, 'change the name');
    type(9);
    editor.undo();
    type(7);
    editor.undo();
    expect(editor.undoes).toBe('change the name');
  });

  it('have no step for an edit that changes nothing', () => {
    const editor = open();
    editor.edit({ ...dcgan }, 'nothing');
    editor.move([2], 2);
    editor.move([2], 3);
    expect(editor.canUndo).toBe(false);
  });

  it('lose what could be redone with the next edit, and tell the keeper of every change', () => {
    const kept: number[] = [];
    const editor = open((history) => kept.push(history.at));
    editor.remove([0]);
    editor.undo();
    editor.remove([1]);
    expect(editor.canRedo).toBe(false);
    expect(kept).toEqual([1, 0, 1]);
  });
});

describe('blocks', () => {
  it('move together, in their order', () => {
    const editor = open();
    editor.move([3, 1], 0);
    expect(ids(editor)).toEqual(['b2', 'b4', 'b1', 'b3', 'b5']);
    editor.undo();
    editor.move([0, 1], 5);
    expect(ids(editor)).toEqual(['b3', 'b4', 'b5', 'b1', 'b2']);
  });

  it('do not move beyond the ends', () => {
    const editor = open();
    editor.nudge([0, 2], -1);
    editor.nudge([4], 1);
    expect(ids(editor)).toEqual(ids(open()));
  });

  it('added between convolutions keep every shape; the mirror follows', () => {
    const editor = open();
    for (let gap = 1; gap < 5; gap += 1) editor.add(gap);
    expect(editor.pair.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(editor.pair.rows[0]?.mirrored?.output).toEqual(dcgan.discriminator.image);
    expect(editor.opened).toBe(editor.pair.rows[editor.selection[0]!]!.key);
  });

  it('are refused beyond the most that there may be, in words', () => {
    const editor = open();
    const many = Array.from({ length: maxBlocks - 4 }, () => convBlock({ id: 'x', outChannels: 1 }));
    editor.insert(0, many, 'paste');
    expect(editor.notice).toContain(`at most ${maxBlocks} blocks`);
    expect(editor.canUndo).toBe(false);
  });

  it('with the same id are rows of their own, and can be repaired', () => {
    const twins = dcgan.discriminator.blocks.map((block) => ({ ...block, id: 'twin' }));
    const editor = new DesignEditor(
      startHistory({ ...dcgan, discriminator: { ...dcgan.discriminator, blocks: twins } }),
    );
    expect(new Set(editor.pair.rows.map(({ key }) => key)).size).toBe(5);
    const [problem, ...others] = editor.pair.problems.filter(({ severity }) => severity === 'error');
    expect(problem).toMatchObject({ code: 'same-id' });
    expect(others).toEqual([]);
    expect(editor.pair.rows[0]?.problems).toContainEqual(problem);
    editor.edit(problem!.repairs[0]!.design, 'repair');
    expect(new Set(ids(editor)).size).toBe(5);
  });

  it('set a value of their mirror by hand, and let it go again', () => {
    const editor = open();
    editor.setBlock(1, unlinked(blockAt(editor, 1), 'activation', { kind: 'gelu' }), 'unlink');
    expect(editor.pair.rows[1]?.mirrored?.activation).toEqual({ kind: 'gelu' });
    editor.setBlock(1, linked(blockAt(editor, 1), 'activation'), 'link');
    expect(editor.design).toEqual(dcgan);
    const both = unlinked(unlinked(blockAt(editor, 1), 'activation', { kind: 'gelu' }), 'bias', true);
    expect(linked(both, 'activation').mirror).toEqual({ bias: true });
    expect(linked(both, 'bias').mirror).toEqual({ activation: { kind: 'gelu' } });
  });
});

describe('the selection', () => {
  it('grows by toggling and by ranges, and forgets what is deleted', () => {
    const editor = open();
    editor.select([1]);
    editor.selectTo(3);
    expect(editor.selection).toEqual([1, 2, 3]);
    editor.toggle('b3');
    expect(editor.selection).toEqual([1, 3]);
    editor.remove([1]);
    expect(editor.selection).toEqual([2]);
  });
});

describe('a design without a mirror', () => {
  it('says why, and keeps the shapes up to there', () => {
    const editor = open();
    const block = blockAt(editor, 2);
    if (block.kind === 'conv') editor.setBlock(2, { ...block, kernel: [40, 40] }, 'change the kernel');
    expect(editor.pair.obstacle).toContain('Block 3 does not fit');
    expect(editor.pair.totals).toBeNull();
    expect(editor.pair.rows.map(({ shapes }) => shapes === null)).toEqual([false, false, true, true, true]);
    expect(editor.pair.rows[2]?.problems).toMatchObject([{ code: 'kernel-too-large' }]);
  });
});
