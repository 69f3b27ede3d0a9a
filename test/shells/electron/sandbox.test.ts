import { expect, test, vi } from 'vitest';
import { requireSandbox } from '../../../src-main/shells/electron/sandbox.ts';
import { AppError } from '../../../src-shared/errors.ts';

const words = vi.hoisted(() => new Set<string>());
vi.mock('electron', () => ({ app: { commandLine: { hasSwitch: (name: string) => words.has(name) } } }));

test('the app does not run without its sandbox, but for root, who has none', () => {
  expect(() => requireSandbox(1000)).not.toThrow();
  words.add('no-sandbox');
  expect(() => requireSandbox(1000)).toThrow(AppError);
  expect(() => requireSandbox(1000)).toThrow('install the deb');
  expect(() => requireSandbox(0)).not.toThrow();
});
