import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';

/**
 * Path of the Node binary that the package `node` brought: the one that the native libraries are tested with.
 * @throws AppError `node.missing`; `machine.unsupported` on a Mac with an Intel processor
 */
export function pinnedNode(): string {
  if (process.platform === 'darwin' && process.arch === 'x64') {
    throw new AppError(
      'machine.unsupported',
      'Ganvas cannot compute on Macs with Intel processors: ONNX Runtime has no library for them any more. It runs on Macs with Apple processors, on Windows and on Linux.',
    );
  }
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const require = createRequire(import.meta.url);
  try {
    const path = join(dirname(require.resolve('node/package.json')), 'bin', name);
    if (existsSync(path)) return path;
  } catch {
    // Told below, like a package without its binary.
  }
  throw new AppError(
    'node.missing',
    'The Node that Ganvas computes with is not installed. Run "npm install" again and let the package "node" run its install script.',
  );
}
