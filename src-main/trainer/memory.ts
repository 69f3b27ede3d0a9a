import { totalmem } from 'node:os';

/** Bytes that a process may take here: the machine's, or what a container leaves of them. */
export function machineMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}
