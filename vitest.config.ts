import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Native libraries (SQLite, onnxruntime, sharp) are loaded once a process, and a crash of one must not take other tests along.
    pool: 'forks',
    // Tests that use onnxruntime-node themselves send nothing to its makers either (see src-main/trainer/engines/onnx/no-telemetry.ts).
    env: { ORT_DISABLE_TELEMETRY: '1' },
    // Far above what any test takes: only a hang meets it, on a slow and busy machine too.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
