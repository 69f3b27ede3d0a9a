/** Files and folders as answers. */
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AppError } from '../../src-shared/errors.ts';
import type { Content } from '../core/files.ts';
import { answer } from './answer.ts';
import { zipFolder } from './zip-folder.ts';

/** How long a browser may keep an answer. */
export const caching = {
  /** What is at this address never changes. Only the browser keeps it: it is behind a key. */
  forever: 'private, max-age=31536000, immutable',
  /** It asks each time whether it has changed. */
  asked: 'private, no-cache',
} as const;

export interface Sending {
  /** The request that is answered: HEAD wants no body, and a browser tells what it has already. */
  request: Request;
  caching?: keyof typeof caching;
  /** Name to save it under; it is shown where there is none. */
  saveAs?: string;
}

/** A name without what some file system does not take, what would name another folder, and what is not seen. */
function safeName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}"*/:<>?\\|]/gu, '_').replace(/^\.+|[. ]+$/g, '_') || 'ganvas';
}

/** `Content-Disposition` that saves under a name, whatever is in it (RFC 6266, RFC 8187). */
export function saveAs(name: string): string {
  const safe = safeName(name);
  const plain = safe.replace(/[^\x20-\x7e]|%/g, '_');
  const encoded = encodeURIComponent(safe).replace(
    /['()!]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/** A weak validator: the same size and time of change are the same file. */
function tagOf({ size, mtimeMs }: Stats): string {
  return `W/"${size.toString(36)}-${Math.round(mtimeMs * 1000).toString(36)}"`;
}

async function openFile(path: string): Promise<{ handle: FileHandle; stats: Stats }> {
  let handle: FileHandle;
  try {
    handle = await open(path);
  } catch (error) {
    throw new AppError('file.missing', 'This file is not there any more.', {}, { cause: error });
  }
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, stats };
  await handle.close();
  throw new AppError('file.missing', 'This file is not there any more.');
}

/** @throws AppError `file.missing` */
export async function sendFile(path: string, type: string, sending: Sending): Promise<Response> {
  const { handle, stats } = await openFile(path);
  const tag = tagOf(stats);
  const headers = { ...headersOf(sending), 'content-type': type, etag: tag };
  const known = sending.request.headers.get('if-none-match')?.split(/, */).includes(tag) === true;
  if (known || sending.request.method === 'HEAD') {
    await handle.close();
    return known
      ? answer(304, { etag: tag, 'cache-control': headers['cache-control'] })
      : answer(200, { ...headers, 'content-length': String(stats.size) });
  }
  // Reads no more than was promised, should somebody write to it meanwhile.
  const bytes = stats.size === 0 ? Readable.from([]) : handle.createReadStream({ end: stats.size - 1 });
  if (stats.size === 0) await handle.close();
  return answer(
    200,
    { ...headers, 'content-length': String(stats.size) },
    Readable.toWeb(bytes) as ReadableStream<Uint8Array>,
  );
}

/** @throws AppError `file.missing`, `export.too-large` */
export async function sendContent(content: Content, sending: Sending): Promise<Response> {
  const withBody = sending.request.method !== 'HEAD';
  switch (content.kind) {
    case 'file':
      return sendFile(content.path, content.type, sending);
    case 'bytes': {
      const { bytes, type } = content;
      const headers = { 'content-type': type, 'content-length': String(bytes.length) };
      return answer(200, { ...headersOf(sending), ...headers }, withBody ? new Uint8Array(bytes) : null);
    }
    case 'folder': {
      const name = safeName((sending.saveAs ?? 'ganvas').replace(/\.zip$/, ''));
      const headers = {
        ...headersOf({ ...sending, saveAs: `${name}.zip` }),
        'content-type': 'application/zip',
      };
      if (!withBody) return answer(200, headers);
      return answer(200, headers, await zipFolder(content.path, name));
    }
  }
}

function headersOf({
  caching: kept,
  saveAs: name,
}: Sending): Record<'cache-control', string> & Record<string, string> {
  return {
    'cache-control': kept === undefined ? 'no-store' : caching[kept],
    ...(name === undefined ? {} : { 'content-disposition': saveAs(name) }),
  };
}
