import { batchLimits, uploads } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Progress } from '../../src-shared/progress.ts';
import type { ApiClient } from './api-client.svelte.ts';
import type { FindFiles, FoundFile } from './found-files.ts';
import { Meter } from './meter.ts';
import type { Send } from './send.ts';

/** Files from this size on are sent by themselves, in bytes. */
const large = 1_000_000;
/** Less than the server takes: so the count moves, and what broke off is soon sent again. */
const batchBytes = batchLimits.bytes / 8;
const batchFiles = batchLimits.files / 2;
/** Requests under way at the same time. */
const atOnce = 3;
const attempts = 5;

export interface Uploaded {
  /** For `datasets.prepare`. */
  source: string;
  /** Paths of files that the browser could not read. */
  unreadable: string[];
}

/** Small files together, large ones alone. */
export function batchesOf(files: readonly FoundFile[]): FoundFile[][] {
  const batches: FoundFile[][] = [];
  let open: FoundFile[] = [];
  let bytes = 0;
  for (const found of files) {
    const { size } = found.file;
    if (size >= large) {
      batches.push([found]);
      continue;
    }
    if (open.length === batchFiles || bytes + size > batchBytes) {
      open = [];
      bytes = 0;
    }
    if (open.length === 0) batches.push(open);
    open.push(found);
    bytes += size;
  }
  return batches;
}

/** Brings files from the browser to the core. It starts when it is made. */
export class Upload {
  /** What has been found so far, while the folder is walked; in all, afterwards. */
  files = $state(0);
  filesSent = $state(0);
  /** In bytes; null while the folder is walked. */
  progress: Progress | null = $state.raw(null);
  cancelled = $state(false);
  /** Rejects with an AppError: what the core says, `cancelled`, `dataset.empty`. */
  readonly done: Promise<Uploaded>;
  readonly #api: ApiClient;
  readonly #send: Send;
  readonly #controller = new AbortController();
  readonly #unreadable: string[] = [];
  /** Bytes that each batch under way has sent. */
  readonly #sending = new Map<FoundFile[], number>();
  #bytesSent = 0;

  constructor(api: ApiClient, send: Send, find: FindFiles) {
    this.#api = api;
    this.#send = send;
    this.done = this.#run(find);
  }

  cancel(): void {
    this.cancelled = true;
    this.#controller.abort();
  }

  async #run(find: FindFiles): Promise<Uploaded> {
    const { signal } = this.#controller;
    const { name, files } = await find({ onFound: (count) => (this.files = count), signal });
    this.files = files.length;
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    const { id } = await this.#api.call('datasets.beginUpload', {
      name: name.slice(0, 200),
      files: files.length,
      bytes,
    });
    try {
      const meter = new Meter(bytes);
      const report = () => {
        const underWay = [...this.#sending.values()].reduce((sum, sent) => sum + sent, 0);
        this.progress = { phase: 'sending', ...meter.update(Math.min(bytes, this.#bytesSent + underWay)) };
      };
      report();
      const waiting = batchesOf(files);
      const sendNext = async (): Promise<void> => {
        for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift())
          await this.#sendBatch(id, batch, report);
      };
      // The first that fails ends the others.
      await Promise.all(Array.from({ length: atOnce }, sendNext)).catch((error: unknown) => {
        waiting.length = 0;
        throw error;
      });
      if (this.#unreadable.length === files.length) {
        throw new AppError(
          'upload.unreadable',
          `The browser cannot read any file of ${name}. Look at its permissions.`,
        );
      }
      const { source } = await this.#api.call('datasets.finishUpload', { id });
      return { source, unreadable: this.#unreadable };
    } catch (error) {
      this.#controller.abort();
      await this.#api.call('datasets.cancelUpload', { id }).catch(() => undefined);
      if (this.cancelled) throw new AppError('cancelled', 'The upload was cancelled; nothing was kept.');
      throw error;
    }
  }

  async #sendBatch(upload: string, batch: FoundFile[], report: () => void): Promise<void> {
    const { signal } = this.#controller;
    let files = batch;
    for (let attempt = 1; files.length > 0; attempt += 1) {
      try {
        await this.#send({
          ...bodyOf(upload, files),
          signal,
          onSent: (bytes) => {
            this.#sending.set(batch, bytes);
            report();
          },
        });
        break;
      } catch (error) {
        const interrupted = error instanceof AppError && error.code === 'upload.interrupted';
        if (!interrupted || attempt === attempts) throw error;
        // A file that cannot be read looks like a connection that broke.
        files = await this.#readable(files);
        await this.#api.call('system.info', {}, { signal });
      }
    }
    this.#sending.delete(batch);
    this.#bytesSent += batch.reduce((sum, { file }) => sum + file.size, 0);
    this.filesSent += batch.length;
    report();
  }

  async #readable(files: readonly FoundFile[]): Promise<FoundFile[]> {
    const readable: FoundFile[] = [];
    for (const found of files) {
      try {
        await found.file.slice(0, 1).arrayBuffer();
        readable.push(found);
      } catch {
        this.#unreadable.push(found.path);
      }
    }
    return readable;
  }
}

function bodyOf(upload: string, files: readonly FoundFile[]) {
  const [first] = files;
  if (files.length === 1 && first!.file.size >= large)
    return { method: 'PUT', address: uploads.file(upload, first!.path), body: first!.file } as const;
  const body = new FormData();
  for (const { path, file } of files) body.append(path, file);
  return { method: 'POST', address: uploads.batch(upload), body } as const;
}
