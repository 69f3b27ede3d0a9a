import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import type { Output } from '../../src-main/shells/cli/output.ts';
import {
  createOutput,
  formatBytes,
  formatCount,
  formatRate,
  formatSeconds,
  progressLine,
  table,
  wrap,
} from '../../src-main/shells/cli/output.ts';
import { whileWaiting } from '../../src-main/shells/cli/waiting.ts';
import { command } from './command.ts';
import { tinyTraining, Workplace } from './ganvas-process.ts';

const progress = { phase: 'step', done: 1200, total: 2000, perSecond: 0, remainingSeconds: 65 };
const notes = ['loss D 1.39 G 0.69', '3,159 images/s', 'D(x) 0.50 D(G(z)) 0.50', '76.8 kimg'];

describe('the line that shows how far something is', () => {
  test.each([
    [
      140,
      '██████████████░░░░░░░░░░ step 1,200 of 2,000 · 1:05 left · loss D 1.39 G 0.69 · 3,159 images/s · D(x) 0.50 D(G(z)) 0.50 · 76.8 kimg',
    ],
    [100, '█████░░░ step 1,200 of 2,000 · 1:05 left · loss D 1.39 G 0.69 · 3,159 images/s'],
    [79, '█████░░░ step 1,200 of 2,000 · 1:05 left · loss D 1.39 G 0.69 · 3,159 images/s'],
    [60, '█████░░░ step 1,200 of 2,000 · 1:05 left'],
    [59, 'step 1,200 of 2,000 · 1:05 left · loss D 1.39 G 0.69'],
    [12, 'step 1,200 o'],
  ])('in %i columns', (width, line) => {
    expect(progressLine(progress, notes, width)).toBe(line);
    expect(line.length).toBeLessThanOrEqual(width);
  });

  test('with what is known', () => {
    const reading = {
      phase: 'reading images',
      done: 5000,
      total: 5000,
      perSecond: 7548.4,
      remainingSeconds: 0,
    };
    expect(progressLine(reading, [], 79)).toBe(
      `${'█'.repeat(24)} reading images 5,000 of 5,000 · 0:00 left · 7,548/s`,
    );
    const finding = { phase: 'finding files', done: 7, total: null, perSecond: 3.26, remainingSeconds: null };
    expect(progressLine(finding, [], 79)).toBe('finding files 7 · 3.3/s');
    expect(progressLine({ ...finding, share: 0.5 }, [], 79)).toBe(
      `${'█'.repeat(12)}${'░'.repeat(12)} finding files 7 · 3.3/s`,
    );
    expect(progressLine({ ...reading, done: 0, total: 0, perSecond: 0 }, [], 79)).toContain('█'.repeat(24));
    expect(progressLine({ ...progress, done: 9999 }, [], 79)).toContain('█'.repeat(24));
  });
});

test('names that would steer the terminal or break a table are shown as signs', () => {
  const lines: string[] = [];
  const stdout = new PassThrough();
  stdout.on('data', (text: Buffer) => lines.push(text.toString()));
  const output = createOutput(false, { stdout: stdout as never, stderr: process.stderr, env: {} });
  for (const line of table([
    ['name', 'step'],
    ['a\nb', '1'],
  ]))
    output.line(line);
  output.line('\u001b[31mred');
  expect(lines).toEqual(['name  step\n', 'a b   1\n', '\uFFFD[31mred\n']);
});

test('numbers in words', () => {
  expect([0, 59.6, 3599, 3600, 90_061].map(formatSeconds)).toEqual([
    '0:00',
    '1:00',
    '59:59',
    '1:00:00',
    '25:01:01',
  ]);
  expect([0, 999, 1000, 12_345_678, 5e12].map(formatBytes)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.0 kB',
    '12.3 MB',
    '5.0 TB',
  ]);
  expect([0.26, 9.94, 10, 12_345.6].map(formatRate)).toEqual(['0.3', '9.9', '10', '12,346']);
  expect(formatCount(1_234_567)).toBe('1,234,567');
});

test('long sentences are broken between words', () => {
  const words = 'a sentence of many words '.repeat(20).trim();
  const lines = wrap(words, '  ');
  expect(lines.map((line) => line.slice(2)).join(' ')).toBe(words);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(96);
  expect(wrap(`https://example.org/${'x'.repeat(200)} end`)).toHaveLength(2);
});

