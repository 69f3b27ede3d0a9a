/** Which page and which addresses are ours. */
import { shell } from 'electron';

export const scheme = 'app';
const host = 'gan';

/** Address of the page. All that it may load lies below. */
export const address = `${scheme}://${host}/`;

/** Whether an address belongs to our page; what cannot be read belongs to nobody. Decided by its parts, never by how it looks. */
export function isOurs(url: string): boolean {
  const parsed = URL.parse(url);
  return (
    parsed?.protocol === `${scheme}:` &&
    parsed.host === host &&
    parsed.username === '' &&
    parsed.password === ''
  );
}

/** A frame, as far as it says who speaks. */
export interface Frame {
  readonly url: string;
  readonly parent: object | null;
  isDestroyed(): boolean;
}

/** Whether a message comes from our page itself, not from a frame in it, and not from one that is gone. */
export function isOurPage(frame: Frame | null): frame is Frame {
  return frame !== null && !frame.isDestroyed() && frame.parent === null && isOurs(frame.url);
}

/** Pages of ours in the web; no other is ever opened. */
export const links = { electron: 'https://www.electronjs.org/' } as const;

/** Opens one of {@link links} in the person's browser; anything else is left alone. @returns whether it was one */
export function openLink(url: string): boolean {
  const parsed = URL.parse(url);
  const known = Object.values(links).some((link) => link === parsed?.href);
  if (known && parsed?.protocol === 'https:') void shell.openExternal(parsed.href);
  return known;
}
