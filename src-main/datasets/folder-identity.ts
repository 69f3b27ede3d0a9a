/** What makes two folders the same: the paths in them and the bytes of their files, not where they lie or when they were written. */
import { createHash, type Hash } from 'node:crypto';
import type { FileList } from './file-list.ts';
import type { ScannedFiles } from './scan-folder.ts';

/** Bytes of one file's digest, a SHA-256. */
export const DIGEST_BYTES = 32;

/** How a folder looks without its files being read. */
export interface FolderLook {
  /** Hash (hex) over relative paths and sizes: the same for every copy. */
  outline: string;
  /** Hash (hex) over the outline, where the folder lies, and when its files were changed. */
  stamp: string;
}

/** @param surveys what `surveyFiles` gave for all files, in their order */
export function lookOf(root: string, scanned: ScannedFiles, surveys: readonly Uint8Array[]): FolderLook {
  const outline = pathsHash(scanned).update(bytesOf(scanned.files.sizes)).digest('hex');
  const stamp = createHash('sha256').update(`${outline}\0${root}\0`);
  for (const survey of surveys) stamp.update(survey);
  return { outline, stamp: stamp.digest('hex') };
}

/** The hash of a folder's content, to be fed with the digests of all its files in their order. */
export const contentHash = (scanned: ScannedFiles): Hash => pathsHash(scanned).update('content\0');

/** Paths belong to the content because sub-folders are classes; what was left out, because the entry lists it. */
function pathsHash({ files, leftOut, leftOutCount }: ScannedFiles): Hash {
  const hash = createHash('sha256').update(`folder\0${files.count}\0${leftOutCount}\0`);
  hash.update(files.paths).update(bytesOf(files.ends));
  return hash.update(JSON.stringify(leftOut.map(({ file, code }) => [file, code])));
}

const bytesOf = ({ buffer }: FileList['ends'] | FileList['sizes']): Uint8Array => new Uint8Array(buffer);
