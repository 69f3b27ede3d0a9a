/** A disk with no room left, in one code and the same words wherever it is met. */
import { AppError } from './errors.ts';

/** Whether the code of a system's error says that no more can be written: no space, a quota that is used up, the largest size of a file. */
export function saysDiskFull(code: unknown): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

/** The error `disk.full` for what could not be written to `path`. */
export function diskFull(path: string, cause?: unknown): AppError {
  return new AppError(
    'disk.full',
    `There is no space left on the disk for ${path}. Free some space and try again.`,
    { path },
    { cause },
  );
}
