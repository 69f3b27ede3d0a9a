/** All that the columns show of a design: one row a block, with its mirror, its shapes and what is wrong with it. */
import { AppError } from '../../src-shared/errors.ts';
import type { Block, Design, Shape } from '../../src-shared/gan/block.ts';
import type { Problem } from '../../src-shared/gan/check.ts';
import { check } from '../../src-shared/gan/check.ts';
import type { GeneratorBlock } from '../../src-shared/gan/mirror.ts';
import { mirror } from '../../src-shared/gan/mirror.ts';
import type { BlockShapes } from '../../src-shared/gan/shape.ts';
import { discriminatorShapes } from '../../src-shared/gan/shape.ts';
import type { BlockSummary, DesignSummary } from '../../src-shared/gan/summary.ts';
import { summary } from '../../src-shared/gan/summary.ts';

export interface Row {
  /** Unique in the design, even where two blocks have the same id. */
  key: string;
  index: number;
  block: Block;
  /** Null from the first block on that does not fit. */
  shapes: BlockShapes | null;
  /** Null while the design has no mirror. */
  mirrored: GeneratorBlock | null;
  problems: Problem[];
  costs: { discriminator: BlockSummary; generator: BlockSummary } | null;
}

export interface DesignPair {
  rows: Row[];
  image: Shape;
  /** Why there is no mirror; null when there is one. */
  obstacle: string | null;
  totals: DesignSummary | null;
  problems: Problem[];
}

function mirrorOf(design: Design): {
  blocks: GeneratorBlock[];
  totals: DesignSummary | null;
  obstacle: string | null;
} {
  try {
    const { blocks } = mirror(design.discriminator, design.latentDim);
    return { blocks: blocks.toReversed(), totals: summary(design), obstacle: null };
  } catch (error) {
    if (error instanceof AppError) return { blocks: [], totals: null, obstacle: error.message };
    throw error;
  }
}

export function designPair(design: Design): DesignPair {
  const { blocks, image } = design.discriminator;
  const shapes = discriminatorShapes(design.discriminator);
  const { blocks: mirrored, totals, obstacle } = mirrorOf(design);
  const problems = check(design);
  const seen = new Map<string, number>();
  const rows = blocks.map((block, index): Row => {
    const earlier = seen.get(block.id) ?? 0;
    seen.set(block.id, earlier + 1);
    const discriminator = totals?.discriminator.blocks[index];
    const generator = totals?.generator.blocks[blocks.length - 1 - index];
    return {
      key: earlier === 0 ? block.id : `${block.id}#${earlier}`,
      index,
      block,
      shapes: shapes[index] ?? null,
      mirrored: mirrored[index] ?? null,
      // One of several blocks with the same id speaks for all of them.
      problems: earlier === 0 ? problems.filter((problem) => problem.blockId === block.id) : [],
      costs: discriminator === undefined || generator === undefined ? null : { discriminator, generator },
    };
  });
  return { rows, image, obstacle, totals, problems };
}
