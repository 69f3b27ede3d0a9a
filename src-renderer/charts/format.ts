/** Numbers as charts write them: short, and the same everywhere. */
import type { Axis } from './curves.ts';

const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const plain = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** A value on a curve: three digits that count. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(1);
  return size >= 10_000 ? short.format(value) : plain.format(value);
}

/** Seconds in the two units that matter: `45 s`, `3 min 20 s`, `5 h 12 min`, `3 d 4 h`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, size]) => whole >= size);
  if (first < 0) return '0 s';
  const [unit, size] = units[first]!;
  const more = units[first + 1];
  const rest = more === undefined ? 0 : Math.floor((whole % size) / more[1]);
  return `${Math.floor(whole / size)} ${unit}${rest > 0 && more !== undefined ? ` ${rest} ${more[0]}` : ''}`;
}

/** A place on a chart's horizontal axis. */
export function formatPlace(place: number, axis: Axis): string {
  if (axis === 'time') return formatSeconds(place);
  if (axis === 'kimg') return plain.format(place);
  return place >= 10_000
    ? new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 4 }).format(place)
    : String(Math.round(place));
}
