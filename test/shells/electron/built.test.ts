/** What the build makes of the preload script and the main process. */
import { isBuiltin } from 'node:module';
import { expect, test } from 'vitest';
import type { BuildOptions } from 'rolldown';
import { build } from 'rolldown';
import { builds, outside } from '../../../rolldown.config.ts';

const [main, workers, preload] = builds as [BuildOptions, BuildOptions, BuildOptions];

async function built(options: BuildOptions): Promise<Map<string, string>> {
  const { output } = await build({ ...options, write: false });
  return new Map(output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : '']));
}

test('the preload script is one CommonJS file that a sandboxed window takes: it requires nothing but Electron', async () => {
  const files = await built(preload);
  expect([...files.keys()]).toEqual(['preload.cjs']);
  const code = files.get('preload.cjs')!;
  expect([...code.matchAll(/require\(([^)]*)\)/g)].map(([, name]) => name)).toEqual(['"electron"']);
  expect(code).not.toMatch(/^import |^export /m);
});

test('what the main process starts is built apart, and found from it', async () => {
  const files = await built(main);
  const code = [...files.values()].join('\n');
  expect(files.has('main.js')).toBe(true);
  for (const name of ['trainer-main', 'datasets-decode-worker'])
    expect(code).toContain(
      `new URL("../workers/${name}.js", import.meta.url.replace("/app.asar/", "/app.asar.unpacked/"))`,
    );
  expect(code).toContain(`new URL("../../package.json", import.meta.url)`);
  expect(code).toContain(`new URL("../renderer", import.meta.url)`);
  const started = await built(workers);
  expect([...started.keys()]).toEqual(
    expect.arrayContaining(['trainer-main.js', 'datasets-decode-worker.js']),
  );
  expect([...started.values()].join('\n')).toContain(`new URL("../../package.json", import.meta.url)`);
});

test.each([
  ['main process', main],
  ['what it starts', workers],
])('the %s asks for no package but those that stay outside', async (_, options) => {
  const { output } = await build({ ...options, write: false });
  const asked = output.flatMap((file) =>
    file.type === 'chunk' ? [...file.imports, ...file.dynamicImports] : [],
  );
  const own = new Set<string>(output.map(({ fileName }) => fileName));
  const packages = asked.filter((name) => !own.has(name) && !isBuiltin(name));
  expect(packages.length).toBeGreaterThan(1);
  expect(packages.filter((name) => !outside.includes(name))).toEqual([]);
});
