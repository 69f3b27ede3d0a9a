/** The machine, the shell and the space that there is. */
import { readFileSync } from 'node:fs';
import { lstat, readdir, statfs } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import type { Resources, SystemInfo } from '../../src-shared/api.ts';
import type { EngineReport } from '../../src-shared/trainer-protocol.ts';
import { listEngines } from './ask-trainer.ts';
import type { TrainerHost } from './trainer-host.ts';

export interface System {
  info(): SystemInfo;
  /** What can compute here; asked once, since it does not change while Ganvas runs. */
  engines(signal?: AbortSignal): Promise<EngineReport[]>;
  resources(): Promise<Resources>;
}

export interface SystemOptions {
  libraryDir: string;
  /** Folder with one folder for each run, named by its id. */
  runsDir: string;
  shell: SystemInfo['shell'];
  canBrowse: boolean;
  host: TrainerHost;
}

export function createSystem({ libraryDir, runsDir, shell, canBrowse, host }: SystemOptions): System {
  let engines: EngineReport[] | null = null;
  return {
    info: () => ({
      version: version(),
      shell,
      platform: process.platform,
      library: basename(libraryDir),
      canBrowse,
      dialogs: shell === 'desktop',
      cores: availableParallelism(),
      // A container may leave less than the machine has.
      memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Infinity),
    }),
    engines: async (signal) => (engines ??= await listEngines(host, signal)),
    async resources() {
      const { bavail, bsize } = await statfs(libraryDir);
      return {
        diskFree: bavail * bsize,
        memoryFree: freemem(),
        libraryBytes: await bytesOf(libraryDir),
        runBytes: await bytesOfEach(runsDir),
      };
    },
  };
}

/** The version of Ganvas. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return v.parse(v.object({ version: v.string() }), JSON.parse(text)).version;
}

/** Bytes of all the files below a folder; what vanishes while they are counted is not counted. */
async function bytesOf(folder: string): Promise<number> {
  let sum = 0;
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) sum += await bytesOf(path);
    else
      sum += await lstat(path).then(
        ({ size }) => size,
        () => 0,
      );
  }
  return sum;
}

/** Bytes of each folder in a folder. */
async function bytesOfEach(folder: string): Promise<Record<string, number>> {
  const names = await readdir(folder).catch(() => []);
  const sizes: Record<string, number> = {};
  // One after the other: a library of hundreds of runs must not take every file handle.
  for (const name of names) sizes[name] = await bytesOf(join(folder, name));
  return sizes;
}
