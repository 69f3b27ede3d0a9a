import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { formatBlocks, looksLikeBlocks, parseBlocks } from '../../src-renderer/state/blocks-json.ts';
import { Drafts } from '../../src-renderer/state/drafts.ts';
import { defaultHyperparameters, defaultLimits } from '../../src-shared/training.ts';
import { browserStorage } from './browser-storage.ts';
import type { History } from '../../src-shared/gan/history.ts';
import { present, startHistory } from '../../src-shared/gan/history.ts';
import type { PackedHistory } from '../../src-shared/gan/history-json.ts';
import { packHistory, unpackHistory } from '../../src-shared/gan/history-json.ts';

const history: fc.Arbitrary<History> = fc
  .array(fc.constantFrom(...presets), { minLength: 1, maxLength: 30 })
  .chain((chosen) =>
    fc.record({
      entries: fc.constant(chosen.map(({ design, title }) => ({ design, what: `start from ${title}` }))),
      at: fc.integer({ min: 0, max: chosen.length - 1 }),
    }),
  );

const packed = history.map(packHistory);
const text = (draft: PackedHistory) => JSON.stringify(draft);
const base = {
  design: presets[0]!.design,
  hyperparameters: defaultHyperparameters(),
  measuring: defaultMeasuring(),
  limits: defaultLimits(),
  engine: 'auto' as const,
  imageSettings: null,
  source: null,
};
const draftOf = (edited: PackedHistory, at = 0) => ({ revision: 3, base, at, edits: { history: edited } });

describe('a draft', () => {
  it('comes back as it was, undo and redo along with it, and is then gone', () => {
    fc.assert(
      fc.property(packed, (edited) => {
        const browser = browserStorage();
        new Drafts(browser, 'one').keep('e', draftOf(edited));
        const later = new Drafts(browser, 'two');
        expect(later.take('e')).toEqual([draftOf(edited)]);
        expect(later.take('e')).toEqual([]);
      }),
    );
  });

  it("is its window's own: neither another window nor another experiment writes over it", () => {
    const [first, second] = presets.map(({ design }) => packHistory(startHistory(design)));
    const browser = browserStorage();
    const [one, two] = [new Drafts(browser, 'one'), new Drafts(browser, 'two')];
    one.keep('e', draftOf(first!, 2));
    two.keep('e', draftOf(second!, 1));
    two.keep('f', draftOf(first!));
    two.forget('f');
    expect(one.take('e')).toEqual([draftOf(second!, 1), draftOf(first!, 2)]);
  });

  it('loses its oldest steps where there is no room, never the present one', () => {
    fc.assert(
      fc.property(packed, fc.integer({ min: 1, max: 8 }), (edited, share) => {
        const now = present(unpackHistory(edited));
        const beside = JSON.stringify(base).length;
        const least = text(packHistory({ entries: [now], at: 0 })).length + 70;
        const drafts = new Drafts(
          browserStorage(beside + Math.max(least, text(edited).length / share)),
          'one',
        );
        drafts.keep('e', draftOf(edited));
        expect(present(unpackHistory(drafts.take('e')[0]!.edits.history!))).toEqual(now);
      }),
    );
  });

  it('says so when not even the present state is taken', () => {
    const drafts = new Drafts(browserStorage(10), 'one');
    expect(() => drafts.keep('e', draftOf(packHistory(startHistory(presets[0]!.design))))).toThrow('full');
  });

  it.each(['', '{', '[]', '{"revision":1,"at":0}', '{"revision":1,"at":0,"edits":{"engine":"none"}}'])(
    'is none where the text is %s',
    (damaged) => {
      const browser = browserStorage();
      browser.setItem('ganvas.draft.e.one', damaged);
      expect(new Drafts(browser, 'two').take('e')).toEqual([]);
    },
  );
});

describe('blocks on the clipboard', () => {
  const { blocks } = presets[0]!.design.discriminator;

  it('come back as they were', () => {
    expect(looksLikeBlocks(formatBlocks(blocks))).toBe(true);
    expect(parseBlocks(formatBlocks(blocks))).toEqual(blocks);
  });

  it('are refused with the place of the damage', () => {
    expect(() => parseBlocks('{"format":"ganvas-blocks"')).toThrow('not JSON');
    expect(() => parseBlocks(formatBlocks(blocks).replace('"conv"', '"cone"'))).toThrow(
      'damaged at blocks.0.kind',
    );
    expect(() => parseBlocks(formatBlocks([]))).toThrow('damaged at blocks');
  });
});
