/** `ganvas sample`, `export`, `engines`: what a trainer process is asked for. */
import { resolve } from 'node:path';
import { ExportFormat } from '../../../src-shared/trainer-protocol.ts';
import { askTrainer } from '../../core/ask-trainer.ts';
import { pinnedNode } from '../node-binary.ts';
import { createTrainerHost } from '../trainer-host.ts';
import { openApp } from './library.ts';
import type { Words } from './options.ts';
import type { Output } from './output.ts';
import { formatBytes } from './output.ts';
import { UsageError } from './usage.ts';

const defaultCount = 64;

export async function sampleCommand(words: Words, output: Output): Promise<void> {
  words.allow(['count', 'seed', 'out'], 1);
  const which = words.argument('the number, id or name of a run');
  const file = resolve(words.required('out'));
  const count = words.integer('count', 1, 10_000) ?? defaultCount;
  const seed = words.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? 1;
  const app = openApp(words, 'read');
  try {
    await app.generator.sample(app.runs.find(which).id, { count, seed, file });
    output.json({ type: 'sample', path: file, count, seed });
    output.line(`${count} images in ${file}`);
  } finally {
    app.close();
  }
}

export async function exportCommand(words: Words, output: Output): Promise<void> {
  words.allow(['format', 'out'], 1);
  const which = words.argument('the number, id or name of a run');
  const format = words.choice('format', ExportFormat);
  if (format === undefined) throw new UsageError(`export needs --format ${ExportFormat.options.join('|')}.`);
  const path = resolve(words.required('out'));
  const app = openApp(words, 'write');
  try {
    const { bytes, difference, step } = await app.generator.export(app.runs.find(which).id, format, path);
    output.json({ type: 'export', format, path, bytes, difference, step });
    output.line(`Wrote ${path} (${formatBytes(bytes)}, generator of step ${step}).`);
    output.line(`Run from the file, it gives the trainer's images; largest difference ${difference.toExponential(1)}.`);
  } finally {
    app.close();
  }
}

export async function enginesCommand(words: Words, output: Output): Promise<void> {
  words.allow([]);
  const { engines } = await askTrainer(createTrainerHost(pinnedNode()), { type: 'engines' }, 'engines');
  for (const { name, available, device, note } of engines) {
    output.json({ type: 'engine', name, available, device, note });
    output.line(`${available ? '+' : '-'} ${name.padEnd(10)} ${device ?? 'not here'}`);
    output.line(`  ${note}`);
  }
}
