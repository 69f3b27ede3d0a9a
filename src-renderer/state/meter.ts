import type { Progress } from '../../src-shared/progress.ts';

/** Milliseconds over which the rate is measured. */
const span = 5000;

/** Tells the rate of something that goes on, and how long it will still take. */
export class Meter {
  readonly #total: number;
  readonly #now: () => number;
  #seen: { at: number; done: number }[] = [];

  constructor(total: number, now: () => number = () => performance.now()) {
    this.#total = total;
    this.#now = now;
  }

  update(done: number): Omit<Progress, 'phase'> {
    const at = this.#now();
    this.#seen = [...this.#seen.filter((seen) => at - seen.at <= span), { at, done }];
    const first = this.#seen[0]!;
    const perSecond = at > first.at ? ((done - first.done) / (at - first.at)) * 1000 : 0;
    const remainingSeconds = perSecond > 0 ? (this.#total - done) / perSecond : null;
    return { done, total: this.#total, perSecond, remainingSeconds };
  }
}
