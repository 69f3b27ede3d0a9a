import type { DatasetView, Preview } from '../../src-shared/api.ts';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import type { AppError } from '../../src-shared/errors.ts';
import { fromErrorData, toErrorData } from '../../src-shared/errors.ts';
import type { ApiClient } from './api-client.svelte.ts';
import { same } from './merge.ts';
import type { UnderWay } from './task.svelte.ts';
import { Task } from './task.svelte.ts';
import type { Tasks } from './tasks.svelte.ts';

export interface ChosenImages {
  source: string | null;
  imageSettings: ImageSettings | null;
}

const previewed = 12;
/** How long settings must rest, in milliseconds, before a preview is asked for. */
const rest = 120;

/** The images of an experiment: a preview of them, whether they are prepared, and the preparation. */
export class Images {
  readonly #api: ApiClient;
  readonly #tasks: Tasks;
  readonly #chosen: () => ChosenImages;
  #lookedAt = '';
  #lookedAtSource: string | null = null;
  #preview: Preview | null = $state.raw(null);
  #prepared: DatasetView | null = $state.raw(null);
  #problem: AppError | null = $state.raw(null);
  #looking = $state(false);
  #preparing: Task<DatasetView> | null = $state.raw(null);
  #look: AbortController | null = null;

  /** @param chosen the choice as it is now, reactive */
  constructor(api: ApiClient, tasks: Tasks, chosen: () => ChosenImages) {
    this.#api = api;
    this.#tasks = tasks;
    this.#chosen = chosen;
  }

  /** A few images in the chosen settings; an older one stays until the next is there. */
  get preview(): Preview | null {
    return this.#preview;
  }
  /** Null while the images are not prepared in the chosen settings, and while that is not known. */
  get prepared(): DatasetView | null {
    return this.#prepared;
  }
  /** Why they could not be previewed or prepared. */
  get problem(): AppError | null {
    return this.#problem;
  }
  /** Whether it is being found out what there is. */
  get looking(): boolean {
    return this.#looking;
  }
  /** Their preparation, also one that another window has asked for, or this one before it was reloaded. */
  get preparing(): UnderWay | null {
    if (this.#preparing !== null) return this.#preparing;
    const { source, imageSettings } = this.#chosen();
    return this.#tasks.find(
      (task) => task.kind === 'prepare' && task.source === source && same(task.settings, imageSettings),
    );
  }

  /** Looks at what is chosen now, unless it has done so. A place that shows images calls it in an effect. */
  look(): void {
    const { source, imageSettings } = this.#chosen();
    const choice = JSON.stringify([source, imageSettings]);
    if (choice === this.#lookedAt) return;
    const sameSource = source === this.#lookedAtSource;
    this.#lookedAt = choice;
    this.#lookedAtSource = source;
    this.#prepared = null;
    this.#problem = null;
    if (!sameSource) this.#preview = null;
    this.#look?.abort();
    this.#looking = source !== null && imageSettings !== null;
    if (source === null || imageSettings === null) return;
    const look = new AbortController();
    this.#look = look;
    void this.#find(source, imageSettings, sameSource ? rest : 0, look);
  }

  /** Other images may be there, or prepared, now. */
  lookAgain(): void {
    if (this.#lookedAt === '' || this.#preparing !== null) return;
    this.#lookedAt = '';
    this.look();
  }

  async #find(source: string, settings: ImageSettings, pause: number, look: AbortController): Promise<void> {
    const { signal } = look;
    const isCurrent = () => this.#look === look;
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (!isCurrent()) return;
    const [prepared, preview] = await Promise.allSettled([
      this.#api.call('datasets.find', { source, settings }, { signal }),
      this.#api.call('datasets.preview', { source, settings, count: previewed }, { signal }),
    ]);
    if (!isCurrent()) return;
    this.#looking = false;
    if (prepared.status === 'fulfilled') this.#prepared = prepared.value;
    if (preview.status === 'fulfilled') this.#preview = preview.value;
    // What is prepared can be trained with, though the images themselves may be gone.
    else if (this.#prepared === null) this.#problem = fromErrorData(toErrorData(preview.reason));
  }

  /** Prepares what is chosen. What goes wrong is {@link problem}. @returns whether they are prepared now */
  async prepare(): Promise<boolean> {
    const { source, imageSettings } = this.#chosen();
    if (source === null || imageSettings === null || this.#preparing !== null) return false;
    const choice = JSON.stringify([source, imageSettings]);
    this.#problem = null;
    this.#preparing = new Task((options) =>
      this.#api.call(
        'datasets.prepare',
        { source, settings: imageSettings },
        { ...options, repeatable: true },
      ),
    );
    try {
      const prepared = await this.#preparing.done;
      const now = this.#chosen();
      if (JSON.stringify([now.source, now.imageSettings]) === choice) this.#prepared = prepared;
      return true;
    } catch (error) {
      const problem = fromErrorData(toErrorData(error));
      if (problem.code !== 'cancelled') this.#problem = problem;
      return false;
    } finally {
      this.#preparing = null;
    }
  }
}
