/** What the build makes of the preload script and the main process. */
import { expect, test } from 'vitest';
import type { BuildOptions } from 'rolldown';
import { build } from 'rolldown';
import { builds } from '../../../rolldown.config.ts';

const [main, preload] = builds as [BuildOptions, BuildOptions];

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

test('what the main process starts are files of their own, beside it', async () => {
  const files = await built(main);
  expect([...files.keys()]).toEqual(
    expect.arrayContaining(['main.js', 'trainer-main.js', 'datasets-decode-worker.js']),
  );
  const all = [...files.values()].join('\n');
  expect(all).toContain(`new URL("./trainer-main.js", import.meta.url)`);
  expect(all).toContain(`new URL("./datasets-decode-worker.js", import.meta.url)`);
  expect(all).toContain(`new URL("../../package.json", import.meta.url)`);
  expect(all).toContain(`new URL("../renderer", import.meta.url)`);
});
