import { Live } from './live.ts';
import type { Notices } from './notices.svelte.ts';

/**
 * Something of the core that is read whole whenever it has changed.
 * @returns a function that reads it (again); what goes wrong is said
 */
export function reader<Snapshot>(
  notices: Notices,
  read: () => Promise<Snapshot>,
  take: (snapshot: Snapshot) => void,
): () => void {
  const live = new Live<Snapshot>({ read, take, hear: () => undefined });
  return () => {
    live.load().catch((error: unknown) => notices.fail(error));
  };
}
