/** Ctrl-C: the first asks, the second ends at once. */

export interface Interruption {
  /** Aborted by the first interruption while nothing else wants to hear of it. */
  readonly signal: AbortSignal;
  /** From now on the first interruption calls this instead (at once if it has happened already). */
  onFirst(act: () => void): void;
}

/** Exit status of a process that was interrupted: 128 + SIGINT. */
export const interruptedStatus = 130;

/** @param exit ends the process; separate so that a test can watch */
export function watchInterrupts(source: NodeJS.EventEmitter, exit: (status: number) => void): Interruption {
  const controller = new AbortController();
  let act: (() => void) | null = null;
  let count = 0;
  const interrupt = () => {
    count += 1;
    if (count > 1) exit(interruptedStatus);
    else if (act === null) controller.abort();
    else act();
  };
  source.on('SIGINT', interrupt);
  source.on('SIGTERM', interrupt);
  return {
    signal: controller.signal,
    onFirst(wanted) {
      act = wanted;
      if (count > 0) wanted();
    },
  };
}
