/** Libraries in temporary folders, and processes that open them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { openStore, type Store } from '../../src-main/store/open-store.ts';
import { AppError } from '../../src-shared/errors.ts';

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ganvas-store-'));
  onTestFinished(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

/** Opens a library for the length of the test. */
export function open(dir: string, access: 'write' | 'read' = 'write'): Store {
  const store = openStore(dir, { access });
  onTestFinished(() => {
    store.close();
  });
  return store;
}

/** A new library, open for writing. */
export function newStore(): Store {
  return open(join(temporaryFolder(), 'library'));
}

/** The AppError that `work` throws. */
export function errorOf(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Starts child.ts. */
export function startChild(...parameters: string[]): ChildProcess {
  const script = join(import.meta.dirname, 'child.ts');
  const child = spawn(process.execPath, ['--expose-gc', script, ...parameters], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** What a child says first; null when it ends without a word. */
export async function firstWord(child: ChildProcess): Promise<unknown> {
  if (child.stdout === null) throw new Error('the child has no output');
  for await (const line of createInterface(child.stdout)) return JSON.parse(line);
  return null;
}

/** Kills a child as the system does when memory is short. */
export async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
