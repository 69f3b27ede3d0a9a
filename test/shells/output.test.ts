import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
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
