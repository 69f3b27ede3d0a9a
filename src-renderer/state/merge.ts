/** Two windows have changed the same experiment: nothing of either is lost. */
import type { History } from '../../src-shared/gan/history.ts';
import { commit, present } from '../../src-shared/gan/history.ts';

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Whether `longer` is `shorter` with more edits. */
function goesOn(longer: History, shorter: History): boolean {
  return (
    longer.at >= shorter.at &&
    shorter.entries.slice(0, shorter.at + 1).every((entry, i) => same(entry, longer.entries[i]))
  );
}

/**
 * What becomes of our history when theirs has been saved since: ours where it goes on from theirs; else theirs, with our design as one
 * more step, so that undo leads back to theirs.
 */
export function mergeHistories(theirs: History, ours: History): History {
  if (goesOn(ours, theirs)) return ours;
  const { design } = present(ours);
  if (same(design, present(theirs).design)) return theirs;
  return commit(theirs, { design, what: 'take over what was edited in this window' });
}
