import { Worker } from 'node:worker_threads';
import { AppError, fromErrorData } from '../../src-shared/errors.ts';
import type { WorkerAnswers, WorkerMessage, WorkerRequest } from './worker-messages.ts';

type Request<K extends WorkerRequest['kind']> = Extract<WorkerRequest, { kind: K }>;

interface Waiting {
  resolve: (answer: WorkerAnswers[keyof WorkerAnswers]) => void;
  reject: (error: AppError) => void;
}

/** One thread that scans and decodes; answers come in the order of the requests. */
export class DecodeWorker {
  onFound: (count: number) => void = () => undefined;
  private readonly worker = new Worker(new URL('./decode-worker.ts', import.meta.url));
  private readonly waiting: Waiting[] = [];
  private failure: AppError | null = null;

  constructor() {
    this.worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'found') this.onFound(message.count);
      else if (message.type === 'answer') this.waiting.shift()?.resolve(message.answer);
      else this.waiting.shift()?.reject(fromErrorData(message.error));
    });
    this.worker.on('error', (cause) => void this.stop(crashed(cause)));
    this.worker.on('exit', () => void this.stop(crashed('it ended')));
  }

  /** Requests without an answer yet. */
  get load(): number {
    return this.waiting.length;
  }

  ask<K extends WorkerRequest['kind']>(request: Request<K>): Promise<WorkerAnswers[K]> {
    return new Promise((resolve, reject) => {
      if (this.failure !== null) {
        reject(this.failure);
        return;
      }
      this.waiting.push({ resolve: (answer) => resolve(answer as WorkerAnswers[K]), reject });
      this.worker.postMessage(request);
    });
  }

  /**
   * Ends the thread; every request, waiting or to come, is rejected with `reason`. Resolves when the thread has closed
   * its files.
   */
  async stop(reason: AppError): Promise<void> {
    this.failure ??= reason;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
    await this.worker.terminate();
  }
}

const crashed = (cause: unknown): AppError => {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new AppError(
    'dataset.decoder-failed',
    `Reading the images stopped because a decoder thread failed (${detail}). Try again; if it stays, leave out the files added last.`,
    {},
    { cause },
  );
};
