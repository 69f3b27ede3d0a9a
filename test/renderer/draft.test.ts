import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { presets } from '../../src-shared/gan/presets.ts';
import { formatBlocks, looksLikeBlocks, parseBlocks } from '../../src-renderer/state/blocks-json.ts';
import type { DraftStorage } from '../../src-renderer/state/draft.ts';
import { formatDraft, parseDraft, storeDraft, storedDraft } from '../../src-renderer/state/draft.ts';
import type { History } from '../../src-shared/gan/history.ts';
import { present } from '../../src-shared/gan/history.ts';

const history: fc.Arbitrary<History> = fc
  .array(fc.constantFrom(...presets), { minLength: 1, maxLength: 30 })
  .chain((chosen) =>
    fc.record({
      entries: fc.constant(chosen.map(({ design, title }) => ({ design, what: `start from ${title}` }))),
      at: fc.integer({ min: 0, max: chosen.length - 1 }),
    }),
  );

/** A browser's storage that takes texts up to a length. */
function storage(room: number): DraftStorage {
  let kept: string | null = null;
  return {
    getItem: () => kept,
    setItem: (_key, text) => {
      if (text.length > room) throw new DOMException('full', 'QuotaExceededError');
      kept = text;
    },
  };
}

describe('a draft', () => {
  it('comes back as it was, undo and redo along with it', () => {
    fc.assert(
      fc.property(history, (written) => {
        expect(parseDraft(formatDraft(written))).toEqual(written);
      }),
    );
  });

  it('writes a block once, however many states have it', () => {
    const { design } = presets[0]!;
    const entries = Array.from({ length: 100 }, (_, i) => ({
      what: 'rename',
      design: { ...design, name: `${i}` },
    }));
    expect(formatDraft({ entries, at: 0 }).match(/outChannels/g)).toHaveLength(
      design.discriminator.blocks.length,
    );
  });

  it('loses its oldest steps where there is no room, never the present one', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 8 }), (written, share) => {
        const needed = formatDraft({ entries: [present(written)], at: 0 }).length;
        const room = storage(Math.max(needed, formatDraft(written).length / share));
        storeDraft(room, written);
        const kept = storedDraft(room);
        expect(kept === null ? null : present(kept)).toEqual(present(written));
      }),
    );
  });

  it('says so when not even the present state is taken', () => {
    const entries = [{ design: presets[0]!.design, what: 'start' }];
    expect(() => storeDraft(storage(10), { entries, at: 0 })).toThrow('full');
  });

  it.each(['', '{', '[]', '{"version":2}', '{"version":1,"at":0,"blocks":[],"entries":[]}'])(
    'is none where the text is %s',
    (text) => expect(parseDraft(text)).toBeNull(),
  );

  it('is none where a state names a block or a place that is not there', () => {
    const text = formatDraft({ entries: [{ design: presets[0]!.design, what: 'start' }], at: 0 });
    expect(parseDraft(text.replace('"at":0', '"at":1'))).toBeNull();
    expect(parseDraft(text.replace(/"blocks":\[0,/, '"blocks":[99,'))).toBeNull();
  });
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
