/** The built page as files. */
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../src-shared/errors.ts';
import { sendFile } from './send.ts';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

/**
 * Folder of the page that Vite has built (vite.config.ts).
 * @throws AppError `page.missing` when it is not built
 */
export function builtPage(): string {
  const dir = fileURLToPath(new URL('../../dist/renderer', import.meta.url));
  if (existsSync(join(dir, 'index.html'))) return dir;
  throw new AppError(
    'page.missing',
    'The page is not built yet. "npm start" builds and opens it; "npm run build" only builds it.',
  );
}

const missing = () => new AppError('file.missing', 'There is nothing at this address.');

/**
 * A file of the page. No name that a browser can send leads out of the folder, nor does a link in it.
 * @param segments decoded parts of the address, none for the page itself
 * @throws AppError `file.missing`
 */
export async function sendPage(
  dir: string,
  segments: readonly string[],
  request: Request,
): Promise<Response> {
  const parts = segments.length === 0 ? ['index.html'] : segments;
  // Vite's own names. No dots in front, no separators, no drive letters, nothing that Windows reads as something else.
  if (!parts.every((part) => /^[\w-][\w.-]*$/.test(part))) throw missing();
  const type = types[extname(parts.at(-1)!)];
  if (type === undefined) throw missing();
  const path = await inside(dir, join(dir, ...parts));
  // Names of assets hold a hash of what is in them.
  return sendFile(path, type, { request, caching: parts[0] === 'assets' ? 'forever' : 'asked' });
}

async function inside(dir: string, path: string): Promise<string> {
  try {
    const [root, real] = await Promise.all([realpath(dir), realpath(path)]);
    if (real.startsWith(root + sep)) return real;
  } catch {
    // Told below, like what lies elsewhere.
  }
  throw missing();
}
