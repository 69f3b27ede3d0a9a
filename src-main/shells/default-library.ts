import { join } from 'node:path';

/** The platform's usual place for an application's data. */
export function defaultLibrary(platform: NodeJS.Platform, env: NodeJS.ProcessEnv, home: string): string {
  if (env['GANVAS_LIBRARY']) return env['GANVAS_LIBRARY'];
  if (platform === 'win32')
    return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'Ganvas', 'library');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Ganvas', 'library');
  return join(env['XDG_DATA_HOME'] ?? join(home, '.local', 'share'), 'ganvas', 'library');
}
