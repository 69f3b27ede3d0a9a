/** Uploads as a window sees them: each is a task, and is removed a while after the last window that feeds it has gone. */
import type { ApiHandlers } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import { ProgressMeter } from '../datasets/progress-meter.ts';
import type { Uploads } from '../datasets/upload.ts';
import type { Files } from './files.ts';
import type { Tasks } from './tasks.ts';

/** Milliseconds in which a window whose connection was lost may come back, and those in which it may after Ganvas itself was started again. */
const patience = { lost: 2 * 60_000, restarted: 60 * 60_000 };

export interface UploadTasks extends Pick<Files, 'receive'> {
  handlers: Pick<
    ApiHandlers,
    'datasets.beginUpload' | 'datasets.continueUpload' | 'datasets.finishUpload' | 'datasets.cancelUpload'
  >;
  /** Goes on with what an earlier process left unfinished, if its window comes back. */
  resume(): void;
  close(): void;
}

/** An upload under way. */
interface Fed {
  name: string;
  meter: ProgressMeter;
  /** Connections of the windows that send its files. */
  windows: Set<AbortSignal>;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Forgets the windows. */
  ended: AbortController;
}

export function createUploadTasks(uploads: Uploads, tasks: Tasks): UploadTasks {
  const fed = new Map<string, Fed>();

  const end = (id: string, problem: AppError | null) => {
    const upload = fed.get(id);
    clearTimeout(upload?.timer);
    upload?.ended.abort();
    fed.delete(id);
    tasks.end(id, problem, false);
  };
  const cancel = async (id: string, problem: AppError | null) => {
    try {
      await uploads.cancel(id);
    } finally {
      end(id, problem);
    }
  };
  const wait = (id: string, upload: Fed, milliseconds: number) => {
    clearTimeout(upload.timer);
    upload.timer = setTimeout(() => {
      const text = `The upload of "${upload.name}" ended with its page, and what had arrived was removed. Drop it again.`;
      cancel(id, new AppError('upload.abandoned', text, { id })).catch(() => undefined);
    }, milliseconds);
    upload.timer.unref();
  };
  const waitIfAlone = (id: string) => {
    const upload = fed.get(id);
    if (upload?.windows.size === 0) wait(id, upload, patience.lost);
  };
  const hold = (id: string, window: AbortSignal) => {
    const upload = fed.get(id);
    if (upload === undefined || upload.windows.has(window)) return;
    clearTimeout(upload.timer);
    upload.windows.add(window);
    const gone = () => {
      upload.windows.delete(window);
      waitIfAlone(id);
    };
    window.addEventListener('abort', gone, { signal: upload.ended.signal });
  };
  const begin = (id: string): Fed => {
    const { name, of } = uploads.stateOf(id);
    tasks.begin(id, { kind: 'upload' }, name, () => void cancel(id, null).catch(() => undefined));
    const meter = new ProgressMeter((progress) => tasks.progress(id, progress));
    meter.start('sending', of);
    const upload = {
      name,
      meter,
      windows: new Set<AbortSignal>(),
      timer: undefined,
      ended: new AbortController(),
    };
    fed.set(id, upload);
    return upload;
  };

  async function* counted(id: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      yield chunk;
      fed.get(id)?.meter.update(uploads.stateOf(id).taken);
    }
  }

  return {
    handlers: {
      async 'datasets.beginUpload'(announced, { connection }) {
        const id = await uploads.begin(announced);
        const upload = begin(id);
        hold(id, connection);
        // It may have gone while the folder was made.
        if (connection.aborted) wait(id, upload, patience.lost);
        return { id };
      },
      'datasets.continueUpload'({ id }, { connection }) {
        uploads.stateOf(id);
        hold(id, connection);
        return null;
      },
      async 'datasets.finishUpload'({ id }) {
        const source = await uploads.finish(id);
        end(id, null);
        return { source };
      },
      async 'datasets.cancelUpload'({ id }) {
        await cancel(id, null);
        return null;
      },
    },
    async receive(id, path, body) {
      try {
        await uploads.receive(id, path, counted(id, body));
      } finally {
        waitIfAlone(id);
      }
    },
    resume() {
      for (const id of uploads.unfinishedOnes()) wait(id, begin(id), patience.restarted);
    },
    close() {
      for (const { timer, ended } of fed.values()) {
        clearTimeout(timer);
        ended.abort();
      }
    },
  };
}
