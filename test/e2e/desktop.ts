/** A person with the desktop app: starts it, quits it, and starts it again, on the same home. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect as expectSoon } from '@playwright/test';
import sharp from 'sharp';
import type { DesktopApp, DesktopOptions } from '../desktop/desktop-app.ts';
import { libraryOf, settingsFile, startDesktop } from '../desktop/desktop-app.ts';
import { drop } from './studio.ts';

/** Steps take their time on a busy machine. */
const expect = expectSoon.configure({ timeout: 60_000 });

/** The first window's page, when it can be used. */
export async function windowOf(app: DesktopApp): Promise<Page> {
  const page = await app.page();
  await expect(page.getByRole('navigation')).toBeVisible();
  return page;
}

/** What a box of the system was asked to say. */
export interface Box {
  message: string;
  detail: string;
  buttons: string[];
}

export class Person {
  readonly home = mkdtempSync(join(tmpdir(), 'ganvas-desktop-'));
  readonly library = libraryOf(this.home);
  readonly settings = settingsFile(this.home);
  readonly #started: DesktopApp[] = [];

  async start(options: Omit<DesktopOptions, 'home'> = {}): Promise<DesktopApp> {
    const app = await startDesktop({ home: this.home, ...options });
    this.#started.push(app);
    return app;
  }

  /** A folder of pictures. */
  async pictures(name: string, count = 24): Promise<string> {
    const folder = join(this.home, name);
    mkdirSync(folder, { recursive: true });
    for (let i = 0; i < count; i += 1) {
      const background = `hsl(${i * 15}, 70%, 60%)`;
      const image = sharp({ create: { width: 40, height: 40, channels: 3, background } });
      writeFileSync(join(folder, `${i}.png`), await image.png().toBuffer());
    }
    return folder;
  }

  async leave(): Promise<void> {
    for (const app of this.#started) await app.kill();
    rmSync(this.home, { recursive: true, maxRetries: 5 });
  }
}

/** Boxes of the system are answered with the button of this number, and remembered. */
export async function answerBoxes(app: DesktopApp, response: number): Promise<void> {
  await app.evaluate(({ dialog }, button) => {
    const boxes: unknown[] = [];
    Object.assign(globalThis, { boxes });
    dialog.showMessageBox = async (...args: unknown[]) => {
      boxes.push(args.at(-1));
      return { response: button, checkboxChecked: false };
    };
  }, response);
}

/** What boxes have asked since {@link answerBoxes}. */
export function boxesOf(app: DesktopApp): Promise<Box[]> {
  return app.evaluate(() => (globalThis as unknown as { boxes: Box[] }).boxes, undefined);
}

/** Chooses an entry of the application's menu. */
export async function choose(app: DesktopApp, id: string): Promise<void> {
  await app.evaluate(({ Menu }, item) => {
    const found = Menu.getApplicationMenu()?.getMenuItemById(item);
    if (!found) throw new Error(`the menu has no ${item}`);
    (found as unknown as { click: () => void }).click();
  }, id);
}

/** Asks the app to quit, and does not wait for what becomes of it. */
export async function quit(app: DesktopApp): Promise<void> {
  await app.evaluate(({ app: electron }) => {
    setImmediate(() => electron.quit());
  }, undefined);
}

export const runState = (page: Page) => page.locator('.run header .state');

/** Drops a folder on the window, and has it prepared. */
export async function prepare(page: Page, folder: string): Promise<void> {
  await drop(page, folder);
  await page.getByRole('button', { name: 'Prepare the images' }).click();
  await expect(page.locator('dl > div', { hasText: 'images used' }).locator('dd')).toBeVisible();
}

/** Trains on a folder, and has passed some steps. @param ends after this step; null: by hand */
export async function train(page: Page, folder: string, ends: number | null = null): Promise<void> {
  await prepare(page, folder);
  await page.getByRole('navigation').getByRole('button', { name: 'Train', exact: true }).click();
  await page.getByLabel('Batch', { exact: true }).fill('4');
  if (ends !== null) {
    await page.getByLabel('Ends', { exact: true }).selectOption('at step');
    await page.getByLabel('Step', { exact: true }).fill(String(ends));
  }
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect.poll(() => trained(page)).toBeGreaterThan(0);
}

/** Steps that the run on the Train place has trained. */
export async function trained(page: Page): Promise<number> {
  const fact = page.locator('.run header dl > div', { hasText: 'step' }).locator('dd');
  return Number((await fact.first().innerText()).replace(/ of .*/, '').replaceAll(',', ''));
}
