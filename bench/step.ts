/** A whole DCGAN training step against PyTorch doing the same, as processes in turns; medians over rounds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute, here, measure, median, print } from './processes.ts';

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

/** @param graphs folder with recordings of earlier rounds */
const ganvas = (size: readonly number[], graphs: string) =>
  measure<GanvasResult>('step_ganvas.ts', [...size, graphs]);

interface Setting {
  python: string;
  policy: 'ACTIVE' | 'PASSIVE';
  threads: number;
}

async function pytorch(size: readonly number[], { python, policy, threads }: Setting): Promise<Result> {
  const [resolution, batch, base, steps] = size.map(String) as [string, string, string, string];
  const args = [here('pytorch_dcgan.py'), resolution, batch, base, String(threads), steps];
  const { stdout } = await execute(python, args, { env: { ...process.env, OMP_WAIT_POLICY: policy } });
  return JSON.parse(stdout) as Result;
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

export async function run(): Promise<void> {
  print(`Whole training step, image/batch/base channels; ${rounds} rounds in turns, medians`);
  const python = await pythonWithTorch();
  if (python === null)
    print('PyTorch is not installed (Debian: python3-torch, libopenblas0-pthread): only our own times.');
  for (const size of sizes) {
    const graphs = mkdtempSync(join(tmpdir(), 'ganvas-bench-'));
    try {
      await compare(size, python, graphs);
    } finally {
      rmSync(graphs, { recursive: true, force: true });
    }
  }
}

async function compare(size: readonly number[], python: string | null, graphs: string): Promise<void> {
  const setting = python === null ? null : await bestSetting(size, python);
  const ours: GanvasResult[] = [];
  const theirs: Result[] = [];
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // The first round records the step, the others find its recording.
    ours.push(await ganvas(size, graphs));
    if (setting !== null) theirs.push(await pytorch(size, setting));
    rates.push((await measure<{ gigaflops: number }>('matmul_ganvas.ts', [])).gigaflops);
  }
  const of = (key: keyof GanvasResult) => median(ours.map((result) => result[key]));
  const ms = of('ms');
  const gigaflops = (2 * of('multiplyAdds')) / ms / 1e6;
  const best = Math.max(...rates);
  const name = size.slice(0, 3).join('/').padEnd(9);
  print(
    `${name} ${ms.toFixed(1)} ms, ${gigaflops.toFixed(0)} GFLOP/s: ${((100 * gigaflops) / best).toFixed(0)} % of the ${best.toFixed(0)} GFLOP/s of the best matrix product; peak ${of('peakMB').toFixed(0)} MB`,
  );
  if (setting !== null) {
    const other = median(theirs.map((result) => result.ms));
    const memory = of('peakMB') / median(theirs.map((result) => result.peakMB));
    print(
      `          PyTorch ${other.toFixed(1)} ms at its best (${setting.threads} threads, ${setting.policy}): speed x${(other / ms).toFixed(2)}, peak memory x${memory.toFixed(2)}`,
    );
  }
  const [recording, ...kept] = ours.map(({ setUp }) => setUp) as [number, ...number[]];
  const again = median(kept);
  print(
    `          first step after ${recording.toFixed(0)} ms (${(recording / ms).toFixed(1)} steps), with a kept recording after ${again.toFixed(0)} ms (${(again / ms).toFixed(1)} steps)`,
  );
}
