/** `npm run setup:cuda`, with a stand-in for npm that writes down what it was told. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findCards } from '../src-main/trainer/engines/cards.ts';
import { pinnedNode } from '../src-main/shells/node-binary.ts';

const checkout = join(import.meta.dirname, '..');
const read = (name: string) => readFileSync(join(checkout, name), 'utf8');

/** @param npm lines of a shell script */
async function setUp(npm: string, args: readonly string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'ganvas-cuda-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\necho "$PWD: $*" > '${join(dir, 'told')}'\n${npm}\n`);
  chmodSync(join(bin, 'npm'), 0o755);
  const folder = join(dir, 'cuda');
  const script = join(checkout, 'tools/setup-cuda.ts');
  const before = [read('package.json'), read('package-lock.json')];
  const child = spawn(pinnedNode(), [script, '--folder', folder, ...args], {
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('close', resolve);
  const status = await promise;
  expect([read('package.json'), read('package-lock.json')]).toEqual(before);
  const told = existsSync(join(dir, 'told')) ? readFileSync(join(dir, 'told'), 'utf8') : null;
  return { dir, folder, status, output, told };
}

const hasCard = (await findCards()).some(({ name }) => name.includes('NVIDIA'));
const supported = process.platform === 'linux' && process.arch === 'x64';

describe.skipIf(!supported)('setup:cuda', () => {
  test.skipIf(hasCard)('without an NVIDIA card it installs nothing', async () => {
    const { status, output, told, folder } = await setUp('exit 0', []);
    expect(status).toBe(1);
    expect(output).toContain('No NVIDIA card is found here');
    expect(output).toContain('npm run setup:cuda -- --force');
    expect(told).toBeNull();
    expect(existsSync(folder)).toBe(false);
  });

  test('forced, it installs the version that fits into a folder of its own', async () => {
    const { status, output, told, folder, dir } = await setUp('mkdir node_modules', ['--force']);
    expect(output).toContain('npx ganvas engines');
    expect(status).toBe(0);
    expect(told).toMatch(new RegExp(`^.*${dir}/cuda: install .*--no-package-lock`));
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      allowScripts: Record<string, boolean>;
    };
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    expect(manifest.dependencies).toEqual({ '@tensorflow/tfjs-node-gpu': dependencies['@tensorflow/tfjs'] });
    // The download is made by its install script, which newer npm runs for those alone that are named.
    expect(manifest.allowScripts['@tensorflow/tfjs-node-gpu']).toBe(true);
    expect(existsSync(join(folder, 'node_modules'))).toBe(true);
  });

  test('a failed download is said, and nothing is left of it', async () => {
    const { status, output, folder } = await setUp('mkdir node_modules; echo ENOTFOUND >&2; exit 7', [
      '--force',
    ]);
    expect(status).toBe(1);
    expect(output).toContain('ENOTFOUND');
    expect(output).toContain('npm could not install it (status 7; its own messages are above)');
    expect(existsSync(folder)).toBe(false);
  });

  test('a folder that is there already is left alone', async () => {
    const { status, output, told, dir } = await setUp('exit 7', ['--force', '--folder', checkout]);
    expect(status).toBe(1);
    expect(output).toContain(`${checkout} is there already.`);
    expect(told).toBeNull();
    expect(existsSync(dir)).toBe(true);
  });

  test('nothing of it comes with Ganvas itself', () => {
    for (const name of ['package.json', 'package-lock.json']) expect(read(name)).not.toContain('tfjs-node');
    expect(read('.gitignore').split('\n')).toContain('/cuda/');
  });
});
