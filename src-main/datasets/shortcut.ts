/**
 * A file beside a cache entry that tells which folders gave it, so that an unchanged folder is recognised without being
 * read. It is a convenience alone: when it is damaged or missing, the folder's files are read again.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { FolderLook } from './folder-identity.ts';

const Shortcut = v.strictObject({
  outline: v.string(),
  /** The last known first. */
  stamps: v.array(v.string()),
});
type Shortcut = v.InferOutput<typeof Shortcut>;

const FILE = 'shortcut.json';
/** So many places or states of one and the same folder are remembered. */
const MOST_STAMPS = 16;

/**
 * The key of the entry that a folder of this look gave before; `similar` when it was not this folder in this state, but
 * one with the same paths and sizes.
 */
export async function recall(
  cacheDir: string,
  look: FolderLook,
): Promise<{ key: string } | 'similar' | 'unknown'> {
  let similar = false;
  for (const key of await readdir(cacheDir).catch(() => [])) {
    const shortcut = await read(join(cacheDir, key));
    if (shortcut?.outline !== look.outline) continue;
    if (shortcut.stamps.includes(look.stamp)) return { key };
    similar = true;
  }
  return similar ? 'similar' : 'unknown';
}

/** Notes that a folder of this look gives the entry in `entryDir`. That it cannot be written is no failure. */
export async function remember(entryDir: string, { outline, stamp }: FolderLook): Promise<void> {
  const known = await read(entryDir);
  const older = known?.outline === outline ? known.stamps : [];
  if (older[0] === stamp) return;
  const stamps = [stamp, ...older.filter((other) => other !== stamp)].slice(0, MOST_STAMPS);
  const text = JSON.stringify({ outline, stamps } satisfies Shortcut, null, 1);
  await writeFile(join(entryDir, FILE), text).catch(() => undefined);
}

async function read(entryDir: string): Promise<Shortcut | null> {
  try {
    return v.parse(Shortcut, JSON.parse(await readFile(join(entryDir, FILE), 'utf8')));
  } catch {
    return null;
  }
}
