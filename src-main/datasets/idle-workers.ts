import { AppError } from '../../src-shared/errors.ts';
import { DecodeWorker } from './decode-workers.ts';

const KEPT_MS = 30_000;

/** Decode workers that are kept for a while after use: to start one takes longer than to decode a few small images. */
export class IdleWorkers {
  private idle: DecodeWorker[] = [];
  private timer: NodeJS.Timeout | undefined;

  take(count: number): DecodeWorker[] {
    const workers = this.idle.splice(0, count);
    while (workers.length < count) workers.push(new DecodeWorker());
    return workers;
  }

  /** @param workers with no request under way */
  putBack(workers: readonly DecodeWorker[]): void {
    this.idle.push(...workers);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.close(), KEPT_MS).unref();
  }

  /** Ends those that are idle. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    const reason = new AppError('cancelled', 'The decoder was not needed any more.');
    await Promise.all(this.idle.splice(0).map((worker) => worker.stop(reason)));
  }
}
