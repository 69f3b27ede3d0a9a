/** Every edit of a design's blocks, as a pure function from a design to the next. Blocks are named by their index. */
import type { Block, Design, MirrorOverrides } from '../../src-shared/gan/block.ts';
import { convBlock, denseBlock, maxBlocks, unusedId } from '../../src-shared/gan/block.ts';
import { withBlock, withBlocks } from '../../src-shared/gan/problem.ts';
import { AppError } from '../../src-shared/errors.ts';

const blocksOf = (design: Design): Block[] => design.discriminator.blocks;

/**
 * Puts blocks into the gap before index `gap`, with ids of their own.
 * @throws AppError `design.too-many-blocks`
 */
export function insertBlocks(design: Design, gap: number, added: readonly Block[]): Design {
  let blocks = blocksOf(design);
  if (blocks.length + added.length > maxBlocks) {
    throw new AppError(
      'design.too-many-blocks',
      `A discriminator has at most ${maxBlocks} blocks. Delete some first.`,
    );
  }
  added.forEach((block, i) => {
    blocks = blocks.toSpliced(gap + i, 0, { ...block, id: unusedId(blocks) });
  });
  return withBlocks(design, blocks);
}

/**
 * A new block that fits into the gap: among the convolutions one that keeps the shape, behind a fully connected block a fully
 * connected one of the same width.
 */
export function newBlock(design: Design, gap: number): Block {
  const blocks = blocksOf(design);
  const before = blocks[gap - 1];
  const activation = { kind: 'leakyRelu' as const, slope: 0.2 };
  if (before?.kind === 'dense' || (before !== undefined && gap === blocks.length)) {
    const last = gap === blocks.length;
    const outFeatures = last ? 1 : before.kind === 'dense' ? before.outFeatures : 64;
    return denseBlock({ id: 'new', outFeatures, ...(last ? {} : { activation }) });
  }
  return convBlock({
    id: 'new',
    outChannels: before?.outChannels ?? 32,
    kernel: [3, 3],
    stride: [1, 1],
    norm: gap > 0 ? 'batch' : 'none',
    activation,
  });
}

export function removeBlocks(design: Design, indices: readonly number[]): Design {
  return withBlocks(
    design,
    blocksOf(design).filter((_, index) => !indices.includes(index)),
  );
}

/** Moves blocks, together and in their order, into the gap before index `gap` (as counted before the move). */
export function moveBlocks(design: Design, indices: readonly number[], gap: number): Design {
  const blocks = blocksOf(design);
  const moved = blocks.filter((_, index) => indices.includes(index));
  const keeps = (index: number) => !indices.includes(index);
  return withBlocks(design, [
    ...blocks.slice(0, gap).filter((_, i) => keeps(i)),
    ...moved,
    ...blocks.slice(gap).filter((_, i) => keeps(gap + i)),
  ]);
}

/** Copies behind the last of them. */
export function duplicateBlocks(design: Design, indices: readonly number[]): Design {
  const copies = blocksOf(design).filter((_, index) => indices.includes(index));
  return insertBlocks(design, Math.max(...indices) + 1, copies);
}

export function setBlock(design: Design, index: number, block: Block): Design {
  return withBlock(design, index, block);
}

/** The same block as the other kind, with all that both kinds have. */
export function withKind(block: Block, kind: Block['kind']): Block {
  const { id, norm, spectralNorm, minibatchStddev, activation, dropout, mirror, bias } = block;
  const shared = { id, norm, spectralNorm, minibatchStddev, activation, dropout, mirror, bias };
  if (kind === block.kind) return block;
  return block.kind === 'conv'
    ? denseBlock({ ...shared, outFeatures: block.outChannels })
    : convBlock({ ...shared, outChannels: block.outFeatures, kernel: [3, 3], stride: [1, 1] });
}

/** A value of the mirrored block, set by hand. */
export function unlinked<K extends keyof MirrorOverrides>(
  block: Block,
  key: K,
  value: NonNullable<MirrorOverrides[K]>,
): Block {
  return { ...block, mirror: { ...block.mirror, [key]: value } };
}

/** A value of the mirrored block, derived again. */
export function linked(block: Block, key: keyof MirrorOverrides): Block {
  const { [key]: _, ...mirror } = block.mirror;
  return { ...block, mirror };
}
