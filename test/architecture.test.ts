import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import rules from '../architecture.json' with { type: 'json' };
import type { Violation } from './architecture.ts';
import { findViolations, repository, sourceFiles } from './architecture.ts';

const PURE = ['src-shared'];

describe('this repository', () => {
  it('imports one way, without cycles, in small files with telling names; what is shared is pure', () => {
    expect(findViolations(repository, rules, PURE)).toEqual([]);
  });

  it('gives tests and benchmarks telling names too', () => {
    const names = sourceFiles(repository, ['test', 'bench']).map((file) => basename(file));
    expect(names.filter((name) => /manager|helper|util|common/i.test(name))).toEqual([]);
  });

  it.each([
    ['src-shared', []],
    ['src-main', ['node']],
  ])('compiles %s without the types of a page', (area, types) => {
    const { compilerOptions } = JSON.parse(readFileSync(join(repository, area, 'tsconfig.json'), 'utf8')) as {
      compilerOptions: unknown;
    };
    expect(compilerOptions).toMatchObject({ lib: ['ES2024'], types });
  });
});

describe('the check itself, over a small tree', () => {
  const roots: string[] = [];
  afterEach(() => {
    for (const root of roots.splice(0)) rmSync(root, { recursive: true });
  });

  function check(files: Record<string, string>): Violation[] {
    const root = mkdtempSync(join(tmpdir(), 'architecture-'));
    roots.push(root);
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return findViolations(root, rules, PURE);
  }

  const leaf = 'export const leaf = 1;\n';

  it('finds nothing where everything is allowed', () => {
    const files = {
      'src-shared/leaf.ts': leaf,
      'src-shared/gan/pure.ts':
        "import * as v from 'valibot';\nimport { leaf } from '../leaf.ts';\n" +
        'export const area = (window: number) => Math.round(v.parse(v.number(), leaf) * window);\n' +
        'export const stamp = { Date: leaf, at: (row: { process: number }) => row.process };\n',
      'src-main/store/rows.ts':
        "import Sqlite from 'better-sqlite3';\nimport { leaf } from '../../src-shared/leaf.ts';\n",
      'src-main/datasets/scan.ts': "import sharp from 'sharp';\nimport { join } from 'node:path';\n",
      'src-main/trainer/main.ts': "import * as tf from '@tensorflow/tfjs';\nimport './sample-grid.ts';\n",
      'src-main/trainer/sample-grid.ts': "import sharp from 'sharp';\n",
      'src-main/core/app.ts': "import '../store/rows.ts';\nimport '../datasets/scan.ts';\n",
      'src-main/shells/cli/main.ts': "import '../../core/app.ts';\nimport '../../../src-shared/leaf.ts';\n",
      'src-main/shells/electron/window.ts': "import { BrowserWindow } from 'electron';\n",
      'src-renderer/App.svelte':
        "<script lang=\"ts\">\nimport { mount } from 'svelte';\nimport { leaf } from '../src-shared/leaf.ts';\n</script>\n{leaf}\n",
    };
    expect(check(files)).toEqual([]);
  });

  it.each([
    ['store', '../core/leaf.ts'],
    ['store', '../datasets/leaf.ts'],
    ['datasets', '../store/leaf.ts'],
    ['trainer', '../store/leaf.ts'],
    ['core', '../trainer/leaf.ts'],
    ['core', '../shells/leaf.ts'],
    ['shells', '../store/leaf.ts'],
    ['shells', '../datasets/leaf.ts'],
    ['shells', '../trainer/leaf.ts'],
    ['core', '../../src-renderer/leaf.ts'],
    ['core', '../../test/leaf.ts'],
  ])('finds %s importing %s', (area, target) => {
    const file = `src-main/${area}/file.ts`;
    const found = check({
      [file]: `import { leaf } from '${target}';\n`,
      [join('src-main', area, target)]: leaf,
    });
    expect(found).toEqual([{ rule: 'import', file, what: target }]);
  });

  it.each(['store', 'datasets', 'trainer', 'core', 'shells'])('finds the page importing %s', (area) => {
    const what = `../src-main/${area}/leaf.ts`;
    const component = `<script lang="ts">\nimport { leaf } from '${what}';\n</script>\n`;
    const found = check({ 'src-renderer/App.svelte': component, [`src-main/${area}/leaf.ts`]: leaf });
    expect(found).toEqual([{ rule: 'import', file: 'src-renderer/App.svelte', what }]);
  });

  it.each([
    "import type { leaf } from '../trainer/leaf.ts';",
    "export { leaf } from '../trainer/leaf.ts';",
    "export * from '../trainer/leaf.ts';",
    "import '../trainer/leaf.ts';",
    "export const later = () => import('../trainer/leaf.ts');",
    "export type Leaf = typeof import('../trainer/leaf.ts');",
    "export const old = require('../trainer/leaf.ts');",
  ])('finds every way to import: %s', (code) => {
    const found = check({ 'src-main/core/file.ts': `${code}\n`, 'src-main/trainer/leaf.ts': leaf });
    expect(found).toEqual([{ rule: 'import', file: 'src-main/core/file.ts', what: '../trainer/leaf.ts' }]);
  });

  it.each([
    ['src-shared/file.ts', 'node:path'],
    ['src-shared/file.ts', 'svelte'],
    ['src-main/core/file.ts', 'better-sqlite3'],
    ['src-main/core/file.ts', 'sharp'],
    ['src-main/trainer/batches.ts', 'sharp'],
    ['src-main/store/file.ts', '@tensorflow/tfjs'],
    ['src-main/shells/file.ts', 'onnxruntime-node'],
    ['src-main/shells/cli/file.ts', 'electron'],
    ['src-main/core/file.ts', 'svelte'],
    ['src-renderer/file.ts', 'node:fs'],
    ['src-renderer/file.ts', 'electron'],
    ['src-main/core/file.ts', 'a-package-that-nobody-decided-on'],
    ['src-main/core/file.ts', 'fs'],
  ])('finds %s importing the package %s', (file, what) => {
    expect(check({ [file]: `import '${what}';\n` })).toEqual([{ rule: 'package', file, what }]);
  });

  it('finds cycles, of types too, and across areas', () => {
    const found = check({
      'src-main/store/a.ts': "import type { B } from './b.ts';\n",
      'src-main/store/b.ts': "import './c.ts';\n",
      'src-main/store/c.ts': "export * from './a.ts';\nimport './c.ts';\n",
    });
    expect(found).toEqual([
      {
        rule: 'cycle',
        file: 'src-main/store/a.ts',
        what: expect.stringMatching(/a\.ts -> .*b\.ts -> .*c\.ts -> .*a\.ts$/),
      },
      { rule: 'cycle', file: 'src-main/store/c.ts', what: 'src-main/store/c.ts -> src-main/store/c.ts' },
    ]);
  });

  it.each([
    ['new Date().getTime()', 'Date'],
    ['Date.now()', 'Date'],
    ['performance.now()', 'performance'],
    ['Math.random()', 'Math.random'],
    ["Math['random']()", 'Math.random'],
    ['((math: typeof Math) => math.random())(Math)', 'Math.random'],
    ['process.env', 'process'],
    ['globalThis.crypto', 'globalThis'],
    ['document.title', 'document'],
    ['console.log(1)', 'console'],
    ['setTimeout(() => 1, 2)', 'setTimeout'],
    ['{ fetch }', 'fetch'],
  ])('finds the impure %s in what is shared, and only there', (expression, what) => {
    const code = `export const value = ${expression};\n`;
    const found = check({ 'src-shared/file.ts': code, 'src-main/core/file.ts': code });
    expect(found).toEqual([{ rule: 'pure', file: 'src-shared/file.ts', what }]);
  });

  it.each(['run-manager.ts', 'Helpers.ts', 'utils.ts', 'common/text.ts'])(
    'finds the empty name %s',
    (name) => {
      expect(check({ [`src-main/core/${name}`]: leaf })).toEqual([
        { rule: 'name', file: `src-main/core/${name}`, what: '' },
      ]);
    },
  );

  it('finds a file of more than 400 lines, one in no area, and an import of nothing', () => {
    expect(
      check({ 'src-main/core/long.ts': leaf.repeat(401), 'src-main/core/fits.ts': leaf.repeat(400) }),
    ).toEqual([{ rule: 'length', file: 'src-main/core/long.ts', what: '401' }]);
    expect(check({ 'src-main/elsewhere/file.ts': leaf })).toEqual([
      { rule: 'area', file: 'src-main/elsewhere/file.ts', what: 'in no area' },
    ]);
    expect(check({ 'src-main/core/file.ts': "import './gone.ts';\n" })).toEqual([
      { rule: 'unresolved', file: 'src-main/core/file.ts', what: './gone.ts' },
    ]);
  });
});
