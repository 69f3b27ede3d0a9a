/** Where the app finds the Node of its trainers: beside the sources while it is developed, among its resources when it is packaged. */
import { join } from 'node:path';
import { app } from 'electron';
import { pinnedNode } from '../node-binary.ts';

/** Path of the Node binary for trainers: the folder `node` of the app's resources when it is packaged. @throws AppError `node.missing` */
export function nodeForTrainers(): string {
  if (!app.isPackaged) return pinnedNode();
  return join(process.resourcesPath, 'node', process.platform === 'win32' ? 'node.exe' : 'node');
}
