/** Sizes by counting and by PyTorch's documented formulas, written without a look at the implementation. */
import type { Block, Design } from '../../src-shared/gan/block.ts';
import type { GeneratorBlock } from '../../src-shared/gan/mirror.ts';

type Size = [height: number, width: number, channels: number];

/** How often a kernel can be laid down on a padded axis. */
export function convPositions(n: number, kernel: number, stride: number, padding: number): number {
  let positions = 0;
  for (let start = 0; start + kernel <= n + 2 * padding; start += stride) positions += 1;
  return positions;
}

/** Full windows of max pooling on an axis. */
export function poolWindows(n: number, window: number): number {
  let windows = 0;
  while ((windows + 1) * window <= n) windows += 1;
  return windows;
}

/** Why a block gives nothing, or what it gives. */
export function forward(block: Block, input: Size): 'kernel' | 'pool' | { convolved: Size; output: Size } {
  if (block.kind === 'dense') {
    const output: Size = [1, 1, block.outFeatures];
    return { convolved: output, output };
  }
  const { kernel, stride, padding, maxPool, outChannels } = block;
  const rows = convPositions(input[0], kernel[0], stride[0], padding[0]);
  const columns = convPositions(input[1], kernel[1], stride[1], padding[1]);
  if (rows === 0 || columns === 0) return 'kernel';
  const pooled: Size = [poolWindows(rows, maxPool[0]), poolWindows(columns, maxPool[1]), outChannels];
  if (pooled[0] === 0 || pooled[1] === 0) return 'pool';
  return { convolved: [rows, columns, outChannels], output: pooled };
}

/** What a generator's block gives, by the documentation of nn.Upsample, nn.ReplicationPad2d and nn.ConvTranspose2d. */
export function backward(block: GeneratorBlock, input: Size): Size {
  if (block.kind === 'dense') {
    return [block.output.height, block.output.width, block.output.channels];
  }
  const { unpool, edge, kernel, stride, padding, outputPadding, output } = block;
  const along = (axis: 0 | 1) => {
    const upsampled = input[axis] * unpool[axis] + edge[axis];
    return (
      (upsampled - 1) * stride[axis] - 2 * padding[axis] + 1 * (kernel[axis] - 1) + outputPadding[axis] + 1
    );
  };
  return [along(0), along(1), output.channels];
}

/** An error as `code` and the block that it must stand on. */
export interface ExpectedError {
  code: string;
  blockId: string | null;
}

/** Shape behind the last block; null when a block does not fit. */
function lastSize({ discriminator: { image, blocks } }: Design): Size | null {
  let size: Size = [image.height, image.width, image.channels];
  for (const block of blocks) {
    const result = forward(block, size);
    if (typeof result === 'string') return null;
    size = result.output;
  }
  return size;
}

/** The error because of which a design has no mirror; undefined when it has one. */
export function obstacle(design: Design): ExpectedError | undefined {
  const preventing = ['no-blocks', 'conv-after-dense', 'kernel-too-large', 'pool-too-large'];
  const errors = expectedErrors(design);
  const size = lastSize(design);
  const spread = size !== null && size[0] * size[1] > 1;
  return (
    errors.find(({ code }) => preventing.includes(code)) ??
    errors.find(({ code }) => spread && code === 'not-one-number')
  );
}

/** The errors that a design must have, from the rules in words. */
export function expectedErrors(design: Design): ExpectedError[] {
  const { blocks, image } = design.discriminator;
  const ids = blocks.map((block) => block.id);
  const twins = ids.filter((id, i) => ids.indexOf(id) < i);
  if (twins.length > 0) return [...new Set(twins)].map((blockId) => ({ code: 'same-id', blockId }));
  const first = blocks[0];
  const last = blocks.at(-1);
  if (first === undefined || last === undefined) return [{ code: 'no-blocks', blockId: null }];

  const errors: ExpectedError[] = [];
  const firstDense = ids.find((_, i) => blocks[i]?.kind === 'dense');
  const late = blocks.filter(
    (block, i) => block.kind === 'conv' && firstDense !== undefined && i > ids.indexOf(firstDense),
  );
  errors.push(...late.map((block) => ({ code: 'conv-after-dense', blockId: block.id })));
  if (late.length === 0) {
    let size: Size | null = [image.height, image.width, image.channels];
    for (const block of blocks) {
      const result = forward(block, size);
      if (typeof result === 'string') {
        errors.push({ code: `${result}-too-large`, blockId: block.id });
        size = null;
        break;
      }
      size = result.output;
    }
    if (size !== null && size[0] * size[1] * size[2] !== 1) {
      errors.push({ code: 'not-one-number', blockId: last.id });
    }
  }
  if (last.activation.kind !== 'none') errors.push({ code: 'activated-verdict', blockId: last.id });
  if (last.norm !== 'none' || last.dropout !== 0) errors.push({ code: 'altered-verdict', blockId: last.id });
  const { outChannels } = first.mirror;
  if (outChannels !== undefined && outChannels !== image.channels) {
    errors.push({ code: 'image-channels', blockId: first.id });
  }
  return errors;
}
