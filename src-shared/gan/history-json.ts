/**
 * A history as plain data, so that undo and redo are kept with the design. States share most of their blocks: each block is written once,
 * and a state names its blocks by number.
 */
import * as v from 'valibot';
import { Block, Design, Discriminator } from './block.ts';
import type { Entry, History } from './history.ts';
import { halved } from './history.ts';

const index = v.pipe(v.number(), v.integer(), v.minValue(0));

export const PackedHistory = v.pipe(
  v.strictObject({
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
  }),
  v.check(({ at, entries }) => at < entries.length, 'names a state that is not there'),
  v.check(
    ({ blocks, entries }) => entries.every((entry) => entry.blocks.every((number) => number < blocks.length)),
    'names a block that is not there',
  ),
);
export type PackedHistory = v.InferOutput<typeof PackedHistory>;

export function packHistory({ entries, at }: History): PackedHistory {
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
  return { version: 1, at, blocks: [...numbers.keys()], entries: states };
}

/** The inverse of {@link packHistory}. */
export function unpackHistory({ at, blocks, entries }: PackedHistory): History {
  return {
    at,
    entries: entries.map(({ what, name, latentDim, image, blocks: numbers }): Entry => ({
      what,
      design: { name, latentDim, discriminator: { image, blocks: numbers.map((number) => blocks[number]!) } },
    })),
  };
}

/**
 * A history in at most so many characters of JSON: where it is longer, the oldest states go, never the present one. What is short
 * enough comes back as it is.
 */
export function shortened(packed: PackedHistory, characters: number): PackedHistory {
  let kept = packed;
  while (kept.entries.length > 1 && JSON.stringify(kept).length > characters) {
    kept = packHistory(halved(unpackHistory(kept)));
  }
  return kept;
}
