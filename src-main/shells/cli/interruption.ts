/** Ctrl-C: the first asks, the second ends at once. A reader of the output that has gone counts as the first. */

export interface Interruption {
  /** Whether nobody reads the output any more: a pipe was closed at its other end. */
  readonly unread: boolean;
  /** Aborted by the first interruption while nothing else wants to hear of it. */
  readonly signal: AbortSignal;
  /** From now on the first interruption calls this instead (at once if it has happened already). */
  onFirst(act: () => void): void;
  /** What the second one still does before the process ends; it cannot wait for anything. */
  onSecond(act: () => void): void;
}

/** Exit status of a process that was interrupted: 128 + SIGINT. */
export const interruptedStatus = 130;

/** What people are told when an interruption is that nobody reads the output any more. */
export const unread = 'Nobody reads the output any more (the pipe was closed), which counts as Ctrl-C.';

/** Signals that ask a process to end: Ctrl-C, the system's wish, a terminal that was closed. */
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Watches for interruptions. A terminal sends them to this process and to what started it alike, others only to the latter, so that
 * one tells by message how many it has got (see ganvas.js): the larger number counts.
 * @param source the process
 * @param exit ends it
 */
export function watchInterrupts(source: NodeJS.Process, exit: (status: number) => void): Interruption {
  const controller = new AbortController();
  let first: (() => void) | null = null;
  let second: (() => void) | null = null;
  let count = 0;
  let signals = 0;
  let isUnread = false;
  const raise = (to: number) => {
    const before = count;
    count = Math.max(count, to);
    if (before < 1 && count >= 1) {
      if (first === null) controller.abort();
      else first();
    }
    if (before < 2 && count >= 2) {
      try {
        second?.();
      } finally {
        exit(interruptedStatus);
      }
    }
  };
  for (const signal of endingSignals) source.on(signal, () => raise((signals += 1)));
  for (const stream of [source.stdout, source.stderr]) {
    stream.on('error', () => {
      isUnread = true;
      raise(1);
    });
  }
  if (source.channel) {
    source.on('message', (told) => raise(Number(told)));
    source.on('disconnect', () => raise(2));
    source.channel.unref();
  }
  return {
    get unread() {
      return isUnread;
    },
    signal: controller.signal,
    onFirst(act) {
      first = act;
      if (count > 0) act();
    },
    onSecond(act) {
      second = act;
    },
  };
}
