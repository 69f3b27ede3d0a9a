/**
 * The desktop app's processes: Electron's main process and what it starts as ES modules in `dist/main`, the preload script as the
 * one CommonJS file that a sandboxed window takes in `dist/preload`. Packages stay outside.
 */
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { BuildOptions, Plugin } from 'rolldown';

const root = import.meta.dirname;
const dir = join(root, 'dist/main');
const entries = join(root, 'src-main/shells/electron');

/** Keeps `new URL('...', import.meta.url)` right: a module becomes an entry of its own, other files stay where they are. */
const placesBesideModules: Plugin = {
  name: 'places-beside-modules',
  transform(code, id) {
    return code.replaceAll(/new URL\('(\.[^']+)', import\.meta\.url\)/g, (_, path: string) => {
      const place = resolve(dirname(id), path);
      if (!path.endsWith('.ts'))
        return `new URL('${relative(dir, place).replaceAll(sep, '/')}', import.meta.url)`;
      const name = relative(join(root, 'src-main'), place).replace(/\.ts$/, '').replaceAll(/[\\/]/g, '-');
      this.emitFile({ type: 'chunk', id: place, name, fileName: `${name}.js` });
      return `new URL('./${name}.js', import.meta.url)`;
    });
  },
};

/** Main process, then preload script. */
export const builds: BuildOptions[] = [
  {
    input: { main: join(entries, 'main.ts') },
    platform: 'node',
    external: /^[^./]/,
    plugins: [placesBesideModules],
    checks: { bundlerTimings: false },
    output: { dir, format: 'esm', chunkFileNames: 'part-[hash].js', cleanDir: true },
  },
  {
    input: join(entries, 'preload/preload.ts'),
    platform: 'browser',
    external: 'electron',
    output: { file: join(root, 'dist/preload/preload.cjs'), format: 'cjs' },
  },
];

export default builds;
