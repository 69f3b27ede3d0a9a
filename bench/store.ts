/** What it costs to write down every step, as a share of the step. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../src-main/store/open-store.ts';
import { startHistory } from '../src-shared/gan/history.ts';
import { packHistory } from '../src-shared/gan/history-json.ts';
import { dcgan } from '../src-shared/gan/presets.ts';
import { defaultMeasuring } from '../src-shared/measures.ts';
import { defaultHyperparameters, type StepStats } from '../src-shared/training.ts';

const rows = 20_000;

/**
 * Measures steps written one at a time, as a slow run brings them, and ten at a time, as a fast one does. 1 % is what the store
 * may take.
 * @param stepTimes milliseconds; 10 are the smallest designs on a good CPU
 */
export function run(stepTimes: readonly number[] = [10, 30, 100, 300]): void {
  const dir = mkdtempSync(join(tmpdir(), 'ganvas-bench-'));
  try {
    console.log(
      `Writing ${rows} steps to a library in ${tmpdir()}; the share of a training step that this is`,
    );
    console.log(
      ['', 'us/step', 'worst ms', ...stepTimes.map((time) => `of ${time} ms`)]
        .map((text) => text.padStart(11))
        .join(''),
    );
    for (const batch of [1, 10]) report(batch, measure(join(dir, String(batch)), batch), stepTimes);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function report(batch: number, measured: ReturnType<typeof measure>, stepTimes: readonly number[]): void {
  const { mean, worst, read, bytes } = measured;
  const shares = stepTimes.map((time) => `${((mean / time) * 100).toFixed(3)} %`);
  const cells = [`by ${batch}`, (mean * 1000).toFixed(1), worst.toFixed(2), ...shares];
  console.log(cells.map((text) => text.padStart(11)).join(''));
  console.log(
    `${' '.repeat(11)}all read back in ${read.toFixed(0)} ms; ${(bytes / rows).toFixed(0)} bytes a step`,
  );
}

/** Milliseconds: mean for a step, worst for a write, reading all; and bytes of the database afterwards. */
function measure(dir: string, batch: number) {
  const store = openStore(dir, { access: 'write' });
  const design = dcgan('bench', { height: 32, width: 32, channels: 3 }, 64, 100);
  const hyperparameters = defaultHyperparameters();
  const experiment = store.experiments.create({
    name: 'bench',
    history: packHistory(startHistory(design)),
    hyperparameters,
  }).id;
  const { id } = store.runs.create({
    experiment,
    name: 'bench',
    design,
    hyperparameters,
    measuring: defaultMeasuring(),
    limits: { steps: rows, kimg: null, minutes: null },
    dataset: {
      key: 'bench',
      fingerprint: '',
      source: '',
      count: 1,
      classes: [],
      settings: { height: 32, width: 32, channels: 3, fit: 'crop' },
    },
    seed: 1,
    engineWanted: 'auto',
    forkedFrom: null,
  });
  let total = 0;
  let worst = 0;
  for (let step = 1; step <= rows; step += batch) {
    const stats = Array.from({ length: batch }, (_, index) => statsOf(step + index));
    const start = performance.now();
    store.steps.append(id, stats);
    const took = performance.now() - start;
    total += took;
    worst = Math.max(worst, took);
  }
  const start = performance.now();
  const found = store.steps.list(id).length;
  const read = performance.now() - start;
  store.close();
  if (found !== rows) throw new Error(`${found} of ${rows} steps came back`);
  return { mean: total / rows, worst, read, bytes: statSync(store.paths.database).size };
}

function statsOf(step: number): StepStats {
  return { step, lossD: 1 / step, lossG: Math.sqrt(step), dReal: 0.7, dFake: 0.3, imagesPerSecond: 640 };
}
