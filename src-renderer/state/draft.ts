/** The history of the open design, kept in the browser, so that no edit is lost when the page is. */
import * as v from 'valibot';
import type { History } from '../../src-shared/gan/history.ts';
import { halved } from '../../src-shared/gan/history.ts';
import { PackedHistory, packHistory, unpackHistory } from '../../src-shared/gan/history-json.ts';

export function formatDraft(history: History): string {
  return JSON.stringify(packHistory(history));
}

/** Reads what {@link formatDraft} wrote; null for anything else. */
export function parseDraft(text: string): History | null {
  try {
    return unpackHistory(v.parse(PackedHistory, JSON.parse(text)));
  } catch {
    return null;
  }
}

/** What {@link storeDraft} needs of the page's `localStorage`. */
export type DraftStorage = Pick<Storage, 'getItem' | 'setItem'>;

const key = 'ganvas.design';

/**
 * Keeps a history in the browser. Where it has grown too large for that, the oldest undo steps go.
 * @throws DOMException where the browser keeps nothing at all
 */
export function storeDraft(storage: DraftStorage, history: History): void {
  let kept = history;
  for (;;) {
    try {
      storage.setItem(key, formatDraft(kept));
      return;
    } catch (error) {
      if (kept.entries.length === 1) throw error;
      kept = halved(kept);
    }
  }
}

export function storedDraft(storage: DraftStorage): History | null {
  const text = storage.getItem(key);
  return text === null ? null : parseDraft(text);
}
