import type { LeftOut } from '../../src-shared/dataset.ts';

/** So many left-out files are listed; the others are only counted. */
const MOST_LISTED = 1000;

/** Files that were left out: the first thousand with their reason, all of them counted. */
export class LeftOutList {
  readonly listed: LeftOut[] = [];
  count = 0;

  add(file: string, code: string, reason: string): void {
    this.count++;
    if (this.listed.length < MOST_LISTED) this.listed.push({ file, code, reason });
  }

  /** Adds what another list found, such as a worker's for its part. */
  append(listed: readonly LeftOut[], count: number): void {
    this.count += count;
    this.listed.push(...listed.slice(0, MOST_LISTED - this.listed.length));
  }
}
