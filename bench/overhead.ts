/** What training takes beside its steps: batches and random numbers, sample grids, checkpoints; as shares of the whole. */
import { defaultHyperparameters } from '../src-shared/training.ts';
import { median, measure, print } from './processes.ts';

interface Overhead {
  /** All in milliseconds: a step, what comes between two of them, and what a grid and a checkpoint add. */
  step: number;
  between: number;
  grid: number;
  checkpoint: number;
}

/** [resolution, batch, base channels, dropout] */
const sizes = [
  [32, 64, 32, 0],
  [32, 64, 64, 0],
  [64, 64, 64, 0],
  [32, 64, 32, 0.3],
] as const;
const rounds = 3;

export async function run(): Promise<void> {
  const { sampleEvery, checkpointEvery } = defaultHyperparameters();
  print(
    `Training beside its steps, image/batch/base channels; a grid every ${sampleEvery} steps, a checkpoint every ${checkpointEvery}; ${rounds} rounds, medians; to be under 3 %`,
  );
  for (const size of sizes) {
    const found: Overhead[] = [];
    for (let round = 0; round < rounds; round += 1)
      found.push(await measure<Overhead>('overhead_ganvas.ts', size));
    const of = (key: keyof Overhead) => median(found.map((one) => one[key]));
    const perStep = {
      'batch and random numbers': of('between'),
      grids: of('grid') / (sampleEvery ?? Infinity),
      checkpoints: of('checkpoint') / (checkpointEvery ?? Infinity),
    };
    const sum = Object.values(perStep).reduce((all, ms) => all + ms, 0);
    const whole = of('step') + sum;
    const share = (ms: number) => `${((100 * ms) / whole).toFixed(2)} %`;
    const [resolution, batch, base, dropout] = size;
    const name = `${resolution}/${batch}/${base}${dropout > 0 ? ` dropout ${dropout}` : ''}`;
    const parts = Object.entries(perStep).map(([part, ms]) => `${part} ${share(ms)}`);
    print(
      `${name}  ${share(sum)} of ${whole.toFixed(1)} ms: ${parts.join(', ')} (a grid ${of('grid').toFixed(0)} ms, a checkpoint ${of('checkpoint').toFixed(0)} ms)`,
    );
  }
}
