/**
 * Exports in a process of its own: `child.ts <format> <path> [without-rights]`, that is as a user without rights where this one has
 * all. Prints one line of JSON: what came out of it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportGenerator } from '../../src-main/trainer/export/export.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { toErrorData } from '../../src-shared/errors.ts';
import { ExportFormat } from '../../src-shared/trainer-protocol.ts';
import * as v from 'valibot';
import { spread, trainedCheckpoint } from './designs.ts';

const [format, path = '', rights] = process.argv.slice(2);
const checkpoint = trainedCheckpoint(spread['DCGAN, colour']!);

async function run(target: string): Promise<unknown> {
  try {
    return await exportGenerator(v.parse(ExportFormat, format), target, checkpoint, onnxEngine(1));
  } catch (error) {
    return toErrorData(error);
  }
}

if (rights === 'without-rights') {
  // Once with rights, so that all is loaded that may not be read without.
  const folder = mkdtempSync(join(tmpdir(), 'ganvas-export-'));
  await run(join(folder, 'first'));
  rmSync(folder, { recursive: true });
  if (process.getuid?.() === 0) process.setuid?.(65534);
}
process.stdout.write(`${JSON.stringify(await run(path))}\n`);
