/** What was measured beside its budget, a line each. */
import type { Frames } from './page.ts';
import type { Work } from './trace.ts';

/** The budgets of the interface, in milliseconds. */
export const budgets = { start: 1000, edit: 16, frame: 1000 / 60, task: 50 };
/** Frames a second that count as 60: one in a hundred may be the clock's fault. */
const smooth = 59.4;

export const print = (line: string) => void process.stdout.write(`${line}\n`);

const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;

export class Report {
  missed = 0;
  /** Budgets that the clock missed and the processor kept. */
  keptByProcessorAlone = 0;

  /**
   * Time until something is there, or of one task. What the clock misses and the processor keeps is the fault of what else the machine
   * does: the same work would be in time on an idle one.
   * @param budget milliseconds; null: there is none
   */
  work(what: string, { wall, cpu }: Work, budget: number | null): void {
    const measured = `${ms(wall)}, of processor ${ms(cpu)}`;
    if (budget === null) this.#line(what, measured);
    else this.#line(what, measured, ms(budget), wall <= budget, cpu <= budget);
  }

  /** @param work of the main thread for all the frames together */
  frames(what: string, frames: Frames, work: Work): void {
    const each = work.cpu / frames.count;
    const measured = `${frames.perSecond.toFixed(1)}/s, ${(frames.dropped * 100).toFixed(1)} % dropped; a frame ${ms(each)} of processor`;
    this.#line(what, measured, '60/s', frames.perSecond >= smooth, each <= budgets.frame);
  }

  /** What has no budget. */
  figure(what: string, measured: string): void {
    this.#line(what, measured);
  }

  kept(what: string, measured: string, budget: string, kept: boolean): void {
    this.#line(what, measured, budget, kept, kept);
  }

  #line(what: string, measured: string, budget = '', kept = true, keptByCpu = true): void {
    if (!kept && !keptByCpu) this.missed += 1;
    if (!kept && keptByCpu) this.keptByProcessorAlone += 1;
    const verdict = budget === '' ? '' : kept ? 'kept' : keptByCpu ? 'kept by processor time' : 'MISSED';
    print(`  ${what.padEnd(60)} ${measured.padEnd(56)} ${budget.padEnd(8)} ${verdict}`.trimEnd());
  }
}
