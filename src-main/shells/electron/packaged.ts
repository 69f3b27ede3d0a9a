/** What a packed app has among its resources, and a checkout elsewhere or not at all. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { app } from 'electron';
import { pinnedNode } from '../node-binary.ts';

/** Path of the Node binary for trainers: the folder `node` of the app's resources when it is packaged. @throws AppError `node.missing` */
export function nodeForTrainers(): string {
  if (!app.isPackaged) return pinnedNode();
  return join(process.resourcesPath, 'node', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** Whether the app knows where new versions are: electron-builder writes it into apps whose project has an address. */
export const knowsUpdates = (): boolean =>
  app.isPackaged && existsSync(join(process.resourcesPath, 'app-update.yml'));
