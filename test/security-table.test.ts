import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repository } from './architecture.ts';

const table = readFileSync(join(repository, 'docs/security.md'), 'utf8');

/** `[file, title]` of every test that the table names; a file alone has no title. */
const named = table
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .flatMap((line) =>
    [...line.matchAll(/`(test\/[\w./-]+\.ts)`((?:,? "[^"]+")*)/g)].flatMap(([, file = '', titles = '']) => {
      const all = [...titles.matchAll(/"([^"]+)"/g)].map(([, title]) => title!);
      return all.length === 0 ? [[file, '']] : all.map((title) => [file, title]);
    }),
  );

test('the table of promises names many tests', () => {
  expect(named.length).toBeGreaterThan(30);
});

test.each(named)('%s has the test "%s" that docs/security.md names', (file, title) => {
  const path = join(repository, file);
  expect(existsSync(path)).toBe(true);
  expect(readFileSync(path, 'utf8')).toContain(title);
});

test('every promise has a test, or says why it has none', () => {
  const rows = table.split('\n').filter((line) => /^\| (?!promise|---)/.test(line));
  expect(rows.length).toBeGreaterThan(25);
  const silent = rows.filter(
    (row) =>
      !/`test\/|needs real Electron: runs in the forge's workflow|check:lint|no test/.test(
        row.split('|')[3] ?? '',
      ),
  );
  expect(silent).toEqual([]);
});
