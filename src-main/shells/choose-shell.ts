/** Which shell `npm start` opens: the desktop app where that can be had, else the page in a browser. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface Surroundings {
  /** Path of the desktop app's built entry, whether or not it is there. */
  entry: string;
  hasScreen: boolean;
  /** Chromium's sandbox, and with it the desktop app, does not start for Linux' root. */
  isRoot: boolean;
  /** Path of Electron's binary, fetched if need be; null where it cannot be had. Asked only when all else is there. */
  findElectron: () => string | null;
}

export type Shell =
  | { kind: 'desktop'; electron: string }
  /** `why` it is not the desktop app: a sentence. */
  | { kind: 'server'; why: string };

export function chooseShell({ entry, hasScreen, isRoot, findElectron }: Surroundings): Shell {
  const server = (why: string): Shell => ({ kind: 'server', why });
  if (!existsSync(entry)) return server('The desktop app is not built in this checkout.');
  if (!hasScreen) return server('There is no screen here for the desktop app.');
  if (isRoot) return server('The desktop app does not run as root.');
  const electron = findElectron();
  if (electron !== null) return { kind: 'desktop', electron };
  return server('Electron is not here and cannot be fetched, so the desktop app does not open.');
}

/** The binary of the package `electron` in a folder; null where it was never fetched. */
export function electronBinary(packageFolder: string, env: NodeJS.ProcessEnv): string | null {
  const named = join(packageFolder, 'path.txt');
  // Electron's own name for a folder that holds its binary already.
  const dist = env['ELECTRON_OVERRIDE_DIST_PATH'] ?? join(packageFolder, 'dist');
  const path = join(dist, existsSync(named) ? readFileSync(named, 'utf8').trim() : 'electron');
  return existsSync(path) ? path : null;
}

/** How long fetching may take, in milliseconds: it has 100 MB. */
const patience = 300_000;

/** {@link electronBinary}, fetched by the package's own script where it is not there yet; null where that fails. */
export function fetchedElectron(env: NodeJS.ProcessEnv, tell: (text: string) => void): string | null {
  let folder: string;
  try {
    folder = dirname(createRequire(import.meta.url).resolve('electron/package.json'));
  } catch {
    return null;
  }
  const present = electronBinary(folder, env);
  if (present !== null) return present;
  tell('Fetching Electron, once …');
  spawnSync(process.execPath, [join(folder, 'install.js')], { stdio: 'ignore', timeout: patience });
  return electronBinary(folder, env);
}
