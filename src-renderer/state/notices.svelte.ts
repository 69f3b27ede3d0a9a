import { toErrorData } from '../../src-shared/errors.ts';
import type { ErrorData } from '../../src-shared/errors.ts';

/** Something that a person may want to do about a notice. */
export interface NoticeAction {
  label: string;
  act: () => void;
}

export interface Notice {
  id: number;
  text: string;
  action: NoticeAction | null;
  /** Set when something went wrong; such a notice stays until a person puts it away. */
  error: ErrorData | null;
}

/** Milliseconds for which a notice that is no error stays. */
const stay = 6000;
/** The same where there is something to decide. */
const stayToDecide = 12_000;
const most = 4;

/** What happened lately, for the corner of the window and for screen readers. */
export class Notices {
  #list: readonly Notice[] = $state.raw([]);
  #next = 0;

  get list(): readonly Notice[] {
    return this.#list;
  }

  /** Something went well, or a person should know it. */
  say(text: string, action: NoticeAction | null = null): void {
    const id = this.#add(text, null, action);
    setTimeout(() => this.dismiss(id), action === null ? stay : stayToDecide);
  }

  /** Something went wrong. What a person has cancelled is no news. */
  fail(thrown: unknown): void {
    const error = toErrorData(thrown);
    if (error.code === 'cancelled') return;
    const same = this.#list.find(
      (notice) => notice.error?.code === error.code && notice.text === error.message,
    );
    if (same === undefined) this.#add(error.message, error);
  }

  dismiss(id: number): void {
    this.#list = this.#list.filter((notice) => notice.id !== id);
  }

  #add(text: string, error: ErrorData | null, action: NoticeAction | null = null): number {
    const id = this.#next++;
    this.#list = [...this.#list, { id, text, error, action }].slice(-most);
    return id;
  }
}
