/** `ganvas sample`, `export`, `engines`: what a trainer process is asked for. */
import { extname, resolve } from 'node:path';
import { ExportFormat } from '../../../src-shared/trainer-protocol.ts';
import { listEngines } from '../../core/ask-trainer.ts';
import { pinnedNode } from '../node-binary.ts';
import { createTrainerHost } from '../trainer-host.ts';
import type { Interruption } from './interruption.ts';
import { namedRun, openApp, openToChange, withEarlier } from './library.ts';
import type { Words } from './options.ts';
import { mostSteps } from './options.ts';
import type { Output } from './output.ts';
import { formatBytes, formatCount, wrap } from './output.ts';
import { UsageError } from './usage.ts';

const defaultCount = 64;

export async function sampleCommand(words: Words, output: Output, { signal }: Interruption): Promise<number> {
  words.allow(['count', 'seed', 'out', 'step'], 1);
  const which = words.argument('the number, id or name of a run');
  const file = resolve(words.required('out'));
  if (extname(file).toLowerCase() !== '.png')
    throw new UsageError(`sample writes a PNG picture: --out must end in .png, not "${words.text('out')}".`);
  const count = words.integer('count', 1, 10_000) ?? defaultCount;
  const seed = words.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? 1;
  const step = words.integer('step', 0, mostSteps);
  const app = openApp(words, 'read');
  try {
    const { id } = namedRun(app, which, words);
    const options = { count, seed, file, ...(step === undefined ? {} : { step }) };
    await withEarlier(words, app.generator.sample(id, options, signal));
    output.json({ type: 'sample', path: file, count, seed });
    output.line(`${formatCount(count)} images in ${file}`);
    return 0;
  } finally {
    app.close();
  }
}

export async function exportCommand(words: Words, output: Output, { signal }: Interruption): Promise<number> {
  words.allow(['format', 'out', 'step'], 1);
  const which = words.argument('the number, id or name of a run');
  const format = words.choice('format', ExportFormat);
  if (format === undefined) throw new UsageError(`export needs --format ${ExportFormat.options.join('|')}.`);
  const path = resolve(words.required('out'));
  const wanted = words.integer('step', 0, mostSteps);
  const app = openToChange(words);
  try {
    const { id } = namedRun(app, which, words);
    const options = { format, path, ...(wanted === undefined ? {} : { step: wanted }) };
    const exporting = app.generator.export(id, options, signal);
    const { bytes, difference, step } = await withEarlier(words, exporting);
    output.json({ type: 'export', format, path, bytes, difference, step });
    output.line(`Wrote ${path} (${formatBytes(bytes)}, generator of step ${step}).`);
    output.line(
      `Run from the file, it gives the trainer's images; largest difference ${difference.toExponential(1)}.`,
    );
    return 0;
  } finally {
    app.close();
  }
}

export async function enginesCommand(
  words: Words,
  output: Output,
  { signal }: Interruption,
): Promise<number> {
  words.allow([]);
  const engines = await listEngines(createTrainerHost(pinnedNode()), signal);
  for (const { name, available, device, note } of engines) {
    output.json({ type: 'engine', name, available, device, note });
    output.line(`${name.padEnd(10)} ${available ? device : 'not here'}`);
    for (const line of wrap(note, ' '.repeat(11))) output.line(line);
  }
  return 0;
}
