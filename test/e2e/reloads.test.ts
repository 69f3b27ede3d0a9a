/** Pages that are reloaded while something long is under way, and the tabs beside them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import { expect } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, it, vi } from 'vitest';
import { writeDiscs } from './pictures.ts';
import type { Visit } from './studio.ts';
import { drop, findChromium, launchBrowser, ServedLibrary, visit } from './studio.ts';

const wait = { timeout: 60_000 };

describe.skipIf(findChromium() === null)('a page that is reloaded', () => {
  let browser: Browser;
  let library: ServedLibrary;
  let opened: Visit;
  let page: Page;
  let other: Page;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    library = new ServedLibrary();
    opened = await visit(browser, await library.start());
    ({ page } = opened);
  });
  afterEach(async () => {
    await opened.context.close();
    await library.remove();
    expect(opened.complaints).toEqual([]);
  });

  const group = (at: Page, name: string | RegExp) => at.getByRole('group', { name });
  const button = (at: Page, name: string) => at.getByRole('button', { name, exact: true });
  const notices = (at: Page) => at.getByRole('status', { name: 'Notices' });

  /** Drawn faces are chosen, and are being prepared; another tab looks on. */
  async function prepareFaces(): Promise<void> {
    await page.getByRole('button', { name: /Try it with drawn faces/ }).click();
    await expect(group(page, /^Preparing the images/)).toBeVisible(wait);
    other = await opened.tab(page.url());
  }

  it('sees the images being prepared on, as every tab does, and any of them may cancel it', async () => {
    await prepareFaces();
    await page.reload();
    for (const tab of [page, other]) {
      await expect(group(tab, /^Preparing the images/)).toBeVisible(wait);
      await expect(button(tab, 'Prepare the images')).toBeDisabled();
    }
    await group(other, /^Preparing the images/)
      .getByRole('button', { name: 'Cancel' })
      .click();
    for (const tab of [page, other]) {
      await expect(group(tab, /^Preparing the images/)).toBeHidden(wait);
      await expect(button(tab, 'Prepare the images')).toBeEnabled(wait);
    }
    await expect(notices(page)).toHaveText('');
  });

  it('finds the run that it has started; no tab starts another one meanwhile', async () => {
    await prepareFaces();
    await group(page, /^Preparing the images/)
      .getByRole('button', { name: 'Cancel' })
      .click();
    await button(page, 'Start training').click();
    await expect(group(page, /^Starting the training/)).toBeVisible(wait);
    await expect(group(other, /^Starting the training/)).toBeVisible(wait);
    await expect(button(other, 'Start training')).toBeDisabled();
    await page.reload();
    await expect(group(page, /^Starting the training/)).toBeVisible(wait);
    for (const tab of [page, other])
      await expect(tab.getByRole('button', { name: /^Training: Drawn faces/ })).toBeVisible(wait);
    await other.getByRole('navigation').getByRole('button', { name: 'Train' }).click();
    await expect(other.locator('aside li')).toHaveCount(1);
  });

  it('goes on with its upload when the server was killed and is back, and the browser has its new key', async () => {
    await writeDiscs(join(library.pictures, 'discs'), 12, 40, 40);
    const reached = Promise.withResolvers<undefined>();
    let dead = false;
    await page.route('**/uploads/**', async (route) => {
      if (dead) return route.continue();
      reached.resolve(undefined);
      await expect.poll(() => dead, wait).toBe(true);
      await route.abort('connectionfailed');
    });
    await drop(page, join(library.pictures, 'discs'));
    await reached.promise;
    await library.stop('SIGKILL');
    dead = true;
    await expect(page.getByText('No connection to Ganvas')).toBeVisible(wait);
    await expect(group(page, /^Uploading/)).not.toContainText('left');
    await opened.tab(await library.start());
    await expect(button(page, 'Prepare the images')).toBeEnabled(wait);
    await button(page, 'Prepare the images').click();
    await expect(page.locator('dl > div', { hasText: 'images used' }).locator('dd')).toHaveText('12', wait);
    // The browser's own words about a server that did not answer.
    opened.complaints.length = 0;
  });

  it('is asked about while it uploads, and says afterwards what has become of it; nothing is left', async () => {
    await writeDiscs(join(library.pictures, 'discs'), 12, 40, 40);
    other = await opened.tab(page.url());
    // The files are on their way, and do not arrive.
    await page.route('**/uploads/**', () => undefined);
    await drop(page, join(library.pictures, 'discs'));
    await expect(group(page, /^Uploading/)).toBeVisible(wait);
    await expect(other.getByRole('complementary', { name: 'Under way' })).toContainText(
      'Uploading discs',
      wait,
    );
    const scratch = () => readdirSync(join(library.folder, 'library', 'scratch')).length;
    expect(scratch()).toBe(1);
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    // Browsers ask only where a person has done something with the page.
    await page.locator('body').click({ position: { x: 700, y: 20 } });
    await page.reload();
    expect(asked).toEqual(['beforeunload']);
    await expect(notices(page)).toContainText(
      'The upload of "discs" ended with the page. Drop it again.',
      wait,
    );
    await expect(other.getByRole('complementary', { name: 'Under way' })).toHaveText('', wait);
    await vi.waitFor(() => expect(scratch()).toBe(0));
  });
});
