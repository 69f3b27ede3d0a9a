/** Where the app finds what it starts: beside the sources while it is developed, among its resources when it is packaged. */
import { join, sep } from 'node:path';
import { app } from 'electron';
import { pinnedNode } from '../node-binary.ts';
import { trainerEntry } from '../trainer-host.ts';

/** Path of the Node binary for trainers: the folder `node` of the app's resources when it is packaged. @throws AppError `node.missing` */
export function nodeForTrainers(): string {
  if (!app.isPackaged) return pinnedNode();
  return join(process.resourcesPath, 'node', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** Path of the trainer's module. Plain Node does not see into the archive, so it lies unpacked beside it. */
export function trainerForNode(): string {
  return trainerEntry().replace(`app.asar${sep}`, `app.asar.unpacked${sep}`);
}
