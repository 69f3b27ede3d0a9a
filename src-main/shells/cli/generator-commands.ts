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
import { whileWaiting } from './waiting.ts';

const defaultCount = 64;

/** How a file of a format ends; null: the format is a folder of files. */
const endings: Readonly<Record<ExportFormat, string | null>> = {
  onnx: '.onnx',
  png: '.png',
  tfjs: null,
  safetensors: null,
};
/** What nobody would call a folder. */
const fileEndings = ['.bin', '.json', '.onnx', '.png', '.pt', '.pth', '.safetensors', '.zip'];

/** @throws UsageError for a name that says something else than what will be there */
function requireEnding(format: ExportFormat, out: string): void {
  const ending = extname(out).toLowerCase();
  const wanted = endings[format];
  if (wanted === null && fileEndings.includes(ending))
    throw new UsageError(`--format ${format} writes a folder: --out names one, without "${ending}".`);
  if (wanted !== null && ending !== wanted)
    throw new UsageError(`--format ${format} writes a file: --out must end in ${wanted}.`);
}

/** How near what was written comes to the trainer's images. @param difference of a pixel at most, on the scale -1..1 */
function nearness(format: ExportFormat, difference: number): string {
  if (format !== 'png')
    return `Run from the file, it gives the trainer's images; largest difference ${difference.toExponential(1)}.`;
  const levels = (difference * 255) / 2;
  return `Read back, it shows the trainer's images, rounded to a picture's 256 levels: no value is off by more than ${levels.toFixed(2)} of a level.`;
}

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
    const sampling = withEarlier(words, app.generator.sample(id, options, signal));
    await whileWaiting(output, 'drawing images', sampling);
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
  requireEnding(format, path);
  const wanted = words.integer('step', 0, mostSteps);
  const app = openToChange(words);
  try {
    const { id } = namedRun(app, which, words);
    const options = { format, path, ...(wanted === undefined ? {} : { step: wanted }) };
    const exporting = withEarlier(words, app.generator.export(id, options, signal));
    const { bytes, difference, step } = await whileWaiting(output, 'writing and trying it', exporting);
    output.json({ type: 'export', format, path, bytes, difference, step });
    output.line(`Wrote ${path} (${formatBytes(bytes)}, generator of step ${step}).`);
    output.line(nearness(format, difference));
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
  for (const { name, available, device, memoryBytes, note } of engines) {
    output.json({ type: 'engine', name, available, device, memoryBytes, note });
    const memory = memoryBytes === null ? '' : `, ${formatBytes(memoryBytes)} of memory`;
    output.line(`${name.padEnd(14)} ${available ? `${device}${memory}` : 'not here'}`);
    for (const line of wrap(note, ' '.repeat(15))) output.line(line);
  }
  return 0;
}
