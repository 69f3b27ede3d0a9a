/** Edits that the core does not have yet, kept in the browser, so that neither a reload nor a crash nor a server that is gone loses them. */
import * as v from 'valibot';
import { api } from '../../src-shared/api.ts';
import type { ApiParams } from '../../src-shared/api.ts';
import { Design } from '../../src-shared/gan/block.ts';
import { shortened } from '../../src-shared/gan/history-json.ts';

/** The parts of an experiment that have been edited. */
export type Edits = ApiParams<'experiments.save'>['draft'];

const { hyperparameters, measuring, limits, engine, imageSettings, source } =
  api['experiments.create'].params.entries;

const KeptDraft = v.strictObject({
  /** Revision of the experiment that was edited. */
  revision: v.number(),
  /** What the core had at that revision. */
  base: v.strictObject({ design: Design, hyperparameters, measuring, limits, engine, imageSettings, source }),
  /** When it was kept, in milliseconds since 1970. */
  at: v.number(),
  edits: api['experiments.save'].params.entries.draft,
});
export type KeptDraft = v.InferOutput<typeof KeptDraft>;

/** What {@link Drafts} needs of the page's `localStorage`. */
export type DraftStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

const prefix = 'ganvas.draft.';

/** The drafts of one window. Each window has keys of its own: two that edit the same experiment do not write over each other. */
export class Drafts {
  readonly #storage: DraftStorage;
  readonly #window: string;

  /** @param window a name that no other window has */
  constructor(storage: DraftStorage, window: string) {
    this.#storage = storage;
    this.#window = window;
  }

  #key(experiment: string): string {
    return `${prefix}${experiment}.${this.#window}`;
  }

  /**
   * Keeps a draft. Where the history has grown too large for the browser, its oldest undo steps are left out.
   * @throws DOMException where the browser keeps nothing at all
   */
  keep(experiment: string, draft: KeptDraft): void {
    let { edits } = draft;
    for (;;) {
      try {
        this.#storage.setItem(this.#key(experiment), JSON.stringify({ ...draft, edits }));
        return;
      } catch (error) {
        const { history } = edits;
        if (history === undefined || history.entries.length === 1) throw error;
        edits = { ...edits, history: shortened(history, JSON.stringify(history).length - 1) };
      }
    }
  }

  /** The core has everything. */
  forget(experiment: string): void {
    this.#storage.removeItem(this.#key(experiment));
  }

  /** Takes what any window left behind out of the browser, the oldest first. */
  take(experiment: string): KeptDraft[] {
    const keys = Array.from({ length: this.#storage.length }, (_, i) => this.#storage.key(i) ?? '').filter(
      (key) => key.startsWith(`${prefix}${experiment}.`),
    );
    const drafts = keys.flatMap((key) => parseDraft(this.#storage.getItem(key) ?? ''));
    for (const key of keys) this.#storage.removeItem(key);
    return drafts.sort((a, b) => a.at - b.at);
  }
}

function parseDraft(text: string): KeptDraft[] {
  try {
    return [v.parse(KeptDraft, JSON.parse(text))];
  } catch {
    return [];
  }
}
