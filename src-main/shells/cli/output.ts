/** What the command line prints: JSON lines for programs, or words and a progress bar for people. */
import type { Progress } from '../../../src-shared/progress.ts';

export interface Output {
  /** One JSON object, only with --json. */
  json(data: { type: string } & Record<string, unknown>): void;
  /** A line for people, only without --json. */
  line(text: string): void;
  /** Shows how far something is, in place; a no-op with --json and where no terminal listens. */
  progress(progress: Progress, note?: string): void;
}

const barWidth = 24;

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
  return '█'.repeat(full) + '░'.repeat(barWidth - full);
}

/** `1:05`, `2:03:09`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** `1,234,567`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `12.3 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${bytes} bytes` : `${value.toFixed(1)} ${units[unit]}`;
}

function progressLine({ phase, done, total, perSecond, remainingSeconds }: Progress, note: string): string {
  const count = total === null ? formatCount(done) : `${formatCount(done)} of ${formatCount(total)}`;
  const rate = perSecond >= 10 ? formatCount(Math.round(perSecond)) : perSecond.toFixed(1);
  const left = remainingSeconds === null ? '' : ` · ${formatSeconds(remainingSeconds)} left`;
  const drawn = total === null ? '' : `${bar(total === 0 ? 1 : done / total)} `;
  return `${drawn}${phase} ${count} · ${rate}/s${left}${note === '' ? '' : ` · ${note}`}`;
}

export function createOutput(json: boolean, stdout: NodeJS.WriteStream): Output {
  const live = !json && stdout.isTTY;
  let shown = false;
  const clear = () => {
    if (shown) stdout.write('\r\u001b[2K');
    shown = false;
  };
  return {
    json(data) {
      if (json) stdout.write(`${JSON.stringify(data)}\n`);
    },
    line(text) {
      if (json) return;
      clear();
      stdout.write(`${text}\n`);
    },
    progress(progress, note = '') {
      if (!live) return;
      clear();
      stdout.write(progressLine(progress, note).slice(0, Math.max(20, stdout.columns - 1)));
      shown = true;
    },
  };
}
