/** Reads a source tree and tells where it breaks the rules of the house: who imports whom, purity, names, length. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

export interface Rules {
  /** Area (a folder) to the areas that it may import. */
  areas: Readonly<Record<string, readonly string[]>>;
  /** Package, or the start of its name when it ends with `:` or `/`, to the folders and files that may import it. */
  packages: Readonly<Record<string, readonly string[]>>;
}

export interface Violation {
  rule: 'area' | 'import' | 'package' | 'unresolved' | 'cycle' | 'pure' | 'name' | 'length';
  /** Path from the root of the tree, with `/`. */
  file: string;
  /** What broke the rule: the import, the global, the line count; empty for a name. */
  what: string;
}

const MAX_LINES = 400;
const EMPTY_NAMES = /manager|helper|util|common/i;
/** What a pure area may not touch: input, output, time, chance, and every global object that leads to them. */
const IMPURE = new Set(
  [
    'Date performance process globalThis window document navigator console fetch crypto Buffer require',
    'setTimeout setInterval setImmediate queueMicrotask',
  ].flatMap((names) => names.split(' ')),
);

const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

/** Every source file below `folders` of `root`; a folder that is not there has none. */
export function sourceFiles(root: string, folders: readonly string[]): string[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.(ts|js|svelte)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** All rules over the areas below `root`. `pure` names the areas that must be pure. */
export function findViolations(root: string, rules: Rules, pure: readonly string[]): Violation[] {
  const tops = [...new Set(Object.keys(rules.areas).map((area) => area.split('/')[0] ?? area))];
  const files = sourceFiles(root, tops);
  const imports = new Map<string, string[]>();
  const violations: Violation[] = [];

  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    const code = file.endsWith('.svelte') ? scriptsOf(text) : text;
    const area = Object.keys(rules.areas).find((name) => within(file, name));
    if (area === undefined) violations.push({ rule: 'area', file, what: 'in no area' });

    const neighbours: string[] = [];
    for (const specifier of specifiersOf(code)) {
      if (!specifier.startsWith('.')) {
        if (!packageAllowed(rules, specifier, file))
          violations.push({ rule: 'package', file, what: specifier });
        continue;
      }
      const target = posix.join(posix.dirname(file), specifier);
      if (!existsSync(resolve(root, target))) violations.push({ rule: 'unresolved', file, what: specifier });
      neighbours.push(target);
      const to = Object.keys(rules.areas).find((name) => within(target, name));
      const allowed =
        area === undefined || to === area || (to !== undefined && rules.areas[area]?.includes(to));
      if (!allowed) violations.push({ rule: 'import', file, what: specifier });
    }
    imports.set(file, neighbours);

    if (pure.some((folder) => within(file, folder))) {
      for (const what of impurities(code)) violations.push({ rule: 'pure', file, what });
    }
    if (EMPTY_NAMES.test(file)) violations.push({ rule: 'name', file, what: '' });
    const lines = text.trimEnd().split('\n').length;
    if (lines > MAX_LINES) violations.push({ rule: 'length', file, what: String(lines) });
  }

  for (const cycle of cycles(imports))
    violations.push({ rule: 'cycle', file: cycle[0] ?? '', what: cycle.join(' -> ') });
  return violations;
}

/** The code of a Svelte component: its script elements. */
function scriptsOf(component: string): string {
  return [...component.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)].map((match) => match[1]).join('\n');
}

/** Everything that a file imports: static, type-only, re-exported, dynamic, `import('...')` types and `require`. */
function specifiersOf(code: string): string[] {
  const { importedFiles } = ts.preProcessFile(code, true, true);
  return [...new Set(importedFiles.map((imported) => imported.fileName))];
}

function packageAllowed(rules: Rules, specifier: string, file: string): boolean {
  return Object.entries(rules.packages).some(
    ([name, places]) =>
      (/[:/]$/.test(name) ? specifier.startsWith(name) : within(specifier, name)) &&
      places.some((place) => within(file, place)),
  );
}

/** The impure globals that `code` names, each once; a local of the same name is not one. */
function impurities(code: string): string[] {
  const source = ts.createSourceFile('pure.ts', code, ts.ScriptTarget.Latest, true);
  const locals = new Set<string>();
  const used = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const { parent } = node;
      const isMember =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        ((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) && parent.name === node);
      const isLocal =
        (ts.isVariableDeclaration(parent) ||
          ts.isParameter(parent) ||
          ts.isBindingElement(parent) ||
          ts.isFunctionDeclaration(parent) ||
          ts.isImportSpecifier(parent)) &&
        parent.name === node;
      if (isLocal) locals.add(node.text);
      else if (!isMember && IMPURE.has(node.text)) used.add(node.text);
      else if (node.text === 'Math' && !isHarmlessMath(node)) used.add('Math.random');
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...used].filter((name) => !locals.has(name));
}

/** `Math.something` other than random; `Math` handed around could be any of it. */
function isHarmlessMath(math: ts.Identifier): boolean {
  const { parent } = math;
  return ts.isPropertyAccessExpression(parent) && parent.expression === math && parent.name.text !== 'random';
}

/** One cycle for every import that closes one, each from its own first file round to it again. */
function cycles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>();
  const path: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const next of imports.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) visit(file);
  return found;
}

/** Folder of this repository. */
export const repository = dirname(import.meta.dirname);
