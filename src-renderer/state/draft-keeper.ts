import type { DraftStorage } from './draft.ts';
import { storeDraft, storedDraft } from './draft.ts';
import type { History } from '../../src-shared/gan/history.ts';

/** How long nothing must have changed, in milliseconds, before it is written: writing is slower than editing. */
const rest = 300;

/** Writes the history to the browser's storage while nothing else is going on, and at the latest when the page goes. */
export class DraftKeeper {
  #unsaved: History | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #storage: DraftStorage;
  readonly #refused: () => void;

  /** @param refused called when the browser keeps nothing */
  constructor(storage: DraftStorage, refused: () => void) {
    this.#storage = storage;
    this.#refused = refused;
  }

  restore(): History | null {
    return storedDraft(this.#storage);
  }

  keep(history: History): void {
    this.#unsaved = history;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), rest);
  }

  flush(): void {
    clearTimeout(this.#timer);
    if (this.#unsaved === null) return;
    try {
      storeDraft(this.#storage, this.#unsaved);
      this.#unsaved = null;
    } catch {
      this.#refused();
    }
  }
}
