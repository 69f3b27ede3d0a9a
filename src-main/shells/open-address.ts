/** The person's own browser. */
import { spawn } from 'node:child_process';

/** The command that opens an address; null where there is no screen, or nobody knows how. */
export function opener(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): readonly string[] | null {
  switch (platform) {
    case 'darwin':
      return ['open'];
    case 'win32':
      return ['rundll32', 'url.dll,FileProtocolHandler'];
    default:
      return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? ['xdg-open'] : null;
  }
}

/** Opens an address in the person's browser, if there is one; whether it works is seen by the person only. */
export function openAddress(address: string): void {
  const [command, ...words] = opener(process.platform, process.env) ?? [];
  if (command === undefined) return;
  const child = spawn(command, [...words, address], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
