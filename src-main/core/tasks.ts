/**
 * What is under way for a while. It belongs to the core and not to the window that asked for it: it outlives a reload, every window sees how
 * far it is, and each may cancel it.
 */
import type { ApiEvent, ApiHandlers } from '../../src-shared/api.ts';
import { AppError, toErrorData } from '../../src-shared/errors.ts';
import type { LongTask, TaskSubject } from '../../src-shared/long-task.ts';
import type { OnProgress, Progress } from '../../src-shared/progress.ts';
import type { CallContext } from '../../src-shared/rpc.ts';
import { newId } from '../store/ids.ts';

export interface Tasks {
  /**
   * Does something long. Who asks for the very same again meanwhile, from whatever window, is given the result of the one under way.
   * @param name what people call what it is done with
   * @param asked everything that decides the outcome, plain data
   * @param context whoever asks: when its window goes the work goes on, when it cancels the work is cancelled for all
   * @throws AppError `task.busy` when the same experiment is started, or the same run resumed, in another way; and what `work` throws
   */
  run<Result>(
    subject: TaskSubject,
    name: string,
    asked: unknown,
    context: CallContext,
    work: (options: { signal: AbortSignal; onProgress: OnProgress }) => Promise<Result>,
  ): Promise<Result>;
  /** Lists something that goes on by itself, until {@link end}. */
  begin(id: string, subject: TaskSubject, name: string, cancel: () => void): void;
  progress(id: string, progress: Progress): void;
  /** @param problem why it failed, null where it did not @param told whether whoever asked for it has been told so */
  end(id: string, problem: unknown, told: boolean): void;
  handlers: Pick<ApiHandlers, 'tasks.list' | 'tasks.cancel'>;
  /** Cancels everything. */
  close(): void;
}

interface UnderWay {
  task: LongTask;
  cancel: () => void;
}

/** Something that was asked for, by at least one window. */
interface Asked {
  id: string;
  asked: string;
  result: Promise<unknown>;
  /** The windows that wait for it. */
  askers: Set<CallContext>;
}

export function createTasks(broadcast: (event: ApiEvent) => void): Tasks {
  const underWay = new Map<string, UnderWay>();
  const askedFor = new Map<string, Asked>();

  const update = (id: string, changes: Pick<LongTask, 'progress'> | Pick<LongTask, 'cancelled'>) => {
    const found = underWay.get(id);
    if (found === undefined) return;
    found.task = { ...found.task, ...changes };
    broadcast({ type: 'task', task: found.task });
  };
  const begin: Tasks['begin'] = (id, subject, name, cancel) => {
    const task = { id, name, begunAt: Date.now(), progress: null, cancelled: false, ...subject };
    underWay.set(id, { task, cancel });
    broadcast({ type: 'task', task });
  };
  const progress: Tasks['progress'] = (id, progress) => update(id, { progress });
  const end: Tasks['end'] = (id, problem, told) => {
    if (!underWay.delete(id)) return;
    const error = problem === null ? null : toErrorData(problem);
    broadcast({ type: 'task-ended', task: id, error, told });
  };
  const cancel = (id: string) => {
    const found = underWay.get(id);
    if (found === undefined || found.task.cancelled) return;
    update(id, { cancelled: true });
    found.cancel();
  };

  const ask = (
    subject: TaskSubject,
    name: string,
    asked: string,
    work: (options: { signal: AbortSignal; onProgress: OnProgress }) => Promise<unknown>,
    onEnd: () => void,
  ): Asked => {
    const id = newId();
    const controller = new AbortController();
    const askers = new Set<CallContext>();
    const onProgress = (now: Progress) => {
      progress(id, now);
      for (const asker of askers) asker.onProgress(now);
    };
    const isTold = () => [...askers].some(({ connection }) => !connection.aborted);
    begin(id, subject, name, () => controller.abort());
    const result = work({ signal: controller.signal, onProgress }).then(
      (value) => {
        onEnd();
        end(id, null, isTold());
        return value;
      },
      (error: unknown) => {
        onEnd();
        end(id, error, isTold());
        throw error;
      },
    );
    return { id, asked, result, askers };
  };

  return {
    async run<Result>(
      subject: TaskSubject,
      name: string,
      wanted: unknown,
      context: CallContext,
      work: (options: { signal: AbortSignal; onProgress: OnProgress }) => Promise<Result>,
    ) {
      const asked = JSON.stringify(wanted);
      const isOnly = subject.kind === 'start' || subject.kind === 'resume';
      const key = JSON.stringify(isOnly ? subject : [subject, asked]);
      const known = askedFor.get(key);
      if (known !== undefined && known.asked !== asked) {
        throw new AppError(
          'task.busy',
          `"${name}" is about to train already, with another choice. Wait for that, or cancel it first.`,
        );
      }
      const found = known ?? ask(subject, name, asked, work, () => askedFor.delete(key));
      askedFor.set(key, found);
      found.askers.add(context);
      const { signal, connection } = context;
      // A window that goes takes nothing with it.
      const abort = () => {
        if (!connection.aborted) cancel(found.id);
      };
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      try {
        // The same key: the same question, so the same kind of answer.
        return (await found.result) as Result;
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
    begin,
    progress,
    end,
    handlers: {
      'tasks.list': () => [...underWay.values()].map(({ task }) => task),
      'tasks.cancel': ({ id }) => {
        cancel(id);
        return null;
      },
    },
    close() {
      for (const id of underWay.keys()) cancel(id);
    },
  };
}
