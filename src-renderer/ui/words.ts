/** Numbers as people read them. */
import type { Shape } from '../../src-shared/gan/block.ts';
import { formatShape } from '../../src-shared/gan/shape.ts';
import { now as present } from './clock.ts';

/** Seconds as `12 s`, `3 min 20 s`, `2 h 5 min`, `3 days`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60)
    return minutes < 10 && whole % 60 > 0 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 > 0 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return counted(Math.round(hours / 24), 'day');
}

/** A moment, in milliseconds since 1970, as `just now`, `5 min ago`, `3 h ago`, further back as its date. */
export function ago(at: number, now: number = present()): string {
  const seconds = (now - at) / 1000;
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(at).toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' });
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes as `1.5 GB`, in powers of 1000 as disks are sold. */
export function bytes(count: number): string {
  const power = count < 1000 ? 0 : Math.min(byteUnits.length - 1, Math.floor(Math.log10(count) / 3));
  const scaled = count / 1000 ** power;
  return `${power === 0 ? scaled : scaled >= 100 ? Math.round(scaled) : Number(scaled.toPrecision(2))} ${byteUnits[power]!}`;
}

/** A rate with two digits that count: `0.35`, `4.2`, `1,234`. */
export function rate(perSecond: number): string {
  return (perSecond >= 10 ? Math.round(perSecond) : Number(perSecond.toPrecision(2))).toLocaleString('en');
}

/** `1 image`, `5,000 images` */
export function counted(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;
}

/** `32×32×64`: height, width, channels. */
export function shapeWords({ height, width, channels }: Shape): string {
  return formatShape({ height, width, channels }).replaceAll('x', '×');
}
