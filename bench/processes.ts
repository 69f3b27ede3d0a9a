/** What the benchmarks of training share: each measurement is a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const execute = promisify(execFile);
export const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
export const print = (line: string) => void process.stdout.write(`${line}\n`);

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Runs a script of this folder, which prints one line of JSON. */
export async function measure<T>(script: string, args: readonly (number | string)[]): Promise<T> {
  const { stdout } = await execute(process.execPath, [here(script), ...args.map(String)]);
  return JSON.parse(stdout) as T;
}
