import { fromErrorData } from '../../src-shared/errors.ts';
import type { LongTask } from '../../src-shared/long-task.ts';
import type { ApiClient } from './api-client.svelte.ts';
import { Live } from './live.ts';
import type { Notices } from './notices.svelte.ts';
import type { UnderWay } from './task.svelte.ts';

/** What the core has under way, live, from whatever window it was asked for. */
export class Tasks {
  #list: readonly LongTask[] = $state.raw([]);
  readonly #api: ApiClient;
  readonly #notices: Notices;
  readonly #live: Live<LongTask[]>;

  /** What fails and was asked for by a window that is gone is said here. */
  constructor(api: ApiClient, notices: Notices) {
    this.#api = api;
    this.#notices = notices;
    this.#live = new Live({
      read: () => api.call('tasks.list', {}),
      take: (list) => {
        this.#list = list;
      },
      hear: (event) => {
        if (event.type === 'task') this.#list = [...this.#without(event.task.id), event.task];
        if (event.type === 'task-ended') this.#list = this.#without(event.task);
      },
    });
    api.onEvent((event) => {
      this.#live.hear(event);
      if (event.type === 'task-ended' && event.error !== null && !event.told)
        notices.fail(fromErrorData(event.error));
    });
    api.onOpen(() => {
      this.#live.load().catch((error: unknown) => notices.fail(error));
    });
  }

  /** In the order in which they began. */
  readonly list: readonly LongTask[] = $derived(this.#list.toSorted((a, b) => a.begunAt - b.begunAt));

  /** The first that matches, and a way to cancel it; null where there is none. */
  find(matches: (task: LongTask) => boolean): UnderWay | null {
    const task = this.list.find(matches);
    if (task === undefined) return null;
    const { progress, cancelled } = task;
    return { progress, cancelled, cancel: () => void this.cancel(task.id) };
  }

  /** For all windows. What goes wrong is said. */
  async cancel(id: string): Promise<void> {
    try {
      await this.#api.call('tasks.cancel', { id });
    } catch (error) {
      this.#notices.fail(error);
    }
  }

  #without(id: string): LongTask[] {
    return this.#list.filter((task) => task.id !== id);
  }
}
