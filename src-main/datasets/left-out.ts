import { appendFileSync, createReadStream } from 'node:fs';
import type { LeftOut } from '../../src-shared/dataset.ts';
import { diskFull, saysDiskFull } from '../../src-shared/disk-full.ts';
import { systemCode } from './unusable.ts';

/** So many left-out files are kept in memory; the others go to a file, or are only counted. */
const MOST_LISTED = 1000;
/** Characters that are gathered before they are written. */
const WRITE_AT_ONCE = 2 ** 16;

/** Files that were left out: the first thousand with their reason, all of them counted. */
export class LeftOutList {
  readonly listed: LeftOut[] = [];
  count = 0;
  private readonly overflow: string | undefined;
  private waiting = '';

  /** @param overflow path of a file that takes those that are not listed, one JSON object a line, behind what is in it */
  constructor(overflow?: string) {
    this.overflow = overflow;
  }

  add(file: string, code: string, reason: string): void {
    this.count++;
    this.list({ file, code, reason });
  }

  /** Adds what another list found, such as a worker's for its part. */
  append(listed: readonly LeftOut[], count: number): void {
    this.count += count;
    for (const entry of listed) this.list(entry);
  }

  /** Writes what was gathered for the file. @throws {AppError} `disk.full` */
  flush(): void {
    if (this.overflow === undefined || this.waiting === '') return;
    try {
      appendFileSync(this.overflow, this.waiting);
    } catch (cause) {
      throw saysDiskFull(systemCode(cause)) ? diskFull(this.overflow, cause) : cause;
    }
    this.waiting = '';
  }

  /** All of them as text, one JSON object a line, in parts: those that are listed, then the others as they were found. */
  async *parts(): AsyncGenerator<string | Buffer> {
    this.flush();
    yield this.listed.map(lineOf).join('');
    if (this.overflow === undefined || this.count === this.listed.length) return;
    for await (const part of createReadStream(this.overflow)) yield part as Buffer;
  }

  private list(entry: LeftOut): void {
    if (this.listed.length < MOST_LISTED) this.listed.push(entry);
    else if (this.overflow !== undefined) {
      this.waiting += lineOf(entry);
      if (this.waiting.length >= WRITE_AT_ONCE) this.flush();
    }
  }
}

const lineOf = (entry: LeftOut): string => `${JSON.stringify(entry)}\n`;
