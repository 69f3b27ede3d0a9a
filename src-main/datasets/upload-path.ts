import { AppError } from '../../src-shared/errors.ts';

const MOST_NAME_BYTES = 255;
const MOST_PATH_BYTES = 2000;

/** Control characters, and what parts a path on Windows: nothing that people have in file names. */
const UNSAFE = /[\x00-\x1f\x7f\\]/;
const DRIVE = /^[a-z]:/i;
/** Windows opens devices under these names, whatever their ending. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)/i;
/** Windows drops these from the end of a name, so that two names become one. */
const DROPPED_END = /[. ]$/;
const UNKNOWN_TO_WINDOWS = /[<>:"|?*]/;

/**
 * The names in a path that a client says an uploaded file has; joined under any folder they stay in it, on every system.
 * @param path with forward slashes
 * @throws {AppError} `upload.bad-path`
 */
export function namesOfUpload(path: string): string[] {
  const names = path.split('/');
  const why =
    Buffer.byteLength(path) > MOST_PATH_BYTES
      ? 'it is too long'
      : names.map(wrongWith).find((wrong) => wrong !== null);
  if (why === undefined) return names;
  const shown = path.length > 100 ? `${path.slice(0, 100)}…` : path;
  throw new AppError(
    'upload.bad-path',
    `The file ${JSON.stringify(shown)} cannot be stored under its name: ${why}. Rename it, then upload it again.`,
    { path: shown },
  );
}

function wrongWith(name: string): string | null {
  if (name === '') return 'a part of its path is empty';
  if (name === '.' || name === '..') return 'it points to another folder';
  if (Buffer.byteLength(name) > MOST_NAME_BYTES) return 'a name in it is too long';
  if (!name.isWellFormed()) return 'its characters are damaged';
  if (UNSAFE.test(name)) return 'it has a backslash or a control character';
  if (DRIVE.test(name)) return 'it begins like the name of a drive';
  if (DEVICE.test(name)) return 'Windows keeps that name for a device';
  if (DROPPED_END.test(name)) return 'it ends with a dot or a space';
  if (process.platform === 'win32' && UNKNOWN_TO_WINDOWS.test(name))
    return 'Windows does not allow < > : " | ? *';
  return null;
}
