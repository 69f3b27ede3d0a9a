/**
 * Some space that a library keeps for the day when the disk is full: even deleting writes a little first (a lock, a log of what changes), and
 * whoever deletes then wants space.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { AppError } from '../../src-shared/errors.ts';
import { isDiskFull } from './database.ts';

/** Bytes; random ones, since some file systems store equal ones in no space at all. */
const size = 2 ** 20;

/** Makes the reserve where it is not there and the disk has room for it. */
export function keepReserve(file: string): void {
  if (existsSync(file)) return;
  try {
    writeFileSync(file, randomBytes(size), { flag: 'wx' });
  } catch {
    // Half a reserve would only take the space that is wanted.
    rmSync(file, { force: true });
  }
}

/** Does `work`; where the disk is too full for it, does it again with the reserve given away. */
export function withReserve<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    // SQLite calls it another failure where there is no room for the index of its log.
    const isFull = isDiskFull(error) || (error instanceof AppError && error.code === 'library.io');
    if (!isFull || !existsSync(file)) throw error;
    rmSync(file, { force: true });
    return work();
  }
}
