/** Huge images are decoded one after the other, whichever worker has them: side by side they would fill the memory of a machine with many cores. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** More pixels than this take turns: decoded and copied once, an image of as many takes some 200 MB. */
const HUGE_PIXELS = 25_000_000;
/** More than this is collected at once when it was decoded outside of what JavaScript's collector counts. */
const LARGE_PIXELS = 2_000_000;

/** Shared by the workers of one source; one that ends with its turn takes the others of that source along. */
export type Turns = Int32Array<SharedArrayBuffer>;

export const newTurns = (): Turns => new Int32Array(new SharedArrayBuffer(4));

/** Does `work` alone among all that share `turns`, where the image is huge. */
export async function inTurn<Result>(
  turns: Turns,
  pixels: number,
  work: () => Promise<Result>,
): Promise<Result> {
  if (pixels <= HUGE_PIXELS) return work();
  while (Atomics.compareExchange(turns, 0, 0, 1) !== 0) await Atomics.waitAsync(turns, 0, 1).value;
  try {
    return await work();
  } finally {
    Atomics.store(turns, 0, 0);
    Atomics.notify(turns, 0, 1);
  }
}

export const isLarge = (pixels: number): boolean => pixels > LARGE_PIXELS;

let collect: (() => void) | null = null;

/** Gives back what native objects hold that nothing refers to any more; the collector sees only their few bytes of JavaScript. */
export async function collectNow(): Promise<void> {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  // Native memory goes with the finalisers, which run in a turn of their own.
  await setImmediate();
}
