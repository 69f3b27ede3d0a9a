/** What is measured inside the page: when edits are drawn, how many frames come, what it keeps in memory. */
import type { Page } from '@playwright/test';

declare global {
  interface Window {
    bench: {
      /** Milliseconds from the beginning of the navigation until the page could be used. */
      usable: Promise<number>;
      /** Times of the frames while they are watched, in milliseconds. */
      frames: number[];
      watching: boolean;
      /** Resolves with what the page then says when the edit that is awaited is drawn. */
      drawn: Promise<string[]>;
      /** What each of the two columns says. */
      columns: () => string[];
      /** Awaits an edit, which begins with the event `on`. */
      awaitEdit: (on: string) => void;
    };
  }
}

/**
 * To be called before the page is opened.
 * @param usable what is there when the page can be used; the moment is marked for the trace
 */
export async function prepare(page: Page, usable: string): Promise<void> {
  await page.addInitScript((selector) => {
    window.bench = {
      usable: new Promise((resolve) => {
        const look = () => {
          if (document.querySelector(selector) === null) return requestAnimationFrame(look);
          performance.mark('bench usable');
          return resolve(performance.now());
        };
        requestAnimationFrame(look);
      }),
      frames: [],
      watching: false,
      drawn: Promise.resolve([]),
      columns: () =>
        ['discriminator', 'generator'].map((network) =>
          Array.from(
            document.querySelectorAll(`article[aria-label$="of the ${network}"]`),
            (card) => card.textContent,
          ).join('\n'),
        ),
      awaitEdit: (on) => {
        const { promise, resolve } = Promise.withResolvers<string[]>();
        window.bench.drawn = promise;
        const begin = () => {
          performance.mark('bench edit');
          // The message is handled after the frame that was being made has been styled, laid out and painted.
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => {
            performance.mark('bench drawn');
            port1.close();
            resolve(window.bench.columns());
          };
          requestAnimationFrame(() => port2.postMessage(null));
        };
        addEventListener(on, begin, { capture: true, once: true });
      },
    };
  }, usable);
}

/**
 * Does `act`, which edits with the event `on`, and waits until the edit is drawn; both moments are marked for the trace.
 * @throws Error when one of the two columns is then as it was
 */
export async function edit(page: Page, on: string, act: () => Promise<void>): Promise<void> {
  const before = await page.evaluate((event) => {
    window.bench.awaitEdit(event);
    return window.bench.columns();
  }, on);
  await act();
  const after = await page.evaluate(() => window.bench.drawn);
  if (after.some((column, i) => column === before[i]))
    throw new Error(`an edit by ${on} was not drawn in time`);
}

export interface Frames {
  perSecond: number;
  /** Longest time between two frames, in milliseconds. */
  longest: number;
  /** Frames that did not come, as a share of those that a screen of 60 a second would have shown. */
  dropped: number;
  count: number;
}

/** Counts the page's frames while `work` is done. */
export async function watchFrames(page: Page, work: () => Promise<void>): Promise<Frames> {
  await page.evaluate(() => {
    const { bench } = window;
    bench.frames = [];
    bench.watching = true;
    const next = (time: number) => {
      bench.frames.push(time);
      if (bench.watching) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  await work();
  const times = await page.evaluate(() => {
    window.bench.watching = false;
    return window.bench.frames;
  });
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  const took = times.at(-1)! - times[0]!;
  const missed = gaps.reduce((sum, gap) => sum + Math.max(0, Math.round(gap / (1000 / 60)) - 1), 0);
  return {
    perSecond: (gaps.length * 1000) / took,
    longest: Math.max(0, ...gaps),
    dropped: missed / (missed + gaps.length),
    count: times.length,
  };
}

export interface Memory {
  /** Bytes of JavaScript objects that are in use. */
  heap: number;
  /** Elements, texts and so on, in the page or held by it. */
  nodes: number;
  listeners: number;
}

/** What the page keeps, after its garbage is collected. */
export async function memoryOf(page: Page): Promise<Memory> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('HeapProfiler.collectGarbage');
  await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  const { nodes, jsEventListeners } = await devtools.send('Memory.getDOMCounters');
  await devtools.detach();
  return { heap: usedSize, nodes, listeners: jsEventListeners };
}
