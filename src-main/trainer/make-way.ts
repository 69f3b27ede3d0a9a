/** What this process computes is to slow no other down that matters more. */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, constants, getPriority, setPriority } from 'node:os';

/**
 * Threads of a process that makes way. With half the cores' number a training on all of them loses less than a twentieth, even where every core
 * is contended for: a session of the lowest priority has 15 shares to 1024 (Linux, sched_prio_to_weight), both shared out among their threads.
 */
export function leftOverThreads(): number {
  return Math.max(1, Math.floor(availableParallelism() / 2));
}

/** Hours of work for every core: the window, and whatever else a person does, goes first; what measures comes after it. */
export const trainingPriority = process.platform === 'win32' ? constants.priority.PRIORITY_BELOW_NORMAL : 5;

/**
 * Lowers the priority of this process, for good. Threads that it starts from now on have it too.
 * @param priority 0 (usual) to 19 (lowest); a lower one that it has already stays
 */
export async function makeWay(priority: number = constants.priority.PRIORITY_LOW): Promise<void> {
  const lowered = Math.max(getPriority(), priority);
  setPriority(lowered);
  // Linux shares the processor out among sessions first, whatever the priorities inside of them (sched(7), autogroup), and trainers
  // have sessions of their own. Where that is switched off or not allowed, the priority alone counts.
  if (process.platform === 'linux')
    await writeFile('/proc/self/autogroup', String(lowered)).catch(() => undefined);
}