describe('where no terminal listens', () => {
  const long = { ...progress, total: 200_000, phase: 'reading images', remainingSeconds: null };

  /** What is printed when progress is told once a second, for a number of seconds. */
  function printed(json: boolean, tell: (output: Output, second: number) => void, seconds: number): string[] {
    const lines: string[] = [];
    const stdout = new PassThrough();
    stdout.on('data', (text: Buffer) => lines.push(text.toString()));
    let second = 0;
    const process_ = { stdout: stdout as never, stderr: process.stderr, env: {} };
    const output = createOutput(json, process_, () => second * 1000);
    for (; second <= seconds; second += 1) tell(output, second);
    return lines;
  }

  test('a line every ten seconds tells how far it is; what is quick gets none', () => {
    const tell = (output: Output, second: number) => output.progress({ ...long, done: second });
    expect(printed(false, tell, 9)).toEqual([]);
    expect(printed(false, tell, 29)).toEqual([
      '  reading images 10 of 200,000\n',
      '  reading images 20 of 200,000\n',
    ]);
    const training = printed(false, (output) => output.progress(progress, notes), 10);
    expect(training).toEqual([
      '  step 1,200 of 2,000 · 1:05 left · loss D 1.39 G 0.69 · 3,159 images/s · D(x) 0.50 D(G(z)) 0.50\n',
    ]);
  });

  test('each phase has its own ten seconds', () => {
    const tell = (output: Output, second: number) =>
      output.progress({ ...long, phase: second < 8 ? 'finding files' : 'reading images', done: second });
    expect(printed(false, tell, 20)).toEqual(['  reading images 18 of 200,000\n']);
  });

  test('for programs as well; of a training each step has its line already', () => {
    const lines = printed(true, (output, done) => output.progress({ ...long, done }), 10);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { type: 'progress', ...long, done: 10 },
    ]);
    expect(printed(true, (output) => output.progress(progress, notes), 30)).toEqual([]);
  });

  test('what cannot tell how far it is says for how long', () => {
    const tell = (output: Output, second: number) => output.waiting('writing', second);
    expect(printed(false, tell, 20)).toEqual(['  writing · 0:10\n', '  writing · 0:20\n']);
    expect(printed(true, tell, 10)).toEqual(['{"type":"waiting","phase":"writing","seconds":10}\n']);
  });
});

test('what cannot tell how far it is tells each second that it goes on', async () => {
  vi.useFakeTimers();
  try {
    const told: number[] = [];
    const output = { waiting: (_: string, seconds: number) => told.push(Math.round(seconds)) };
    const work = Promise.withResolvers<string>();
    const waiting = whileWaiting(output, 'writing', work.promise);
    vi.advanceTimersByTime(3500);
    work.resolve('done');
    expect(await waiting).toBe('done');
    vi.advanceTimersByTime(5000);
    expect(told).toEqual([1, 2, 3]);
    await expect(whileWaiting(output, 'writing', Promise.reject(new Error('no')))).rejects.toThrow('no');
    vi.advanceTimersByTime(5000);
    expect(told).toEqual([1, 2, 3]);
  } finally {
    vi.useRealTimers();
  }
});

const hasScript = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;

test.skipIf(!hasScript)('in a terminal a line shows how far it is, and goes when it is over', async () => {
  const place = new Workplace();
  const words = [...command, ...tinyTraining, '--steps', '40'].map((word) => `'${word}'`).join(' ');
  const terminal = {
    command: ['script', '-qec', `stty cols 90; ${words}`, '/dev/null'],
    env: { TERM: 'xterm' },
  };
  const { status, stdout } = await place.run([], terminal);
  expect(status).toBe(0);
  expect(stdout).toMatch(/█+░* step [\d]+ of 40 · /);
  // What is left on the screen: each line after the last time that it was wiped.
  const screen = stdout.split('\r\n').map((line) => line.split('\r\u001b[2K').at(-1)!);
  expect(screen.join('\n')).not.toMatch(/[█░\r\u001b]/);
  expect(screen).toContain('Export it: npx ganvas export 1 --format onnx --out generator.onnx');
  const dumb = await place.run([], { ...terminal, env: { TERM: 'dumb' } });
  expect(dumb.stdout).not.toMatch(/[█░\u001b]/);
});
