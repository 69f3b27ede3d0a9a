import { expect, onTestFinished, test, vi } from 'vitest';
import { pinnedNode } from '../../src-main/shells/node-binary.ts';
import { AppError } from '../../src-shared/errors.ts';

test('Macs with Intel processors are told at once that nothing can compute there', () => {
  onTestFinished(() => void vi.unstubAllGlobals());
  vi.stubGlobal('process', { ...process, platform: 'darwin', arch: 'x64' });
  expect(pinnedNode).toThrow(AppError);
  expect(pinnedNode).toThrow('Intel processors');
  vi.stubGlobal('process', { ...process, platform: 'darwin', arch: 'arm64' });
  expect(pinnedNode).not.toThrow();
});
