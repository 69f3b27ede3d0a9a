import type { OnProgress } from '../../src-shared/progress.ts';

const REPORT_EVERY_MS = 100;
const RATE_OVER_MS = 3000;

/** Counts finished units and reports them at most ten times a second, with the rate over the last three seconds. */
export class ProgressMeter {
  private readonly onProgress: OnProgress | undefined;
  private phase = '';
  private total: number | null = null;
  private lastReport = -Infinity;
  private recent: { time: number; done: number }[] = [];

  constructor(onProgress: OnProgress | undefined) {
    this.onProgress = onProgress;
  }

  /** Starts a phase; `total` is null while it is not known. */
  start(phase: string, total: number | null): void {
    this.phase = phase;
    this.total = total;
    this.recent = [{ time: performance.now(), done: 0 }];
    this.report(0, performance.now());
  }

  /** Units finished so far in this phase. */
  update(done: number): void {
    const time = performance.now();
    if (time - this.lastReport < REPORT_EVERY_MS && done !== this.total) return;
    this.report(done, time);
  }

  private report(done: number, time: number): void {
    if (this.onProgress === undefined) return;
    this.lastReport = time;
    this.recent.push({ time, done });
    while (this.recent.length > 2 && time - this.recent[0]!.time > RATE_OVER_MS) this.recent.shift();
    const first = this.recent[0]!;
    const seconds = (time - first.time) / 1000;
    const perSecond = seconds > 0 ? (done - first.done) / seconds : 0;
    const left = this.total === null ? null : this.total - done;
    const remainingSeconds = left === 0 ? 0 : left === null || perSecond === 0 ? null : left / perSecond;
    this.onProgress({ phase: this.phase, done, total: this.total, perSecond, remainingSeconds });
  }
}
