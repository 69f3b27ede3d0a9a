/** Measures of quality: what each is called, which values are better, and what is done with them beside a training. */
import * as v from 'valibot';

const integer = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

/** A number of quality, with the settings that decide its value: without them it compares to nothing. */
export const MeasuredValue = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/, 'not the name of a measure')),
  value: v.number(),
  protocol: v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.null()])),
});
export type MeasuredValue = v.InferOutput<typeof MeasuredValue>;

/** Measures that can say which of two checkpoints is the better one, and are taken beside a training. */
export const RankingMeasure = v.picklist(['swd', 'precision', 'recall', 'density', 'coverage']);
export type RankingMeasure = v.InferOutput<typeof RankingMeasure>;

/** What is measured beside a training, and what follows from it. None of it changes a weight. */
export const Measuring = v.strictObject({
  /** Checkpoints that are at least so many steps apart are measured; null: none. */
  every: v.nullable(integer(1, 1_000_000)),
  /** Generated images, and as many training images; fewer where the dataset has not twice as many. */
  images: integer(16, 16_384),
  /** The checkpoint that is best by it stays, beside the newest ones. */
  best: RankingMeasure,
  /** The run ends when the best has not been bettered by so many checkpoints measured after it; null: never. */
  patience: v.nullable(integer(1, 10_000)),
  /** Millions of bytes that a run's checkpoints may take: older ones go first, the newest and the best always stay. */
  checkpointMegabytes: integer(1, 100_000_000),
});
export type Measuring = v.InferOutput<typeof Measuring>;

export function defaultMeasuring(): Measuring {
  return { every: 500, images: 512, best: 'swd', patience: null, checkpointMegabytes: 5000 };
}

/** Decides patches, directions, latents and images wherever nothing else is asked for, so that all numbers compare. */
export const measuringSeed = 0;

/** Fewest images that anything is measured with. */
export const fewestImages = 16;

interface Meaning {
  /** As people write it. */
  label: string;
  /** `real`: the nearer to what real images give, the better. */
  better: 'less' | 'more' | 'real';
}

const meanings: Readonly<Record<string, Meaning>> = {
  swd: { label: 'SWD', better: 'less' },
  fid: { label: 'FID', better: 'less' },
  kid: { label: 'KID', better: 'less' },
  precision: { label: 'precision', better: 'more' },
  recall: { label: 'recall', better: 'more' },
  density: { label: 'density', better: 'more' },
  coverage: { label: 'coverage', better: 'more' },
  'ms-ssim': { label: 'MS-SSIM', better: 'real' },
  pairwise: { label: 'pairwise distance', better: 'real' },
  'colour-gap': { label: 'colour gap', better: 'less' },
  copies: { label: 'copies', better: 'less' },
  nearest: { label: 'nearest training image', better: 'real' },
};

/** What a measure is called; its own name where it is part of another one. */
export const measureLabel = (name: string): string => meanings[name]?.label ?? name;

/** Whether a measure can say which of two values is better. */
export const isRanking = (name: string): boolean => isBetter(name, 0, 1) !== null;

/** Place of a measure among all: the more telling ones come first. */
export const rankingOrder = (name: string): number => Object.keys(meanings).indexOf(name);

/** Whether a value of a measure is better than another one; null where neither is: it depends on what real images give, or is unknown. */
export function isBetter(name: string, value: number, other: number): boolean | null {
  const better = meanings[name]?.better;
  if (better === 'less') return value < other;
  return better === 'more' ? value > other : null;
}

interface AtStep {
  step: number;
  name: string;
  value: number;
}

/** The best value of a measure, the earliest of equal ones; null where there is none, or none can be better than another. */
export function bestOf<Metric extends AtStep>(metrics: readonly Metric[], name: string): Metric | null {
  let best: Metric | null = null;
  for (const metric of metrics) {
    if (metric.name !== name || isBetter(name, 0, 1) === null) continue;
    if (best === null || isBetter(name, metric.value, best.value) === true) best = metric;
  }
  return best;
}

/** The values of a measure that were taken in one way: that of most of them, the newest of equally many. */
export function comparable<Metric extends AtStep & Pick<MeasuredValue, 'protocol'>>(
  metrics: readonly Metric[],
  name: string,
): Metric[] {
  const ways = Map.groupBy(
    metrics.filter((metric) => metric.name === name),
    ({ protocol }) => JSON.stringify(Object.entries(protocol).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
  let most: Metric[] = [];
  for (const way of ways.values()) if (way.length >= most.length) most = way;
  return most;
}

/** How many values of a measure after the best one, and after a step, there are that did not better it. @param metrics comparable ones */
export function noBetterSince(metrics: readonly AtStep[], name: string, from: number): number {
  const best = bestOf(metrics, name);
  if (best === null) return 0;
  return metrics.filter((metric) => metric.name === name && metric.step > Math.max(best.step, from)).length;
}

/** What a protocol says, in words: `images 1024, seed 0`. */
export function protocolInWords(protocol: MeasuredValue['protocol']): string {
  return Object.entries(protocol)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ');
}
