/** How far a long action is, sent while it runs. */
export interface Progress {
  /** What is being done, a few words: `reading images`. */
  phase: string;
  /** Units finished. */
  done: number;
  /** Units in all; null while that is not known yet. */
  total: number | null;
  /** Units a second, over the last moments; 0 before it can be measured. */
  perSecond: number;
  /** Seconds left; null while it cannot be told. */
  remainingSeconds: number | null;
}

export type OnProgress = (progress: Progress) => void;
