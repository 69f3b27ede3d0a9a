import type { Progress } from '../../src-shared/progress.ts';

/** Something long, and a way to cancel it. */
export interface UnderWay {
  /** Null before the first news. */
  readonly progress: Progress | null;
  /** Whether it is being cancelled. */
  readonly cancelled: boolean;
  cancel(): void;
}

/** Something long that this window has asked for and waits for. */
export class Task<Result> implements UnderWay {
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

  get progress(): Progress | null {
    return this.#progress;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  cancel(): void {
    this.#cancelled = true;
    this.#controller.abort();
  }
}
