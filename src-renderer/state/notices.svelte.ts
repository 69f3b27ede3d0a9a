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
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  get list(): readonly Notice[] {
    return this.#list;
  }

  /** Something went well, or a person should know it. Said again, it stays for longer. */
  say(text: string, action: NoticeAction | null = null): void {
    const id = this.#put(text, null, action);
    this.#timers.set(
      id,
      setTimeout(() => this.dismiss(id), action === null ? stay : stayToDecide),
    );
  }

  /** Something went wrong. What a person has cancelled is no news. */
  fail(thrown: unknown, action: NoticeAction | null = null): void {
    const error = toErrorData(thrown);
    if (error.code !== 'cancelled') this.#put(error.message, error, action);
  }

  dismiss(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#list = this.#list.filter((notice) => notice.id !== id);
  }

  /** In the place of one that says the same. */
  #put(text: string, error: ErrorData | null, action: NoticeAction | null): number {
    const same = this.#list.find((notice) => notice.error?.code === error?.code && notice.text === text);
    const id = same?.id ?? this.#next++;
    const notice = { id, text, error, action };
    clearTimeout(this.#timers.get(id));
    this.#list =
      same === undefined
        ? [...this.#list, notice].slice(-most)
        : this.#list.map((other) => (other === same ? notice : other));
    return id;
  }
}
