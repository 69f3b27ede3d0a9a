/** A folder as one zip, written while it is sent. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { Zip, ZipPassThrough } from 'fflate';
import { AppError } from '../../src-shared/errors.ts';

/** Most bytes and files of a zip without the 64-bit extension, which fflate does not write; with room for the names. */
const most = { bytes: 2 ** 32 - 2 ** 24, files: 2 ** 16 - 1 };

interface Entry {
  path: string;
  /** Inside the zip. */
  name: string;
  modified: Date;
}

/**
 * The files of a folder, below a folder of the given name; stored, since weights and pictures do not get smaller. Links are left out.
 * @throws AppError `export.too-large` before the first byte
 */
export async function zipFolder(dir: string, name: string): Promise<ReadableStream<Uint8Array>> {
  const found = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const sizes = await Promise.all(paths.map((path) => stat(path)));
  const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
  if (bytes > most.bytes || paths.length > most.files) {
    throw new AppError(
      'export.too-large',
      `It is larger than a zip can be (${paths.length} files, ${bytes} bytes). Copy its folder instead: ${dir}`,
      { path: dir, bytes },
    );
  }
  const entries = paths.map((path, index): Entry => ({
    path,
    name: `${name}/${relative(dir, path).split(sep).join('/')}`,
    modified: sizes[index]!.mtime,
  }));
  return Readable.toWeb(Readable.from(zipOf(entries))) as ReadableStream<Uint8Array>;
}

async function* zipOf(entries: readonly Entry[]): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    ready.push(chunk);
  });
  for (const { path, name, modified } of entries) {
    const entry = new ZipPassThrough(name);
    entry.mtime = modified;
    zip.add(entry);
    for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
      entry.push(chunk);
      yield* ready.splice(0);
    }
    entry.push(new Uint8Array(0), true);
    yield* ready.splice(0);
  }
  zip.end();
  yield* ready.splice(0);
}
