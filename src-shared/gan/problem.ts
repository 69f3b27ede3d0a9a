import type { Block, Design, Pair } from './block.ts';

export interface Repair {
  /** What the button says: `Set the kernel to 2x2`. */
  label: string;
  /** The whole design after the repair. */
  design: Design;
}

export interface Problem {
  /** An error makes training impossible; a warning is advice. */
  severity: 'error' | 'warning';
  /** Stable name, such as `kernel-too-large`. */
  code: string;
  /** The block it stands on; null when the design as a whole is meant. */
  blockId: string | null;
  message: string;
  /** The best one first. */
  repairs: Repair[];
}

export function withBlocks(design: Design, blocks: Block[]): Design {
  return { ...design, discriminator: { ...design.discriminator, blocks } };
}

export function withBlock(design: Design, index: number, block: Block): Design {
  return withBlocks(design, design.discriminator.blocks.with(index, block));
}

/** `4x4`: height, width. */
export function formatPair([height, width]: Pair): string {
  return `${height}x${width}`;
}

/** What a person calls the block: `Block 1` for index 0. */
export function blockName(index: number): string {
  return `Block ${index + 1}`;
}
