/** `ganvas sample-data`: the built-in dataset as files. */
import { resolve } from 'node:path';
import { writeSampleDataset } from '../../core/sample-data.ts';
import type { Interruption } from './interruption.ts';
import type { Words } from './options.ts';
import type { Output } from './output.ts';
import { formatCount } from './output.ts';

const defaultCount = 5000;
const defaultSize = 64;

export async function sampleDataCommand(
  words: Words,
  output: Output,
  interruption: Interruption,
): Promise<number> {
  words.allow(['count', 'resolution', 'seed'], 1);
  const dir = resolve(words.argument('a folder to write to'));
  const count = words.integer('count', 1, 1_000_000) ?? defaultCount;
  const size = words.integer('resolution', 8, 512) ?? defaultSize;
  const seed = words.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? 1;
  await writeSampleDataset(dir, {
    count,
    size,
    seed,
    onProgress: (progress) => output.progress(progress),
    signal: interruption.signal,
  });
  output.json({ type: 'sample-data', path: dir, count, resolution: size, seed });
  output.line(`${formatCount(count)} images of ${size}x${size} in ${dir}`);
  return 0;
}
