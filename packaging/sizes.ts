/** What the parts of a packed app weigh, against what they may. */
import { lstatSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** Parts by where they lie among the app's resources, the first that fits; what lies elsewhere is Electron's own. */
const parts: readonly (readonly [part: string, path: RegExp])[] = [
  ['Node', /^node\//],
  ['page and main process', /^app\.asar$/],
  ['trainer and decoders', /^app\.asar\.unpacked\/dist\//],
  ['ONNX Runtime', /^app\.asar\.unpacked\/node_modules\/onnxruntime-/],
  ['TensorFlow.js', /^app\.asar\.unpacked\/node_modules\/@tensorflow\//],
  ['image decoders', /^app\.asar\.unpacked\/node_modules\/(sharp|@img|@napi-rs|@julusian|pkg-prebuilds)\//],
  ['SQLite', /^app\.asar\.unpacked\/node_modules\/better-sqlite3\//],
  ['other packages', /^(app\.asar\.unpacked|licences)\//],
];

/** Megabytes (10^6 bytes) that a part may have, on the system where it is largest. */
export const budget: Readonly<Record<string, number>> = {
  Electron: 360,
  Node: 135,
  'page and main process': 2,
  'trainer and decoders': 1,
  'ONNX Runtime': 80,
  'TensorFlow.js': 8,
  'image decoders': 45,
  SQLite: 4,
  'other packages': 3,
};

function* filesOf(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* filesOf(path);
    else yield path;
  }
}

/**
 * @param app folder of the packed app
 * @param resources folder of its resources
 * @returns bytes of every part that the budget names
 */
export function measure(app: string, resources: string): Map<string, number> {
  const sizes = new Map(Object.keys(budget).map((part) => [part, 0]));
  for (const file of filesOf(app)) {
    const place = relative(resources, file).replaceAll(sep, '/');
    const part = parts.find(([, path]) => path.test(place))?.[0] ?? 'Electron';
    sizes.set(part, (sizes.get(part) ?? 0) + lstatSync(file).size);
  }
  return sizes;
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1).padStart(8);

/** The table of parts, and the names of those that are too large. */
export function weigh(sizes: ReadonlyMap<string, number>): { table: string; over: string[] } {
  const limits = [...sizes].map(([part, bytes]) => ({ part, bytes, limit: (budget[part] ?? 0) * 1e6 }));
  const all = limits.reduce((sum, { bytes }) => sum + bytes, 0);
  const lines = limits.map(
    ({ part, bytes, limit }) => `  ${part.padEnd(24)}${megabytes(bytes)} of ${megabytes(limit)} MB`,
  );
  lines.push(`  ${'all'.padEnd(24)}${megabytes(all)} MB`);
  return {
    table: lines.join('\n'),
    over: limits.filter(({ bytes, limit }) => bytes > limit).map(({ part }) => part),
  };
}
