/** Writing so that a file or folder is either there, whole, or not there at all. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';

/** Writes the bytes and waits until the disk has them. */
export async function writeSynced(file: string, bytes: Uint8Array | string): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open folders; its file systems journal renames themselves.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What a file system's refusal means for a person. */
export function diskError(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('disk.full', `The disk is full: ${path} was not written. Free some space and resume.`, { path });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new AppError('disk.no-permission', `No permission to write ${path}. Choose another folder or change its permissions.`, { path });
    case 'ENOENT':
    case 'ENOTDIR':
      return new AppError('disk.no-folder', `${path} cannot be written: the folder ${dirname(path)} is not there.`, { path });
    case 'EISDIR':
    case 'EEXIST':
    case 'ENOTEMPTY':
      return new AppError('disk.exists', `${path} exists already. Remove it or choose another name.`, { path });
    case 'EFBIG':
      return new AppError('disk.full', `${path} is larger than the disk or its limits allow.`, { path });
    default:
      return error;
  }
}

/**
 * Makes `target` (a file or a folder) appear at once: `write` fills a path beside it, which is then renamed. An old `target` is replaced.
 * @throws AppError `disk.full`, `disk.no-permission`, `disk.no-folder`, `disk.exists`; nothing is left behind
 */
export async function writeWhole<T>(
  target: string,
  kind: 'file' | 'folder',
  write: (beside: string) => Promise<T>,
): Promise<T> {
  const beside = `${target}.${randomUUID().slice(0, 8)}.partial`;
  try {
    if (kind === 'folder') await mkdir(beside);
    const result = await write(beside);
    if (kind === 'folder') {
      await syncFolder(beside);
      // A folder cannot be renamed over one that has something in it.
      await rm(target, { recursive: true, force: true });
    }
    await rename(beside, target);
    await syncFolder(dirname(target));
    return result;
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw diskError(error, target);
  }
}
