import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { exportAs, exportGenerator } from '../../src-main/trainer/export/export.ts';
import type { Format } from '../../src-main/trainer/export/format.ts';
import { onnx } from '../../src-main/trainer/export/onnx.ts';
import { png } from '../../src-main/trainer/export/png.ts';
import { safetensors } from '../../src-main/trainer/export/safetensors.ts';
import { tfjs } from '../../src-main/trainer/export/tfjs.ts';
import { spread, trainedCheckpoint } from './designs.ts';
import { engine, errorOf, temporaryFolder } from './trained.ts';

const checkpoint = trainedCheckpoint(spread['DCGAN, colour']!);
const names = ['onnx', 'tfjs', 'safetensors', 'png'] as const;
const formats = { onnx, tfjs, safetensors, png };

const child = promisify(execFile);
const script = join(import.meta.dirname, 'child.ts');

/** What an export in a process of its own comes to. @param before shell commands that limit the process */
async function exportedBy(before: string, ...parameters: string[]): Promise<unknown> {
  const { stdout } = await child('bash', [
    '-c',
    `${before} exec "$0" "$@"`,
    process.execPath,
    script,
    ...parameters,
  ]);
  return JSON.parse(stdout) as unknown;
}

describe.each(names)('%s', (name) => {
  test.each(['a file', 'a folder', 'an empty folder', 'a dangling link'])(
    '%s is there already',
    async (what) => {
      const folder = temporaryFolder();
      const path = join(folder, 'generator');
      if (what === 'a file') writeFileSync(path, 'mine');
      if (what === 'a folder') mkdirSync(join(path, 'mine'), { recursive: true });
      if (what === 'an empty folder') mkdirSync(path);
      if (what === 'a dangling link') symlinkSync(join(folder, 'nowhere'), path);
      const before = lstatSync(path);
      const error = await errorOf(exportGenerator(name, `${path}/`, checkpoint, engine));
      expect(error).toMatchObject({ code: 'disk.exists', details: { path } });
      expect(lstatSync(path)).toEqual(before);
      expect(readdirSync(folder)).toEqual(['generator']);
    },
  );

  test('something comes to its place meanwhile', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'generator');
    const format: Format = {
      ...formats[name],
      write: async (...parameters) => {
        await formats[name].write(...parameters);
        mkdirSync(join(path, 'mine'), { recursive: true });
      },
    };
    expect((await errorOf(exportAs(format, path, checkpoint, engine))).code).toBe('disk.exists');
    expect(readdirSync(folder)).toEqual(['generator']);
    expect(readdirSync(path)).toEqual(['mine']);
  });

  test('no folder to write to', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), 'mine');
    for (const path of [join(folder, 'nowhere', 'generator'), join(folder, 'file', 'generator')]) {
      const error = await errorOf(exportGenerator(name, path, checkpoint, engine));
      expect(error).toMatchObject({ code: 'disk.no-folder', details: { path } });
      expect(error.message).toContain(dirname(path));
    }
    expect(readdirSync(folder)).toEqual(['file']);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('mine');
  });

  test.skipIf(process.platform === 'win32')('no permission to write', async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o555);
    const path = join(folder, 'generator');
    expect(await exportedBy('', name, path, 'without-rights')).toMatchObject({ code: 'disk.no-permission' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')('the disk has no room for it', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'generator');
    // No file may be larger than a kibibyte: the first write beyond that fails.
    expect(await exportedBy('ulimit -f 1;', name, path)).toMatchObject({
      code: 'disk.full',
      details: { path },
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('it is written to the end, not cut off', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'generator');
    const format = damaging(formats[name], (file) => truncateSync(file, statSync(file).size - 50));
    expect((await errorOf(exportAs(format, path, checkpoint, engine))).code).toBe('export.unreadable');
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** The format, with something happening to the file that holds its numbers before it is tried. */
function damaging(format: Format, damage: (file: string) => Promise<void> | void): Format {
  return {
    ...format,
    write: async (target, ...more) => {
      await format.write(target, ...more);
      const inside = format.kind === 'folder' ? readdirSync(target) : [];
      const numbers = inside.find((file) => file.endsWith('.bin') || file.endsWith('.safetensors'));
      await damage(numbers === undefined ? target : join(target, numbers));
    },
  };
}

/** Adds 0.01 to one weight: the first number of the file that has its value, as float32. */
function nudge(file: string, weight: number): void {
  const bytes = readFileSync(file);
  const sought = Buffer.from(Float32Array.of(weight).buffer);
  const at = bytes.indexOf(sought);
  expect(at).toBeGreaterThanOrEqual(0);
  bytes.writeFloatLE(weight + 0.01, at);
  writeFileSync(file, bytes);
}

describe('what was written differs from the trainer in a single weight', () => {
  test.each(['onnx', 'tfjs', 'safetensors'] as const)('%s', async (name) => {
    const folder = temporaryFolder();
    const path = join(folder, 'generator');
    const weight = checkpoint.state['ema.generator.2.weight']![5]!;
    const format = damaging(formats[name], (file) => nudge(file, weight));
    const error = await errorOf(exportAs(format, path, checkpoint, engine));
    expect(error).toMatchObject({ code: 'export.differs', details: { path, tolerance: 1e-4 } });
    expect(error.details['difference']).toBeGreaterThan(1e-4);
    expect(error.message).toContain(path);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('png: in a single pixel, by one grey level', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'grid.png');
    const format = damaging(png, async (file) => {
      const { data, info } = await sharp(readFileSync(file)).raw().toBuffer({ resolveWithObject: true });
      data[100] = data[100]! > 127 ? data[100]! - 1 : data[100]! + 1;
      const { width, height, channels } = info;
      await sharp(data, { raw: { width, height, channels } }).png().toFile(file);
    });
    expect((await errorOf(exportAs(format, path, checkpoint, engine))).code).toBe('export.differs');
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('a generator that gives numbers that are none', async () => {
  const folder = temporaryFolder();
  const state = {
    ...checkpoint.state,
    'ema.generator.2.weight': checkpoint.state['ema.generator.2.weight']!.map(() => NaN),
  };
  for (const name of ['onnx', 'tfjs', 'safetensors'] as const) {
    const error = await errorOf(exportGenerator(name, join(folder, name), { ...checkpoint, state }, engine));
    expect(error.code).toBe('export.differs');
  }
  expect(readdirSync(folder)).toEqual([]);
});
