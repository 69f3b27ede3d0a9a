import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const runes = 'test/renderer/**/*.svelte.test.ts';
const stories = 'test/e2e/**/*.test.ts';

export default defineConfig({
  test: {
    // Native libraries (SQLite, onnxruntime, sharp) are loaded once a process, and a crash of one must not take other tests along.
    pool: 'forks',
    // Tests that use onnxruntime-node themselves send nothing to its makers either (see src-main/trainer/engines/onnx/no-telemetry.ts).
    env: { ORT_DISABLE_TELEMETRY: '1' },
    // Far above what any test takes: only a hang meets it, on a slow and busy machine too.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What is waited for comes when it comes: one second, the usual limit, is too short where much else runs.
    expect: { poll: { timeout: 60_000 } },
    projects: [
      { extends: true, test: { name: 'node', include: ['test/**/*.test.ts'], exclude: [runes, stories] } },
      { extends: true, test: { name: 'e2e', include: [stories], globalSetup: 'test/e2e/build.ts' } },
      {
        extends: true,
        // Without this condition Svelte hands out its server build, in which nothing reacts.
        resolve: { conditions: ['browser'] },
        plugins: [svelte({ configFile: false })],
        test: { name: 'runes', include: [runes] },
      },
    ],
  },
});
