/** What the page's main thread did, from Chromium's own trace: every task with its time on the clock and its time on a processor. */
import type { Browser, Page } from '@playwright/test';
import * as v from 'valibot';

const categories = ['disabled-by-default-devtools.timeline', 'blink.user_timing', '__metadata'];

const Event = v.looseObject({
  name: v.string(),
  pid: v.number(),
  tid: v.number(),
  /** Microseconds. */
  ts: v.number(),
  dur: v.optional(v.number()),
  /** Microseconds on a processor; what a busy machine does meanwhile is not in it. */
  tdur: v.optional(v.number()),
});
const Trace = v.object({ traceEvents: v.array(Event) });

/** A time on the clock and on a processor, in milliseconds. */
export interface Work {
  wall: number;
  cpu: number;
}

interface Task extends Work {
  /** Milliseconds, as all times of one trace. */
  start: number;
}

/** A stretch between two marks of the page. */
export interface Stretch extends Work {
  /** From mark to mark, waiting included. */
  latency: number;
}

export class MainThread {
  readonly #tasks: readonly Task[];
  readonly #marks: readonly { name: string; at: number }[];

  /** @param buffer a trace in which the page has left at least one mark, by which its main thread is known */
  constructor(buffer: Buffer, mark: string) {
    const { traceEvents } = v.parse(Trace, JSON.parse(buffer.toString('utf8')));
    const own = traceEvents.find(({ name }) => name === mark);
    if (own === undefined) throw new Error(`the trace has no mark ${mark}`);
    const events = traceEvents.filter(({ pid, tid }) => pid === own.pid && tid === own.tid);
    this.#tasks = events
      .filter(({ name, dur }) => name === 'RunTask' && dur !== undefined)
      .map(({ ts, dur = 0, tdur = 0 }) => ({ start: ts / 1000, wall: dur / 1000, cpu: tdur / 1000 }))
      .sort((a, b) => a.start - b.start);
    this.#marks = events
      .filter(({ name }) => name.startsWith('bench '))
      .map(({ name, ts }) => ({ name, at: ts / 1000 }))
      .sort((a, b) => a.at - b.at);
  }

  /** The longest task, by the clock, and the longest by the processor: they may be two. */
  longest(): Work {
    return {
      wall: Math.max(0, ...this.#tasks.map(({ wall }) => wall)),
      cpu: Math.max(0, ...this.#tasks.map(({ cpu }) => cpu)),
    };
  }

  /** All its tasks together. */
  total(): Work {
    const sum = (of: (task: Task) => number) => this.#tasks.reduce((all, task) => all + of(task), 0);
    return { wall: sum(({ wall }) => wall), cpu: sum(({ cpu }) => cpu) };
  }

  /** From each mark `from` to the next mark `to`. */
  stretches(from: string, to: string): Stretch[] {
    const ends = this.#marks.filter(({ name }) => name === to);
    return this.#marks.flatMap(({ name, at }) => {
      const end = ends.find((mark) => mark.at >= at)?.at;
      if (name !== from || end === undefined) return [];
      return [{ ...this.#between(at, end), latency: end - at }];
    });
  }

  #between(from: number, to: number): Work {
    let [wall, cpu] = [0, 0];
    for (const task of this.#tasks) {
      const inside = Math.min(to, task.start + task.wall) - Math.max(from, task.start);
      if (inside <= 0) continue;
      wall += inside;
      // A task that is cut has spent its processor time evenly, as far as one can know.
      cpu += task.wall === 0 ? 0 : (task.cpu * inside) / task.wall;
    }
    return { wall, cpu };
  }
}

/** Traces a page while `work` is done with it, after which it shows the document that it is to be known by. */
export async function traced<Result>(
  browser: Browser,
  page: Page,
  work: () => Promise<Result>,
): Promise<{ thread: MainThread; result: Result }> {
  await browser.startTracing(page, { categories });
  let buffer: Buffer;
  let result: Result;
  try {
    result = await work();
    await page.evaluate(() => performance.mark('bench traced'));
  } finally {
    buffer = await browser.stopTracing();
  }
  return { thread: new MainThread(buffer, 'bench traced'), result };
}
