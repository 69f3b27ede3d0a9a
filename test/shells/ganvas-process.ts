/** The command line as its users start it: a process of its own, in an empty folder of its own. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { pinnedNode } from '../../src-main/shells/node-binary.ts';
import { formatDesign } from '../../src-shared/gan/design-json.ts';
import { tinyDesign } from '../core/library.ts';
import { command } from './command.ts';

/** The command as it is installed, on a Node that is not the one Ganvas brings; null where there is no other. */
export function installedCommand(): string[] | null {
  const own = realpathSync(pinnedNode());
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  const other = candidates.find(
    (file) => existsSync(file) && realpathSync(file) !== own && !file.includes('node_modules'),
  );
  return other === undefined
    ? null
    : [other, fileURLToPath(new URL('../../src-main/shells/cli/ganvas.js', import.meta.url))];
}

export interface Line {
  type: string;
  [key: string]: unknown;
}

/** How a call has ended. */
export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CallOptions {
  /** What runs the command line, with the words before its own. */
  command?: readonly string[];
  cwd?: string;
  env?: Record<string, string>;
  /** In a process group of its own, as a terminal starts it. */
  group?: boolean;
}

/** A call under way. */
export class Call {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';
  #waiting: (() => void)[] = [];

  constructor(
    args: readonly string[],
    { command: words = command, cwd, env = {}, group = false }: CallOptions = {},
  ) {
    const [binary = '', ...before] = words;
    const home = cwd ?? tmpdir();
    this.process = spawn(binary, [...before, ...args], {
      cwd: home,
      detached: group,
      env: { PATH: process.env['PATH'], HOME: home, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      for (const look of this.#waiting) look();
    });
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.ended = new Promise((resolve, reject) => {
      this.process.on('error', reject);
      this.process.on('close', (status, signal) => {
        resolve({ status, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
    onTestFinished(() => void this.process.kill('SIGKILL'));
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Resolves with what it has printed that is wanted; fails when it ends without. */
  async printed(wanted: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve } = Promise.withResolvers<RegExpExecArray>();
    const look = () => {
      const found = wanted.exec(this.#stdout);
      if (found !== null) resolve(found);
    };
    this.#waiting.push(look);
    look();
    const seen = await Promise.race([promise, this.ended.then(() => wanted.exec(this.#stdout))]);
    if (seen === null)
      throw new Error(`It ended without printing ${wanted}:\n${this.#stdout}\n${this.#stderr}`);
    return seen;
  }
}

/** The JSON lines of an output; anything else in it is an error. */
export function linesOf({ stdout }: Pick<Ended, 'stdout'>): Line[] {
  if (stdout === '') return [];
  if (!stdout.endsWith('\n')) throw new Error(`the last line is not whole: ${stdout.slice(-200)}`);
  return stdout
    .slice(0, -1)
    .split('\n')
    .map((text) => {
      const line: unknown = JSON.parse(text);
      if (typeof line === 'object' && line !== null && 'type' in line && typeof line.type === 'string')
        return line as Line;
      throw new Error(`no object with a type: ${text}`);
    });
}

/** A folder to work in, with the tiny design in `tiny.json`; the library is its `library`. */
export class Workplace {
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), 'ganvas-cli-')));
  readonly library = join(this.dir, 'library');

  constructor() {
    writeFileSync(this.path('tiny.json'), formatDesign(tinyDesign));
    onTestFinished(() => rmSync(this.dir, { recursive: true, force: true, maxRetries: 10 }));
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  start(args: readonly string[], options: CallOptions = {}): Call {
    return new Call(args, {
      cwd: this.dir,
      ...options,
      env: { GANVAS_LIBRARY: this.library, ...options.env },
    });
  }

  run(args: readonly string[], options: CallOptions = {}): Promise<Ended> {
    return this.start(args, options).ended;
  }

  /** Runs with --json. */
  async json(
    args: readonly string[],
    options: CallOptions = {},
  ): Promise<{ status: number | null; lines: Line[]; stderr: string }> {
    const ended = await this.run([...args, '--json'], options);
    return { status: ended.status, lines: linesOf(ended), stderr: ended.stderr };
  }

  /** Every file below the folder with its size, but the library's database and lock, which change with every look. */
  listing(dir = this.dir): string[] {
    return readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/(^|\/)(ganvas\.sqlite(-wal|-shm)?|lock(-journal)?)$/.test(name))
      .map((name) => {
        const stats = statSync(join(dir, name));
        return stats.isDirectory() ? `${name}/` : `${name} ${stats.size}`;
      })
      .sort();
  }

  /** Everything that a run has come to, bit for bit. */
  state(run: string, step: number, library = this.library): Buffer {
    const folder = join(library, 'runs', run, 'checkpoints', String(step).padStart(8, '0'));
    return readFileSync(join(folder, 'state.safetensors'));
  }
}

/** What trains: 8x8 pixels, batches of 4. */
export const tinyTraining = [
  ...['train', '--design', 'tiny.json', '--batch', '4', '--data', 'sample:12x8'],
  ...['--name', 'tiny'],
];

/** The same words with other values of some of their options: none may be given twice. */
export function changed(words: readonly string[], ...options: readonly string[]): string[] {
  const given = options.filter((word) => word.startsWith('--'));
  const kept = words.filter((word, i) => !given.includes(word) && !given.includes(words[i - 1] ?? ''));
  return [...kept, ...options];
}

const isLinux = process.platform === 'linux';

/** Whether a process runs (one that has ended but was not buried yet does not). */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processes that can be watched: where there is /proc. */
export const canWatch = isLinux;

/** The trainers that a call has started, directly or through the command that it was started with. */
export function trainersOf(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const children = all.flatMap((name) => {
    try {
      const [, parent] = /^\d+ \(.*\) \w (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
      return Number(parent) === pid ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
  return children.flatMap((child) => {
    let words = '';
    try {
      words = readFileSync(`/proc/${child}/cmdline`, 'utf8');
    } catch {
      // It has just ended.
    }
    // As a module of the sources, or of the built desktop app.
    return [...(/trainer[/-]main\.[jt]s/.test(words) ? [child] : []), ...trainersOf(child)];
  });
}

/** Resolves when none of the processes runs any more. */
export async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(runs)) await pause(10);
}
