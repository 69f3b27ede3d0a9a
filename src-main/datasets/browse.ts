import type { Dirent } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError } from '../../src-shared/errors.ts';
import type { FolderListing } from '../../src-shared/api.ts';
import type { DataRoots } from './data-roots.ts';
import { isSystemFile, unreadableSource } from './scan-folder.ts';

type Entry = FolderListing['entries'][number];

/** So many things that can be chosen, and as many images, are listed at most. */
const MOST_LISTED = 2000;

const HOLDS_IMAGES = /(\.zip|idx3[-.]ubyte(\.gz)?)$/i;
const IS_IMAGE = /\.(png|jpe?g|jfif|webp|gif|bmp|tiff?|avif)$/i;

const natural = new Intl.Collator('en', { numeric: true });

/**
 * What a folder holds that is of use: folders, zips, IDX files, images, by their names. Links are followed only within the roots.
 * @param path null lists the roots
 * @throws {AppError} `dataset.not-allowed`, `dataset.missing`, `dataset.unreadable`, `dataset.not-a-folder`, `cancelled`
 */
export async function browse(
  path: string | null,
  roots: DataRoots,
  signal?: AbortSignal,
): Promise<FolderListing> {
  if (path === null) return listRoots(await roots.present());
  const folder = await roots.locate(path);
  const choices: string[] = [];
  const images: string[] = [];
  let more = 0;
  const kinds = new Map<string, Entry['kind']>();
  try {
    for await (const dirent of await opendir(folder, { bufferSize: 512 })) {
      if (signal?.aborted === true) throw new AppError('cancelled', 'Listing the folder was cancelled.');
      const { name } = dirent;
      if (isSystemFile(name)) continue;
      const kind = await kindOf(dirent, folder, roots);
      if (kind === null || (kind === 'file' && !HOLDS_IMAGES.test(name) && !IS_IMAGE.test(name))) continue;
      const list = kind === 'folder' || HOLDS_IMAGES.test(name) ? choices : images;
      if (list.length === MOST_LISTED) {
        more++;
        continue;
      }
      list.push(name);
      kinds.set(name, kind);
    }
  } catch (cause) {
    throw cause instanceof AppError ? cause : unlisted(folder, cause);
  }
  const entries = await Promise.all(
    [...choices, ...images].map((name) => entryOf(folder, name, kinds.get(name)!)),
  );
  return { path: folder, parent: await roots.above(folder), entries: sorted(entries), more };
}

function listRoots(roots: readonly string[]): FolderListing {
  const entries = roots.map((path): Entry => {
    const name = basename(path);
    const isAlone = name !== '' && roots.every((other) => other === path || basename(other) !== name);
    return { name: isAlone ? name : path, path, kind: 'folder', bytes: 0 };
  });
  return { path: null, parent: null, entries: sorted(entries), more: 0 };
}

/** Null for what is neither a file nor a folder, and for links that lead nowhere or out. */
async function kindOf(dirent: Dirent, folder: string, roots: DataRoots): Promise<Entry['kind'] | null> {
  if (dirent.isDirectory()) return 'folder';
  if (dirent.isFile()) return 'file';
  if (!dirent.isSymbolicLink()) return null;
  try {
    const found = await stat(await roots.locate(join(folder, dirent.name)));
    return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : null;
  } catch {
    return null;
  }
}

async function entryOf(folder: string, name: string, kind: Entry['kind']): Promise<Entry> {
  const path = join(folder, name);
  const found = kind === 'folder' ? null : await stat(path).catch(() => null);
  return { name, path, kind, bytes: found?.size ?? 0 };
}

const sorted = (entries: Entry[]): Entry[] =>
  entries.sort(
    (a, b) => (a.kind === b.kind ? 0 : a.kind === 'folder' ? -1 : 1) || natural.compare(a.name, b.name),
  );

function unlisted(folder: string, cause: unknown): AppError {
  const error = unreadableSource(folder, cause);
  const isFile = cause instanceof Error && 'code' in cause && cause.code === 'ENOTDIR';
  if (!isFile) return error;
  return new AppError(
    'dataset.not-a-folder',
    `${folder} is a file. It can be chosen, not looked into.`,
    { path: folder },
    { cause },
  );
}
