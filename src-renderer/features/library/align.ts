/** The blocks of several designs side by side, each beside those that it resembles most. Pure. */
import type { Block } from '../../../src-shared/gan/block.ts';

/** One entry a design; null where it has no such block. */
export type AlignedBlocks = readonly (Block | null)[];

/**
 * Each design's blocks stay in their order. One design after the other is laid beside those before it, so that the sum of resemblances is
 * as large as possible (Needleman and Wunsch 1970, without a penalty for gaps).
 */
export function alignBlocks(designs: readonly (readonly Block[])[]): AlignedBlocks[] {
  return designs.reduce<AlignedBlocks[]>((rows, blocks, i) => layBeside(rows, blocks, i), []);
}

/** Share of what is equal, and whether it is the same block of one design's history; 0 for different kinds, which never stand together. */
function resemblance(a: Block, b: Block): number {
  if (a.kind !== b.kind) return 0;
  const { id: _a, ...rest } = a;
  const { id: _b, ...others } = b;
  const texts = new Map(Object.entries(others).map(([name, value]) => [name, JSON.stringify(value)]));
  const values = Object.entries(rest);
  const same = values.filter(([name, value]) => texts.get(name) === JSON.stringify(value)).length;
  return same / values.length + (a.id === b.id ? 0.25 : 0);
}

function layBeside(rows: readonly AlignedBlocks[], blocks: readonly Block[], width: number): AlignedBlocks[] {
  const scores = rows.map((row) =>
    blocks.map((block) => Math.max(...row.map((other) => (other === null ? 0 : resemblance(other, block))))),
  );
  /** The largest sum for the rows from i on and the blocks from j on. */
  const best = Array.from({ length: rows.length + 1 }, () => new Array<number>(blocks.length + 1).fill(0));
  for (let i = rows.length - 1; i >= 0; i -= 1)
    for (let j = blocks.length - 1; j >= 0; j -= 1) {
      const score = scores[i]![j]!;
      const together = score > 0 ? score + best[i + 1]![j + 1]! : 0;
      best[i]![j] = Math.max(together, best[i + 1]![j]!, best[i]![j + 1]!);
    }
  const none: null[] = new Array<null>(width).fill(null);
  const laid: AlignedBlocks[] = [];
  let i = 0;
  let j = 0;
  while (i < rows.length || j < blocks.length) {
    const score = scores[i]?.[j] ?? 0;
    if (score > 0 && best[i]![j] === score + best[i + 1]![j + 1]!) laid.push([...rows[i++]!, blocks[j++]!]);
    else if (j >= blocks.length || (i < rows.length && best[i]![j] === best[i + 1]![j]!))
      laid.push([...rows[i++]!, null]);
    else laid.push([...none, blocks[j++]!]);
  }
  return laid;
}
