/** What this process computes is to slow no other down by much. */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, constants, setPriority } from 'node:os';

/**
 * Threads of a process that makes way. With half the cores' number a training on all of them loses less than a twentieth, even where every core
 * is contended for: a session of the lowest priority has 15 shares to 1024 (Linux, sched_prio_to_weight), both shared out among their threads.
 */
export function leftOverThreads(): number {
  return Math.max(1, Math.floor(availableParallelism() / 2));
}

/** Gives this process the lowest priority, for good. Threads that it starts from now on have it too. */
export async function makeWay(): Promise<void> {
  const { PRIORITY_LOW } = constants.priority;
  setPriority(PRIORITY_LOW);
  // Linux shares the processor out among sessions first, whatever the priorities inside of them (sched(7), autogroup), and trainers
  // have sessions of their own. Where that is switched off or not allowed, the priority alone counts.
  if (process.platform === 'linux')
    await writeFile('/proc/self/autogroup', String(PRIORITY_LOW)).catch(() => undefined);
}
