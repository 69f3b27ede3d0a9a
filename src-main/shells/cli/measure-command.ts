/** `ganvas measure`: how good a run's generator is. */
import { resolve } from 'node:path';
import type { Metric } from '../../../src-shared/library.ts';
import {
  defaultMeasuring,
  fewestImages,
  measureLabel,
  measuringSeed,
  protocolInWords,
} from '../../../src-shared/measures.ts';
import type { Interruption } from './interruption.ts';
import { namedRun, openToChange, withEarlier } from './library.ts';
import type { Words } from './options.ts';
import { mostSteps } from './options.ts';
import type { Output } from './output.ts';
import { formatCount, table } from './output.ts';

const digits = (value: number) => value.toPrecision(4);

/** What the real images give for a measure of the generator's, by its name. */
const realNames: Readonly<Record<string, string>> = {
  swd: 'swd-floor',
  'ms-ssim': 'ms-ssim-real',
  pairwise: 'pairwise-real',
};

/** The measures that say most, in a line. */
export function measuredInWords(metrics: readonly Metric[]): string {
  const values = ['swd', 'ms-ssim', 'precision', 'recall'].flatMap((name) => {
    const metric = metrics.find((other) => other.name === name);
    return metric === undefined ? [] : [`${measureLabel(name)} ${digits(metric.value)}`];
  });
  const [first] = metrics;
  return `step ${formatCount(first?.step ?? 0)} measured: ${values.join(', ')} (${String(first?.protocol['images'])} images)`;
}

export async function measureCommand(
  words: Words,
  output: Output,
  { signal }: Interruption,
): Promise<number> {
  words.allow(['step', 'images', 'seed', 'inception'], 1);
  const which = words.argument('the number, id or name of a run');
  const step = words.integer('step', 0, mostSteps) ?? null;
  const images = words.integer('images', fewestImages, 16_384) ?? defaultMeasuring().images;
  const seed = words.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? measuringSeed;
  const file = words.text('inception');
  const inception = file === undefined ? null : resolve(file);
  const app = openToChange(words);
  try {
    const run = namedRun(app, which, words);
    const settings = { images, seed, inception };
    const onProgress = (progress: Parameters<Output['progress']>[0]) => output.progress(progress);
    const measuring = app.runs.measure(run.id, step, settings, { onProgress, signal });
    const metrics = await withEarlier(words, measuring);
    for (const metric of metrics) output.json({ type: 'metric', ...metric });
    // What real images give was measured before, for this run, where it is not among these.
    const known = app.runs.metrics(run.id).filter(({ protocol }) => protocol['seed'] === seed);
    const realOf = (metric: Metric) => {
      const name = realNames[metric.name];
      const sameCount = known.filter((other) => other.protocol['images'] === metric.protocol['images']);
      return sameCount.find((other) => other.name === name)?.value;
    };
    const reals = Object.values(realNames);
    const rows = metrics
      .filter(({ name }) => !reals.includes(name))
      .map((metric) => {
        const real = realOf(metric);
        const how = protocolInWords(metric.protocol);
        return [measureLabel(metric.name), digits(metric.value), real === undefined ? '' : digits(real), how];
      });
    output.line(`Run ${run.number} "${run.name}", step ${formatCount(metrics[0]?.step ?? 0)}`);
    for (const line of table([['measure', 'value', 'real images', 'how'], ...rows])) output.line(line);
    return 0;
  } finally {
    app.close();
  }
}
