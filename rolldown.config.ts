/**
 * The desktop app's processes. In `dist/main` Electron's main process as ES modules; in `dist/workers` what it starts: the trainer on a
 * Node of its own, and the decoder threads; in `dist/preload` the one CommonJS file that a sandboxed window takes.
 *
 * The main process has its packages inside, so that in a packaged app it comes from the archive whose sum Electron checks.
 */
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { BuildOptions, Plugin } from 'rolldown';

const root = import.meta.dirname;
const dir = (name: string) => join(root, 'dist', name);
const entries = join(root, 'src-main/shells/electron');

/** Packages that stay outside: they have native parts, or there must be one of them (others register themselves with TensorFlow.js). */
export const outside = [
  '@julusian/jpeg-turbo',
  '@napi-rs/image',
  '@tensorflow/tfjs',
  'better-sqlite3',
  'electron',
  'onnxruntime-node',
  'sharp',
  'systeminformation',
];

/** Modules that run elsewhere than in the main process, by the names that they have in `dist/workers`. */
const workers = {
  'trainer-main': join(root, 'src-main/trainer/main.ts'),
  'datasets-decode-worker': join(root, 'src-main/datasets/decode-worker.ts'),
};

/**
 * Keeps `new URL('...', import.meta.url)` right: other files stay where they are; a module that runs elsewhere is where it is built, and
 * in a packaged app beside the archive, into which plain Node does not see.
 */
const placesOfFiles = (outDir: string): Plugin => ({
  name: 'places-of-files',
  transform(code, id) {
    if (!id.startsWith(join(root, 'src-'))) return null;
    return code.replaceAll(/new URL\('(\.[^']+)', import\.meta\.url\)/g, (_, path: string) => {
      const place = resolve(dirname(id), path);
      const worker = Object.entries(workers).find(([, module]) => module === place)?.[0];
      if (worker === undefined && place.endsWith('.ts')) throw new Error(`${place} is not among the workers`);
      const from = (target: string) => relative(outDir, target).replaceAll(sep, '/');
      if (worker === undefined) return `new URL('${from(place)}', import.meta.url)`;
      return `new URL('${from(join(dir('workers'), worker))}.js', import.meta.url.replace('/app.asar/', '/app.asar.unpacked/'))`;
    });
  },
});

const forNode = (name: string, input: Record<string, string>): BuildOptions => ({
  input,
  platform: 'node',
  external: outside,
  plugins: [placesOfFiles(dir(name))],
  checks: { bundlerTimings: false },
  output: { dir: dir(name), format: 'esm', chunkFileNames: 'part-[hash].js', cleanDir: true },
});

/** Main process, what it starts, preload script. */
export const builds: BuildOptions[] = [
  forNode('main', { main: join(entries, 'main.ts') }),
  forNode('workers', workers),
  {
    input: join(entries, 'preload/preload.ts'),
    platform: 'browser',
    external: 'electron',
    output: { file: join(root, 'dist/preload/preload.cjs'), format: 'cjs' },
  },
];

export default builds;
