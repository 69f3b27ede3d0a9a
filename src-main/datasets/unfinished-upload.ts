/** Uploads under way, and how they go on in another process. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';

/** What a client says is to come. */
export interface Announcement {
  /** What people call it. */
  name: string;
  files: number;
  /** Null where nobody has counted them. */
  bytes: number | null;
}

/** An upload under way. What has arrived whole lies in `files` of its folder, what is arriving beside it in `arriving`. */
export interface Unfinished extends Announcement {
  folder: string;
  /** Files and bytes that have arrived or are arriving. */
  taken: { files: number; bytes: number };
  arriving: number;
  /** Numbers the files, to name them while they arrive. */
  next: number;
  hasEnded: boolean;
}

/** Lies in the folder of an upload until it is finished. */
const ANNOUNCEMENT = 'announced.json';
const Announced = v.object({ name: v.string(), files: v.number(), bytes: v.nullable(v.number()) });
/** For so many milliseconds after its last file an upload may go on in another process. */
const RESUMABLE_MS = 60 * 60_000;

/** Notes beside the files what is to come. */
export const announce = (folder: string, announced: Announcement): Promise<void> =>
  writeFile(join(folder, ANNOUNCEMENT), JSON.stringify(announced));

export const forgetAnnouncement = (folder: string): Promise<void> => rm(join(folder, ANNOUNCEMENT));

export const unfinishedOf = (announced: Announcement, folder: string): Unfinished => ({
  ...announced,
  folder,
  taken: { files: 0, bytes: 0 },
  arriving: 0,
  next: 0,
  hasEnded: false,
});

/** An upload that another process left under way, with all that had arrived whole; null where there is none, or it was long ago. */
export function reopened(folder: string): Unfinished | null {
  const arriving = join(folder, 'arriving');
  try {
    const announced = v.parse(Announced, JSON.parse(readFileSync(join(folder, ANNOUNCEMENT), 'utf8')));
    if (Date.now() - statSync(arriving).mtimeMs > RESUMABLE_MS) return null;
    rmSync(arriving, { recursive: true });
    mkdirSync(arriving);
    const upload = unfinishedOf(announced, folder);
    for (const entry of readdirSync(join(folder, 'files'), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      upload.taken.files++;
      upload.taken.bytes += statSync(join(entry.parentPath, entry.name)).size;
    }
    return upload;
  } catch {
    return null;
  }
}
