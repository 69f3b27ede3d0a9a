import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import architecture from './architecture.json' with { type: 'json' };

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const within = (path, folder) => path === folder || path.startsWith(`${folder}/`);

/**
 * Lint for one folder or file: the areas and packages that architecture.json allows it to import, and nothing else.
 * The same table is checked over the whole tree, with cycles, by test/architecture.test.ts.
 */
function importRules(place) {
  const [area, areas] = Object.entries(architecture.areas).find(([name]) => within(place, name));
  const packages = Object.entries(architecture.packages)
    .filter(([, places]) => places.some((allowed) => within(place, allowed)))
    .map(([name]) => escape(name));
  const allowed = packages.map((name) => (name.endsWith(':') || name.endsWith('/') ? name : `${name}(/|$)`));
  const others = Object.keys(architecture.areas).filter((name) => name !== area && !areas.includes(name));
  const paths = others.map((name) => escape(name.replace('src-main/', '')));
  return {
    files: [/\.\w+$/.test(place) ? place : `${place}/**/*.{ts,js,svelte}`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `^(?!${['\\.{1,2}/', ...allowed].join('|')})`,
              message: `${place} may not import this package (architecture.json).`,
            },
            {
              regex: `^(\\.\\./)+(src-main/)?(${[...paths, 'test', 'bench'].join('|')})(/|$)`,
              message: `${area} imports ${areas.length === 0 ? 'no other area' : `only ${areas.join(', ')}`} (architecture.json).`,
            },
          ],
        },
      ],
    },
  };
}

/** Every place that architecture.json names, the wider ones first, so that a narrower one has the last word. */
const places = [
  ...new Set([...Object.keys(architecture.areas), ...Object.values(architecture.packages).flat()]),
]
  .filter((place) => Object.keys(architecture.areas).some((area) => within(place, area)))
  .sort((a, b) => a.length - b.length);

const defaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: one name for a thing everywhere.',
};

const windowHardening = [
  'webSecurity',
  'allowRunningInsecureContent',
  'experimentalFeatures',
  'enableBlinkFeatures',
]
  .concat(['nodeIntegration', 'nodeIntegrationInWorker', 'nodeIntegrationInSubFrames', 'contextIsolation'])
  .concat(['sandbox', 'webviewTag', 'bypassCSP'])
  .map((name) => ({
    selector: `Property:matches([key.name="${name}"], [key.value="${name}"])`,
    message: `Electron's default for ${name} is the safe one: never name it.`,
  }));

// A PRAGMA takes no parameters.
const sqlFromParts = [
  'TemplateLiteral[expressions.length>0]:not(:has(TemplateElement[value.raw=/^PRAGMA /]))',
]
  .concat('BinaryExpression:has(Identifier)')
  .map((part) => ({
    selector: `CallExpression[callee.property.name=/^(prepare|exec|query|command|script)$/] > ${part}`,
    message: 'SQL is a constant with parameters; only migrations may build it.',
  }));

export default defineConfig(
  globalIgnores(['dist/', 'release/', 'coverage/', 'test-results/', 'test/**/fixtures/']),
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.{ts,svelte}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, extraFileExtensions: ['.svelte'] } },
    rules: {
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-expect-error': true, 'ts-ignore': true, 'ts-nocheck': true, 'ts-check': true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // Typed arrays and shapes are read at indices that loops keep inside; noUncheckedIndexedAccess asks for a `!` there.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // TensorFlow.js hands its own objects back under the types of interfaces.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // A function is async when its contract is, whether or not this one has anything to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    // Vitest's matchers (`expect.any`) are of the type any, and its spies take methods apart.
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/unbound-method': 'off' },
  },
  {
    rules: {
      eqeqeq: 'error',
      // File formats are recognised by bytes that are control characters.
      'no-control-regex': 'off',
      'object-shorthand': 'error',
    },
  },
  { files: ['src-renderer/**/*.svelte'], extends: [svelte.configs.recommended] },
  {
    files: ['src-renderer/**/*.svelte'],
    languageOptions: { parserOptions: { parser: tseslint.parser }, globals: globals.browser },
    rules: {
      // Lint sees no types of components, so what a callback in the markup is given counts as `any` here; svelte-check sees them all.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  {
    // uPlot's enums are there as types only: at run time they are numbers.
    files: ['src-renderer/charts/*.svelte'],
    rules: { '@typescript-eslint/no-unsafe-enum-assignment': 'off' },
  },
  { files: ['*.js', 'src-main/**/*.js', 'tools/**/*.js'], languageOptions: { globals: globals.node } },
  {
    files: ['src-*/**/*.{ts,js,svelte}'],
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': ['error', defaultExport, ...windowHardening, ...sqlFromParts],
    },
  },
  {
    files: ['src-main/store/migrations.ts'],
    rules: { 'no-restricted-syntax': ['error', defaultExport, ...windowHardening] },
  },
  {
    // Pure: the same answer for the same arguments, on every machine, in every process.
    files: ['src-shared/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'Date',
          'performance',
          'process',
          'globalThis',
          'window',
          'document',
          'navigator',
          'console',
          'fetch',
          'crypto',
        ],
        ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Buffer', 'require'],
      ],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
    },
  },
  ...places.map(importRules),
);
