/** What is asked of the page of one window; it waits where the page is not connected yet. */
import type { BrowserWindow } from 'electron';
import type { ApiEvent, Wish } from '../../../src-shared/api.ts';

export class WindowTalk {
  readonly #tell = new Map<BrowserWindow, (event: ApiEvent) => void>();
  readonly #waiting = new Map<BrowserWindow, Wish[]>();

  /** The page of a window has connected; after a reload it does so again. */
  connected(window: BrowserWindow, tell: (event: ApiEvent) => void): void {
    if (!this.#tell.has(window)) {
      window.once('closed', () => {
        this.#tell.delete(window);
        this.#waiting.delete(window);
      });
    }
    this.#tell.set(window, tell);
    for (const wish of this.#waiting.get(window) ?? []) tell({ type: 'wish', wish });
    this.#waiting.delete(window);
  }

  ask(window: BrowserWindow, wish: Wish): void {
    const tell = this.#tell.get(window);
    if (tell === undefined) this.#waiting.set(window, [...(this.#waiting.get(window) ?? []), wish]);
    else tell({ type: 'wish', wish });
  }
}
