/** What the core has under way for a while, as every window is told. */
import type { ImageSettings } from './dataset.ts';
import type { Progress } from './progress.ts';

/** What something long is done with. */
export type TaskSubject =
  | { kind: 'prepare'; source: string; settings: ImageSettings }
  | { kind: 'start'; experiment: string }
  | { kind: 'resume' | 'fork' | 'export'; run: string }
  | { kind: 'upload' };

/** Something long that is under way. It belongs to no window: whoever asked for it may reload or go. An upload has the id of its upload. */
export type LongTask = TaskSubject & {
  id: string;
  /** What people call what it is done with. */
  name: string;
  /** Milliseconds since 1970. */
  begunAt: number;
  /** Null before the first news. */
  progress: Progress | null;
  /** Whether it is being cancelled. */
  cancelled: boolean;
};
