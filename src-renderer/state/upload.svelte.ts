import { uploads } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Progress } from '../../src-shared/progress.ts';
import type { ApiClient } from './api-client.svelte.ts';
import { Batches, large, type OpenFile } from './batches.ts';
import type { FindFiles } from './found-files.ts';
import { Meter } from './meter.ts';
import type { Send } from './send.ts';

/** Requests under way at the same time. */
const atOnce = 3;
/** How often in a row something is sent again by itself. */
const attempts = 5;

export interface Uploaded {
  /** For `datasets.prepare`. */
  source: string;
  /** Paths of files that the browser could not read. */
  unreadable: string[];
}

/** Brings files from the browser to the core. It starts when it is made. */
export class Upload {
  /** What has been found so far, while the folder is walked; in all, afterwards. */
  files = $state(0);
  filesSent = $state(0);
  /** In bytes; in files where nobody has counted the bytes, see {@link inBytes}; null while the folder is walked. */
  progress: Progress | null = $state.raw(null);
  inBytes = $state(true);
  cancelled = $state(false);
  /** Null until it has been announced. */
  id: string | null = $state(null);
  /** What is uploaded; empty until that is known. */
  name = '';
  /** Why it does not go on, until {@link retry}. */
  problem: AppError | null = $state.raw(null);
  /** Rejects with an AppError: what the core says, `cancelled`, `dataset.empty`. */
  readonly done: Promise<Uploaded>;
  readonly #api: ApiClient;
  readonly #send: Send;
  readonly #controller = new AbortController();
  /** Resolves when a person lets it go on, or ends it. */
  #goOn = Promise.withResolvers<undefined>();
  readonly #unreadable: string[] = [];
  /** Bytes that each batch under way has sent. */
  readonly #sending = new Map<readonly OpenFile[], number>();
  #bytesSent = 0;

  constructor(api: ApiClient, send: Send, find: FindFiles) {
    this.#api = api;
    this.#send = send;
    this.done = this.#run(find);
  }

  cancel(): void {
    this.cancelled = true;
    this.#controller.abort();
    this.#goOn.resolve(undefined);
  }

  /** Goes on where it stopped with a {@link problem}. */
  retry(): void {
    this.problem = null;
    this.#goOn.resolve(undefined);
    this.#goOn = Promise.withResolvers();
  }

  async #run(find: FindFiles): Promise<Uploaded> {
    const { signal } = this.#controller;
    const { name, files, bytes } = await find({ onFound: (count) => (this.files = count), signal });
    this.files = files.length;
    this.name = name;
    const { id } = await this.#api.call('datasets.beginUpload', {
      name: name.slice(0, 200),
      files: files.length,
      bytes,
    });
    this.id = id;
    // Else the core takes it that this page has gone.
    const end = this.#api.onOpen(() => {
      this.#api.call('datasets.continueUpload', { id }, { repeatable: true, signal }).catch(() => undefined);
    });
    try {
      this.inBytes = bytes !== null;
      const meter = new Meter(bytes ?? files.length);
      const report = () => {
        const underWay = [...this.#sending.values()].reduce((sum, sent) => sum + sent, 0);
        const sent = bytes === null ? this.filesSent : Math.min(bytes, this.#bytesSent + underWay);
        this.progress = { phase: 'sending', ...meter.update(sent) };
      };
      report();
      const batches = new Batches(files, (path) => this.#unreadable.push(path));
      const sendNext = async (): Promise<void> => {
        for (let batch = await batches.next(); batch !== null; batch = await batches.next()) {
          signal.throwIfAborted();
          await this.#sendBatch(id, batch, report);
        }
      };
      // The first that fails ends the others.
      await Promise.all(Array.from({ length: atOnce }, sendNext));
      if (this.#unreadable.length === files.length) {
        throw new AppError(
          'upload.unreadable',
          `The browser cannot read any file of ${name}. Look at its permissions.`,
        );
      }
      const { source } = await this.#api.call('datasets.finishUpload', { id }, { repeatable: true, signal });
      return { source, unreadable: this.#unreadable };
    } catch (error) {
      this.#controller.abort();
      // Nobody waits for it: to remove a hundred thousand files takes a while.
      this.#api.call('datasets.cancelUpload', { id }).catch(() => undefined);
      if (this.cancelled) throw new AppError('cancelled', 'The upload was cancelled; nothing was kept.');
      throw error;
    } finally {
      end();
    }
  }

  async #sendBatch(upload: string, batch: readonly OpenFile[], report: () => void): Promise<void> {
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
        if (!interrupted) throw error;
        this.#sending.delete(batch);
        // How long it will take nobody knows now.
        if (this.progress !== null)
          this.progress = { ...this.progress, perSecond: 0, remainingSeconds: null };
        // A file that cannot be read looks like a connection that broke.
        files = await this.#readable(files);
        if (attempt % attempts === 0) await this.#pause(error);
        // Waits for a lost connection.
        await this.#api.call('system.info', {}, { signal });
      }
    }
    this.#sending.delete(batch);
    this.#bytesSent += batch.reduce((sum, { file }) => sum + file.size, 0);
    this.filesSent += batch.length;
    report();
  }

  async #pause(problem: AppError): Promise<void> {
    this.problem = problem;
    await this.#goOn.promise;
    this.#controller.signal.throwIfAborted();
  }

  async #readable(files: readonly OpenFile[]): Promise<OpenFile[]> {
    const readable: OpenFile[] = [];
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

function bodyOf(upload: string, files: readonly OpenFile[]) {
  const [first] = files;
  if (files.length === 1 && first!.file.size >= large)
    return { method: 'PUT', address: uploads.file(upload, first!.path), body: first!.file } as const;
  const body = new FormData();
  for (const { path, file } of files) body.append(path, file);
  return { method: 'POST', address: uploads.batch(upload), body } as const;
}
