/** What the command line prints: JSON lines for programs, or words and a progress bar for people. */
import type { ErrorData } from '../../../src-shared/errors.ts';
import type { Progress } from '../../../src-shared/progress.ts';

/** Progress, with the share (0 to 1) that is done where `total` does not tell it. */
export type ShownProgress = Progress & { share?: number };

export interface Output {
  /** One JSON object, only with --json. */
  json(data: { type: string } & Record<string, unknown>): void;
  /** A line for people, only without --json. */
  line(text: string): void;
  /** A line for people on stderr, in any case: for what is to be known although nobody reads the output. */
  notice(text: string): void;
  /** An error: for people on stderr, with --json on stdout as well. */
  error(error: ErrorData): void;
  /**
   * Shows how far something is: in place where a terminal listens, else as a line now and then. With --json, too, save for the steps of a
   * training, each of which has a line already.
   * @param notes what else there is to say, the most important first; what does not fit on the line is left out
   */
  progress(progress: ShownProgress, notes?: readonly string[]): void;
  /** The same for what cannot tell how far it is: what is done, a few words, and for how many seconds. */
  waiting(phase: string, seconds: number): void;
}

/** Between two lines about the progress of one thing, where they do not replace each other. */
const lineEveryMs = 10_000;

/** The phase of a training: its units are steps. */
export const trainingPhase = 'step';

/** Characters of the progress bar: as many as there is room for. */
const barWidth = { least: 8, most: 24 };
/** Columns below which there is no bar. */
const barFrom = 60;
/** Columns where a terminal does not tell. */
const usualColumns = 80;

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
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

/** `12,345`, `8.2`: a number a second. */
export function formatRate(perSecond: number): string {
  return perSecond >= 10 ? formatCount(Math.round(perSecond)) : perSecond.toFixed(1);
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

/** `2026-01-31 13:05`, in UTC, from milliseconds since 1970. */
export function formatTime(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace('T', ' ');
}

/** Names of files, runs and designs come from anywhere: what steers a terminal is shown as a sign of its own. */
function harmless(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, '\uFFFD');
}

/** Rows of cells as lines with aligned columns. */
export function table(cells: readonly (readonly string[])[]): string[] {
  const rows = cells.map((row) => row.map((cell) => cell.replaceAll(/\s+/g, ' ')));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

/** Columns that sentences are broken to. */
const proseWidth = 96;

/** Breaks a text at spaces into lines of at most 96 characters, where its words allow it. */
export function wrap(text: string, indent = ''): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= proseWidth)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}${word}`);
  }
  return lines;
}

/** One line of at most `width` characters. @param withBar whether a bar may be drawn, where there is room for one */
export function progressLine(
  progress: ShownProgress,
  notes: readonly string[],
  width: number,
  withBar = true,
): string {
  const { phase, done, total, perSecond, remainingSeconds } = progress;
  const count = total === null ? formatCount(done) : `${formatCount(done)} of ${formatCount(total)}`;
  const parts = [
    `${phase} ${count}`,
    ...(remainingSeconds === null ? [] : [`${formatSeconds(remainingSeconds)} left`]),
    ...(perSecond > 0 ? [`${formatRate(perSecond)}/s`] : []),
    ...notes,
  ];
  const share = total === null ? progress.share : total === 0 ? 1 : done / total;
  const drawn = withBar && share !== undefined && width >= barFrom;
  const room = width - 1 - parts.join(' · ').length;
  const barLength = drawn ? Math.min(barWidth.most, Math.max(barWidth.least, room)) : 0;
  while (parts.length > 1 && parts.join(' · ').length + barLength + 1 > width) parts.pop();
  const text = parts.join(' · ').slice(0, width);
  return drawn ? `${bar(share, barLength)} ${text}` : text;
}

/**
 * @param json whether --json was given
 * @param now a clock, in milliseconds
 */
export function createOutput(
  json: boolean,
  { stdout, stderr, env }: Pick<NodeJS.Process, 'stdout' | 'stderr' | 'env'>,
  now: () => number = () => performance.now(),
): Output {
  const live = !json && stdout.isTTY && env['TERM'] !== 'dumb';
  let shown = false;
  const clear = () => {
    if (shown) stdout.write('\r\u001b[2K');
    shown = false;
  };
  const write = (data: object) => stdout.write(`${JSON.stringify(data)}\n`);
  const show = (text: string) => {
    clear();
    stdout.write(text);
    shown = true;
  };
  let phase: string | null = null;
  let lastLine = 0;
  /** Whether it is time for a line. What takes less than the interval gets none. */
  const isDue = (of: string) => {
    const time = now();
    if (of !== phase) [phase, lastLine] = [of, time];
    if (time - lastLine < lineEveryMs) return false;
    lastLine = time;
    return true;
  };
  const width = () => (stdout.columns || usualColumns) - 1;
  return {
    json(data) {
      if (json) write(data);
    },
    line(text) {
      if (json) return;
      clear();
      stdout.write(`${harmless(text)}\n`);
    },
    notice(text) {
      clear();
      stderr.write(`ganvas: ${harmless(text)}\n`);
    },
    error({ code, message, details }) {
      clear();
      if (json) write({ type: 'error', code, message, details });
      stderr.write(`ganvas: ${harmless(message)}\n`);
    },
    progress(progress, notes = []) {
      if (live) show(progressLine(progress, notes, width()));
      else if (!isDue(progress.phase)) return;
      else if (!json) stdout.write(`  ${progressLine(progress, notes, proseWidth, false)}\n`);
      else if (progress.phase !== trainingPhase) write({ type: 'progress', ...progress });
    },
    waiting(what, seconds) {
      const text = `${what} · ${formatSeconds(seconds)}`;
      if (live) show(text.slice(0, width()));
      else if (!isDue(what)) return;
      else if (json) write({ type: 'waiting', phase: what, seconds: Math.round(seconds) });
      else stdout.write(`  ${text}\n`);
    },
  };
}
