/** Measures of quality in a table: which one is shown, and which of its values is the best. Pure. */
import type { Metric } from '../../../src-shared/library.ts';

/** With most of them (FID, KID, distances) less is better; these are scores. */
const scores: ReadonlySet<string> = new Set([
  'is',
  'inception-score',
  'precision',
  'recall',
  'density',
  'coverage',
]);

/** The metric that most runs have; null where none has one. */
export function shownMetric(runs: Iterable<readonly Metric[]>): string | null {
  const counts = new Map<string, number>();
  for (const metrics of runs)
    for (const name of new Set(metrics.map((metric) => metric.name)))
      counts.set(name, (counts.get(name) ?? 0) + 1);
  const [most] = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return most?.[0] ?? null;
}

/** The best value of a metric; null where it was not measured. */
export function bestOf(metrics: readonly Metric[], name: string): Metric | null {
  const better = (a: Metric, b: Metric) =>
    scores.has(name.toLowerCase()) ? a.value > b.value : a.value < b.value;
  return metrics
    .filter((metric) => metric.name === name)
    .reduce<Metric | null>((best, metric) => (best === null || better(metric, best) ? metric : best), null);
}
