/** A whole DCGAN training step against PyTorch doing the same, as processes in turns; medians over rounds. */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

interface Result {
  ms: number;
  peakMB: number;
}

interface GanvasResult extends Result {
  setUp: number;
  multiplyAdds: number;
}

/** [resolution, batch, base channels, steps a round] */
const sizes = [
  [32, 64, 32, 30],
  [32, 64, 64, 15],
  [64, 64, 64, 6],
] as const;
const rounds = 5;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function measure<T extends Result>(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<T> {
  const { stdout } = await execute(command, args, { env: { ...process.env, ...env } });
  return JSON.parse(stdout) as T;
}

const ganvas = (size: readonly number[]) =>
  measure<GanvasResult>(process.execPath, [here('step_ganvas.ts'), ...size.map(String)]);

interface Setting {
  python: string;
  policy: 'ACTIVE' | 'PASSIVE';
  threads: number;
}

function pytorch(size: readonly number[], { python, policy, threads }: Setting): Promise<Result> {
  const [resolution, batch, base, steps] = size.map(String) as [string, string, string, string];
  const args = [here('pytorch_dcgan.py'), resolution, batch, base, String(threads), steps];
  return measure(python, args, { OMP_WAIT_POLICY: policy });
}

/** A Python that has torch; null when there is none. Debian's comes with /usr/bin/python3, which need not be first on the path. */
async function pythonWithTorch(): Promise<string | null> {
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      await execute(python, ['-c', 'import torch']);
      return python;
    } catch {
      // Try the next.
    }
  }
  return null;
}

async function bestSetting(size: readonly number[], python: string): Promise<Setting> {
  const threads = [...new Set([1, availableParallelism()])];
  const settings = threads.flatMap((count) =>
    (['ACTIVE', 'PASSIVE'] as const).map((policy) => ({ python, policy, threads: count })),
  );
  const times: { setting: Setting; ms: number }[] = [];
  for (const setting of settings) times.push({ setting, ms: (await pytorch(size, setting)).ms });
  return times.sort((a, b) => a.ms - b.ms)[0]!.setting;
}

const print = (line: string) => void process.stdout.write(`${line}\n`);

export async function run(): Promise<void> {
  print(`Whole training step, image/batch/base channels; ${rounds} rounds in turns, medians`);
  const python = await pythonWithTorch();
  if (python === null)
    print('PyTorch is not installed (Debian: python3-torch, libopenblas0-pthread): only our own times.');
  for (const size of sizes) {
    const setting = python === null ? null : await bestSetting(size, python);
    const ours: GanvasResult[] = [];
    const theirs: Result[] = [];
    for (let round = 0; round < rounds; round += 1) {
      ours.push(await ganvas(size));
      if (setting !== null) theirs.push(await pytorch(size, setting));
    }
    const ms = median(ours.map((result) => result.ms));
    const gigaflops = (2 * ours[0]!.multiplyAdds) / ms / 1e6;
    const name = size.slice(0, 3).join('/').padEnd(9);
    const own = `${name} ${ms.toFixed(1)} ms, ${gigaflops.toFixed(0)} GFLOP/s, first step after ${median(ours.map((r) => r.setUp)).toFixed(0)} ms, peak ${median(ours.map((r) => r.peakMB)).toFixed(0)} MB`;
    if (setting === null) {
      print(own);
      continue;
    }
    const other = median(theirs.map((result) => result.ms));
    const memory = median(ours.map((r) => r.peakMB)) / median(theirs.map((r) => r.peakMB));
    print(own);
    print(
      `          PyTorch ${other.toFixed(1)} ms at its best (${setting.threads} threads, ${setting.policy}): speed x${(other / ms).toFixed(2)}, peak memory x${memory.toFixed(2)}`,
    );
  }
}
