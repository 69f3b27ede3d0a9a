/**
 * A history as text, so that no edit is lost when the page is. States share most of their blocks: each block is written once, and
 * a state names its blocks by number.
 */
import * as v from 'valibot';
import { Block, Design, Discriminator } from '../../src-shared/gan/block.ts';
import type { Entry, History } from './history.ts';

const index = v.pipe(v.number(), v.integer(), v.minValue(0));

const Draft = v.strictObject({
  version: v.literal(1),
  at: index,
  blocks: v.array(Block),
  entries: v.pipe(
    v.array(
      v.strictObject({
        what: v.string(),
        name: Design.entries.name,
        latentDim: Design.entries.latentDim,
        image: Discriminator.entries.image,
        blocks: v.array(index),
      }),
    ),
    v.minLength(1),
  ),
});

export function formatDraft({ entries, at }: History): string {
  const numbers = new Map<Block, number>();
  const number = (block: Block): number => {
    const known = numbers.get(block);
    if (known !== undefined) return known;
    numbers.set(block, numbers.size);
    return numbers.size - 1;
  };
  const states = entries.map(({ what, design: { name, latentDim, discriminator } }) => ({
    what,
    name,
    latentDim,
    image: discriminator.image,
    blocks: discriminator.blocks.map(number),
  }));
  return JSON.stringify({ version: 1, at, blocks: [...numbers.keys()], entries: states });
}

/** Reads what {@link formatDraft} wrote; null for anything else. */
export function parseDraft(text: string): History | null {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return null;
  }
  const draft = v.safeParse(Draft, data);
  if (!draft.success) return null;
  const { at, blocks, entries } = draft.output;
  const complete = entries.every((entry) => entry.blocks.every((number) => number < blocks.length));
  if (!complete || at >= entries.length) return null;
  return {
    at,
    entries: entries.map(({ what, name, latentDim, image, blocks: numbers }): Entry => ({
      what,
      design: { name, latentDim, discriminator: { image, blocks: numbers.map((number) => blocks[number]!) } },
    })),
  };
}

/** What {@link storeDraft} needs of the page's `localStorage`. */
export type DraftStorage = Pick<Storage, 'getItem' | 'setItem'>;

const key = 'ganvas.design';

/** Without the older half of what can be undone, or, where nothing can, without what can be redone. */
function halved({ entries, at }: History): History {
  const first = Math.ceil(at / 2);
  return { entries: entries.slice(first, at === 0 ? 1 : entries.length), at: at - first };
}

/**
 * Keeps a history in the browser. Where it has grown too large for that, the oldest undo steps go.
 * @throws DOMException where the browser keeps nothing at all
 */
export function storeDraft(storage: DraftStorage, history: History): void {
  let kept = history;
  for (;;) {
    try {
      storage.setItem(key, formatDraft(kept));
      return;
    } catch (error) {
      if (kept.entries.length === 1) throw error;
      kept = halved(kept);
    }
  }
}

export function storedDraft(storage: DraftStorage): History | null {
  const text = storage.getItem(key);
  return text === null ? null : parseDraft(text);
}
