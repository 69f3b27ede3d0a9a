/** Measures of quality in a table: which one is shown, and which of its values is the best. Pure. */
import type { Metric } from '../../../src-shared/library.ts';
import {
  bestOf as bestOfComparable,
  comparable,
  isRanking,
  rankingOrder,
} from '../../../src-shared/measures.ts';

/** The metric that most runs have, of those that can be better or worse; of equally many the more telling one. Null where none has one. */
export function shownMetric(runs: Iterable<readonly Metric[]>): string | null {
  const counts = new Map<string, number>();
  for (const metrics of runs)
    for (const name of new Set(metrics.map((metric) => metric.name)))
      if (isRanking(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const [most] = [...counts].sort(([a, x], [b, y]) => y - x || rankingOrder(a) - rankingOrder(b));
  return most?.[0] ?? null;
}

/** The best value of a metric among those that were measured in one way; null where it was not measured. */
export function bestOf(metrics: readonly Metric[], name: string): Metric | null {
  return bestOfComparable(comparable(metrics, name), name);
}
