/** The shells that show the page, each with a new library and a folder of pictures, for stories that must go the same in all of them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { runsOn, startDesktop } from '../desktop/desktop-app.ts';
import { windowOf } from './desktop.ts';
import { launchBrowser, ServedLibrary, tabTo, visit } from './studio.ts';

/** An open shell. */
export interface Opened {
  page: Page;
  /** What went wrong in its pages by itself. */
  complaints: string[];
  /** Addresses of everything that its pages have loaded, and what those of its own begin with. */
  requests: string[];
  origin: string;
  /** A folder that images can be taken from. */
  pictures: string;
  /** Chooses the folder `name` among the pictures, with the keyboard alone, from where the ways to choose are shown. */
  chooseByKeyboard(name: string): Promise<void>;
  /** Does what saves a file. @returns its path */
  saved(work: () => Promise<void>): Promise<string>;
  close(): Promise<void>;
}

async function openServer(): Promise<Opened> {
  const browser = await launchBrowser();
  const library = new ServedLibrary();
  const { page, complaints, requests } = await visit(browser, await library.start());
  return {
    page,
    complaints,
    requests,
    origin: new URL('/', page.url()).href,
    pictures: library.pictures,
    async chooseByKeyboard(name) {
      await tabTo(page, 'button', "Browse the server's folders");
      await page.keyboard.press('Enter');
      for (const button of [/^pictures/, new RegExp(`^${name}`), 'Use this folder']) {
        await tabTo(page, 'button', button);
        await page.keyboard.press('Enter');
      }
    },
    async saved(work) {
      const download = page.waitForEvent('download');
      await work();
      return (await download).path();
    },
    async close() {
      await browser.close();
      await library.remove();
    },
  };
}

async function openDesktop(): Promise<Opened> {
  const home = mkdtempSync(join(tmpdir(), 'ganvas-story-'));
  const pictures = join(home, 'pictures');
  mkdirSync(pictures);
  const app = await startDesktop({ home });
  const page = await windowOf(app);
  return {
    page,
    complaints: app.complaints,
    requests: app.requests,
    origin: new URL('/', page.url()).href,
    pictures,
    async chooseByKeyboard(name) {
      await app.evaluate(
        ({ dialog }, path) => {
          dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [path] });
        },
        join(pictures, name),
      );
      await tabTo(page, 'button', 'Choose a folder');
      await page.keyboard.press('Enter');
    },
    async saved(work) {
      const path = join(home, 'saved');
      await app.evaluate(({ session }, to) => {
        const saved = new Promise((resolve) => {
          session.defaultSession.once('will-download', (_, item) => {
            item.setSavePath(to);
            item.once('done', (__, state) => resolve(state));
          });
        });
        Object.assign(globalThis, { saved });
      }, path);
      await work();
      const state = await app.evaluate(
        () => (globalThis as unknown as { saved: Promise<string> }).saved,
        undefined,
      );
      if (state !== 'completed') throw new Error(`what was to be saved is ${state}`);
      return path;
    },
    async close() {
      await app.kill();
      rmSync(home, { recursive: true });
    },
  };
}

/** For `describe.each`. */
export const shells = [
  { shell: 'a browser', open: openServer },
  { shell: `the desktop app (${runsOn})`, open: openDesktop },
] as const;
