import { batchLimits } from '../../src-shared/api.ts';
import type { FoundFile } from './found-files.ts';

/** Files from this size on are sent by themselves, in bytes. */
export const large = 1_000_000;
/** Less than the server takes: so the count moves, and what broke off is soon sent again. */
const batchBytes = batchLimits.bytes / 8;
const batchFiles = batchLimits.files / 2;
/** Files that are opened at the same time. */
const openedAtOnce = 50;

export interface OpenFile {
  path: string;
  file: File;
}

/** What is sent together: small files together, large ones alone. Files are opened as they are needed. */
export class Batches {
  readonly #files: readonly FoundFile[];
  readonly #onUnreadable: (path: string) => void;
  #next = 0;
  #opened: OpenFile[] = [];
  /** Opened, too, and passed over by a batch of small ones. */
  #large: OpenFile[] = [];
  /** The one before is to be done: those that send ask whenever they like. */
  #making: Promise<unknown> = Promise.resolve();

  /** @param onUnreadable hears of each file that the browser cannot open */
  constructor(files: readonly FoundFile[], onUnreadable: (path: string) => void) {
    this.#files = files;
    this.#onUnreadable = onUnreadable;
  }

  /** Null when there are no more. */
  next(): Promise<readonly OpenFile[] | null> {
    const made = this.#making.then(() => this.#make());
    this.#making = made;
    return made;
  }

  async #make(): Promise<readonly OpenFile[] | null> {
    const batch: OpenFile[] = [];
    let bytes = 0;
    while (this.#large.length === 0 || batch.length > 0) {
      if (this.#opened.length === 0) await this.#openMore();
      const [found] = this.#opened;
      if (found === undefined) break;
      const { size } = found.file;
      if (size < large && (batch.length === batchFiles || bytes + size > batchBytes)) break;
      this.#opened.shift();
      if (size >= large) {
        this.#large.push(found);
      } else {
        batch.push(found);
        bytes += size;
      }
    }
    if (batch.length > 0) return batch;
    const alone = this.#large.shift();
    return alone === undefined ? null : [alone];
  }

  async #openMore(): Promise<void> {
    while (this.#opened.length === 0 && this.#next < this.#files.length) {
      const wanted = this.#files.slice(this.#next, this.#next + openedAtOnce);
      this.#next += wanted.length;
      const opened = await Promise.allSettled(wanted.map(({ open }) => open()));
      for (const [i, result] of opened.entries()) {
        const { path } = wanted[i]!;
        if (result.status === 'fulfilled') this.#opened.push({ path, file: result.value });
        else this.#onUnreadable(path);
      }
    }
  }
}
