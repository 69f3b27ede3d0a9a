import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repository } from '../architecture.ts';

/** Stands for the command line: tells how it was called, and how many signals it knows of, by itself or from who started it. */
const MAIN = `
const words: string[] = process.argv.slice(2);
if (words[0] === 'status') process.exit(Number(words[1]));
if (words[0] === 'killed') process.kill(process.pid, 'SIGKILL');
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => console.log(String((signals += 1))));
process.on('message', (told) => console.log(String(told)));
process.on('disconnect', () => process.exit());
if (words[0] === 'wait') setInterval(() => {}, 1000);
else process.channel?.unref();
console.log(JSON.stringify(words));
`;
/** Makes the Node that runs the tests as unable to run TypeScript as an old one. */
const OLD = '--no-experimental-strip-types';

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ganvas-command-'));
  const cli = join(folder, 'src-main', 'shells', 'cli');
  mkdirSync(cli, { recursive: true });
  copyFileSync(join(repository, 'src-main', 'shells', 'cli', 'ganvas.js'), join(cli, 'ganvas.js'));
  writeFileSync(join(cli, 'main.ts'), MAIN);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Lays the package `node` down as npm does. */
function installNode(): void {
  const bin = join(folder, 'node_modules', 'node', 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, '..', 'package.json'), '{ "name": "node", "version": "24.21.0" }');
  if (process.platform === 'win32') copyFileSync(process.execPath, join(bin, 'node.exe'));
  else symlinkSync(process.execPath, join(bin, 'node'));
}

/** Runs the command, in a session of its own that no terminal belongs to. */
function run(nodeOptions: readonly string[], ...words: string[]) {
  const script = join(folder, 'src-main', 'shells', 'cli', 'ganvas.js');
  const child = spawn(process.execPath, [...nodeOptions, script, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const ended = once(child, 'close');
  return {
    child,
    line: async () => (await lines.next()).value,
    status: async () => (await ended)[0] as number | null,
    errors: () => errors,
  };
}

describe.each([
  ['a Node that runs TypeScript', []],
  ['an older Node', [OLD]],
])('started by %s', (_, nodeOptions) => {
  beforeEach(installNode);

  it('passes the words on as they are', async () => {
    const command = run(nodeOptions, 'train', '--data', 'two words', '');
    expect(await command.line()).toBe('["train","--data","two words",""]');
    expect(await command.status()).toBe(0);
    expect(command.errors()).toBe('');
  });

  it('ends with the status of the command line', async () => {
    expect(await run(nodeOptions, 'status', '2').status()).toBe(2);
    expect(await run(nodeOptions, 'status', '130').status()).toBe(130);
  });

  it.skipIf(process.platform === 'win32')(
    'lets the command line know of signals, and ends with it',
    async () => {
      const command = run(nodeOptions, 'wait');
      expect(await command.line()).toBe('["wait"]');
      for (const [index, signal] of (['SIGINT', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const).entries()) {
        command.child.kill(signal);
        expect(await command.line()).toBe(String(index + 1));
      }
      command.child.kill('SIGKILL');
      // The output closes when the last process that could write to it is gone.
      expect(await command.line()).toBeUndefined();
      expect(await command.status()).toBeNull();
    },
  );
});

it.skipIf(process.platform === 'win32')(
  'tells of a command line that was killed, as a shell does',
  async () => {
    installNode();
    expect(await run([OLD], 'killed').status()).toBe(137);
  },
);

describe('without the Node of the package "node"', () => {
  it.each([
    ['not installed', () => undefined],
    [
      'installed without its script',
      () => {
        installNode();
        rmSync(join(folder, 'node_modules', 'node', 'bin'), { recursive: true });
      },
    ],
    [
      'with a binary that may not be started',
      () => {
        installNode();
        const binary = process.platform === 'win32' ? 'node.exe' : 'node';
        rmSync(join(folder, 'node_modules', 'node', 'bin', binary));
        writeFileSync(join(folder, 'node_modules', 'node', 'bin', binary), '', { mode: 0o644 });
      },
    ],
  ])('%s: says in one line what to do', async (_, arrange) => {
    arrange();
    const command = run([OLD], 'status', '0');
    expect(await command.status()).toBe(1);
    expect(command.errors()).toMatch(
      /^Ganvas needs the Node .* run "npm install" again; scripts must be allowed .*\n$/,
    );
  });
});
