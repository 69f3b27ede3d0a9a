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
  return place >= 10_000 ? steps.format(place) : String(Math.round(place));
}
