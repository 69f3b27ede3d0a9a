import { app } from 'electron';
import { AppError } from '../../../src-shared/errors.ts';

/**
 * Nothing is opened without the sandbox of the windows. Root alone has none, Chromium says so itself.
 * @param user id of who runs the app; absent on Windows
 * @throws AppError `sandbox.off`
 */
export function requireSandbox(user = process.getuid?.()): void {
  if (user === 0 || !app.commandLine.hasSwitch('no-sandbox')) return;
  throw new AppError(
    'sandbox.off',
    'Ganvas was started without the sandbox that keeps its windows apart from your files (--no-sandbox), and does not run so. Start it without that word. An AppImage adds it where the system allows no user namespaces: install the deb instead, which brings the permission.',
  );
}
