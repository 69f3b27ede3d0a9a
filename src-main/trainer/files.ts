/** Writing so that a file or folder is either there, whole, or not there at all. */
import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { access, lstat, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { diskFull, saysDiskFull } from '../../src-shared/disk-full.ts';
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

function existsAlready(path: string): AppError {
  return new AppError('disk.exists', `${path} exists already. Remove it or choose another name.`, { path });
}

/** Keeps what a person has from being replaced. @throws AppError `disk.exists` when something is there, a link that leads nowhere too */
export async function refuseExisting(path: string): Promise<void> {
  if ((await lstat(path).catch(() => null)) !== null) throw existsAlready(path);
}

/** Some folders are there and take no files: those of the kernel, under /proc, answer as if they were not there. */
function missingFolder(path: string): AppError {
  const folder = dirname(path);
  const why = !existsSync(folder)
    ? `the folder ${folder} is not there.`
    : statSync(folder).isDirectory()
      ? `nothing can be put into the folder ${folder}. Choose another one.`
      : `${folder} is a file, no folder.`;
  return new AppError('disk.no-folder', `${path} cannot be written: ${why}`, { path });
}

/** What a file system's refusal means for a person. */
function diskError(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (saysDiskFull(code)) return diskFull(path, error);
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new AppError(
        'disk.no-permission',
        `No permission to write ${path}. Choose another folder or change its permissions.`,
        { path },
      );
    case 'ENOENT':
    case 'ENOTDIR':
      return missingFolder(path);
    case 'EISDIR':
    case 'EEXIST':
    case 'ENOTEMPTY':
      return existsAlready(path);
    default:
      return error;
  }
}

/**
 * Makes a folder and those above it, where they are not there yet.
 * @throws AppError `disk.*`
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw diskError(error, folder);
  }
}

/**
 * Writes what may be lost: without waiting for the disk, and not whole when the process dies meanwhile.
 * @throws AppError `disk.*`
 */
export async function writeQuickly(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(file, bytes);
  } catch (error) {
    throw diskError(error, file);
  }
}

/** Ends of the names beside a target: what is being written, and what it replaces. */
const [partial, replaced] = ['.partial', '.replaced'];

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Moves `beside` to `target`. A folder cannot be renamed over one that has something in it: the old one steps aside first. */
async function replaceFolder(beside: string, target: string): Promise<void> {
  const aside = beside.slice(0, -partial.length) + replaced;
  const had = await exists(target);
  if (had) await rename(target, aside);
  try {
    await rename(beside, target);
  } catch (error) {
    if (had) await rename(aside, target);
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/** Clears up what a process that was killed while it wrote left in a folder. Nothing else may be writing there. */
export async function clearLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    // `<target>.<eight digits>.replaced`
    const target = path.slice(0, -(replaced.length + 9));
    if (name.endsWith(replaced) && !(await exists(target))) await rename(path, target);
    else if (name.endsWith(partial) || name.endsWith(replaced))
      await rm(path, { recursive: true, force: true });
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
  const beside = `${target}.${randomUUID().slice(0, 8)}${partial}`;
  try {
    if (kind === 'folder') await mkdir(beside);
    const result = await write(beside);
    if (kind === 'folder') {
      await syncFolder(beside);
      await replaceFolder(beside, target);
    } else {
      await rename(beside, target);
    }
    await syncFolder(dirname(target));
    return result;
  } catch (error) {
    // Why it failed matters more than a folder that cannot even be cleaned.
    await rm(beside, { recursive: true, force: true }).catch(() => undefined);
    throw diskError(error, target);
  }
}
