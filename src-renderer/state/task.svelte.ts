import type { Progress } from '../../src-shared/progress.ts';

/** Something long that a person waits for, and can cancel. */
export class Task<Result> {
  #progress: Progress | null = $state.raw(null);
  #cancelled = $state(false);
  readonly #controller = new AbortController();
  /** Rejects with `cancelled` when it was cancelled. */
  readonly done: Promise<Result>;

  /** Starts it. */
  constructor(
    work: (options: { signal: AbortSignal; onProgress: (progress: Progress) => void }) => Promise<Result>,
  ) {
    this.done = work({
      signal: this.#controller.signal,
      onProgress: (progress) => (this.#progress = progress),
    });
  }

  /** Null before the first news. */
  get progress(): Progress | null {
    return this.#progress;
  }

  /** Whether it is being cancelled. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  cancel(): void {
    this.#cancelled = true;
    this.#controller.abort();
  }
}
