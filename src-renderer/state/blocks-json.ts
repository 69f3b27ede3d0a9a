/** Blocks on the clipboard: JSON that a person can read, paste into a message and paste back. */
import * as v from 'valibot';
import { AppError } from '../../src-shared/errors.ts';
import { Block, maxBlocks } from '../../src-shared/gan/block.ts';

const format = 'ganvas-blocks';

const BlocksFile = v.strictObject({
  format: v.literal(format),
  version: v.literal(1),
  blocks: v.pipe(v.array(Block), v.minLength(1), v.maxLength(maxBlocks)),
});

export function formatBlocks(blocks: readonly Block[]): string {
  return JSON.stringify({ format, version: 1, blocks }, null, 2);
}

/** Whether a text says of itself that it holds blocks (and not a whole design, or anything else). */
export function looksLikeBlocks(text: string): boolean {
  return text.trimStart().startsWith('{') && text.slice(0, 200).includes(`"${format}"`);
}

/**
 * Reads what {@link formatBlocks} wrote.
 * @throws AppError `blocks.not-json`, `blocks.invalid` (with the place)
 */
export function parseBlocks(text: string): Block[] {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError('blocks.not-json', `What was pasted is not JSON: ${why}`);
  }
  const result = v.safeParse(BlocksFile, data);
  if (result.success) return result.output.blocks;
  const issue = result.issues[0];
  const place = v.getDotPath(issue) ?? 'the start';
  throw new AppError('blocks.invalid', `The pasted blocks are damaged at ${place}: ${issue.message}.`, {
    place,
  });
}
