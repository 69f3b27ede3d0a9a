/** Numbers as charts write them: short, and the same everywhere. */
import { duration } from '../ui/words.ts';
import type { Axis } from './curves.ts';

const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const steps = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 4 });
const plain = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** A value on a curve: three digits that count. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(1);
  return size >= 10_000 ? short.format(value) : plain.format(value);
}

/** A place on a chart's horizontal axis. */
export function formatPlace(place: number, axis: Axis): string {
  if (axis === 'time') return duration(place);
  if (axis === 'kimg') return plain.format(place);
  return place >= 10_000 ? steps.format(place) : Math.round(place).toLocaleString('en');
}

/** 1, 2 and 5 times every power of ten up to a billion. */
const wholeSteps = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((by) => by * 10 ** power)).flat();
const [minute, hour, day] = [60, 3600, 86_400];

/** Distances between the labels of an axis that it can have, and the pixels that a label wants. */
export const tickSteps: Record<Axis, { incrs?: number[]; space: number }> = {
  step: { incrs: wholeSteps, space: 56 },
  kimg: { space: 56 },
  time: {
    incrs: [
      ...[1, 2, 5, 10, 15, 30],
      ...[1, 2, 5, 10, 15, 30].map((by) => by * minute),
      ...[1, 2, 6, 12].map((by) => by * hour),
      ...wholeSteps.map((by) => by * day),
    ],
    space: 84,
  },
};
