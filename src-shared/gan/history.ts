/** Undo and redo without end: every state of a design since it was opened, in order, and where in them we are. Pure data. */
import type { Design } from './block.ts';

export interface Entry {
  design: Design;
  /** What led to it, for the undo button: `change the kernel of block 2`. */
  what: string;
}

export interface History {
  /** At least one; the first is what was opened. */
  entries: readonly Entry[];
  /** Index of the present one. Those behind it can be redone. */
  at: number;
}

export function startHistory(design: Design): History {
  return { entries: [{ design, what: 'start' }], at: 0 };
}

export function present({ entries, at }: History): Entry {
  return entries[at]!;
}

/** A new state. What could be redone is gone. */
export function commit({ entries, at }: History, entry: Entry): History {
  return { entries: [...entries.slice(0, at + 1), entry], at: at + 1 };
}

/** The present state, replaced: one more keystroke of the same edit. The first state is never replaced. */
export function amend(history: History, entry: Entry): History {
  if (history.at === 0) return commit(history, entry);
  return { entries: [...history.entries.slice(0, history.at), entry], at: history.at };
}

export function undo({ entries, at }: History): History {
  return { entries, at: Math.max(0, at - 1) };
}

export function redo({ entries, at }: History): History {
  return { entries, at: Math.min(entries.length - 1, at + 1) };
}

/** Without the older half of what can be undone, or, where nothing can, without what can be redone. */
export function halved({ entries, at }: History): History {
  const first = Math.ceil(at / 2);
  return { entries: entries.slice(first, at === 0 ? 1 : entries.length), at: at - first };
}

export const canUndo = ({ at }: History): boolean => at > 0;
export const canRedo = ({ entries, at }: History): boolean => at < entries.length - 1;
