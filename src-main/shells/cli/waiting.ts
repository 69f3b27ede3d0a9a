import type { Output } from './output.ts';

const tellEveryMs = 1000;

/** Waits for what cannot tell how far it is, and shows meanwhile that it goes on. @param phase what is done, a few words */
export async function whileWaiting<Result>(
  output: Pick<Output, 'waiting'>,
  phase: string,
  work: Promise<Result>,
): Promise<Result> {
  const begin = performance.now();
  const timer = setInterval(() => output.waiting(phase, (performance.now() - begin) / 1000), tellEveryMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
