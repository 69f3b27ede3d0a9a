/** Two tabs, a server that goes away, a page that goes away: what was edited stays. */
import type { Browser, Page } from '@playwright/test';
import { expect } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import type { Visit } from './studio.ts';
import { findChromium, launchBrowser, ServedLibrary, visit } from './studio.ts';

const wait = { timeout: 60_000 };

describe.skipIf(findChromium() === null)('an experiment', () => {
  let browser: Browser;
  let library: ServedLibrary;
  let opened: Visit;
  let page: Page;

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    library = new ServedLibrary();
    opened = await visit(browser, await library.start());
    ({ page } = opened);
    await page.getByRole('button', { name: 'Design', exact: true }).click();
    await page.getByRole('button', { name: 'Start with a design' }).click();
    await expect(designName(page)).toHaveValue('small-32', wait);
  });
  afterEach(async () => {
    await opened.context.close();
    await library.remove();
  });

  const designName = (at: Page) => at.getByLabel('Name of the design');
  const saved = (at: Page) => expect(at.getByRole('banner')).toContainText('Saved', wait);

  it('is the same in two tabs: name, design and undo', async () => {
    const other = await opened.tab(page.url());
    await page.getByLabel('Name of the experiment').fill('Portraits');
    await page.keyboard.press('Enter');
    await designName(page).fill('mine');
    await expect(other.getByLabel('Name of the experiment')).toHaveValue('Portraits', wait);
    await expect(designName(other)).toHaveValue('mine', wait);
    await other.getByRole('button', { name: 'Undo: change the name' }).click();
    await expect(designName(page)).toHaveValue('small-32', wait);
    expect(opened.complaints).toEqual([]);
  });

  it('takes the edits of two tabs that type at the same time, and both end with all of them', async () => {
    const other = await opened.tab(page.url());
    const lengthOf = (tab: Page) => tab.getByRole('spinbutton', { name: 'Length of z' });
    const length = lengthOf(other);
    await expect(length).toHaveValue('64', wait);
    const text = 'a long name typed slowly by hand';
    await designName(page).selectText();
    await Promise.all([
      designName(page).pressSequentially(text, { delay: 120 }),
      (async () => {
        for (let value = 70; value < 80; value += 1) {
          await length.fill(String(value));
          await saved(other);
        }
      })(),
    ]);
    for (const tab of [page, other]) {
      await expect(designName(tab)).toHaveValue(text, wait);
      await expect(lengthOf(tab)).toHaveValue('79', wait);
      await saved(tab);
      await expect(tab.getByRole('status', { name: 'Notices' })).toHaveText('');
    }
    expect(opened.complaints).toEqual([]);
  });

  it('shows another one in another tab, and a reload stays where it was', async () => {
    const other = await opened.tab(page.url());
    await other.getByRole('button', { name: 'Experiments' }).click();
    await other.getByRole('menuitem', { name: 'New experiment', exact: true }).click();
    await expect(other.getByRole('heading', { name: 'Which images should it learn from?' })).toBeVisible(
      wait,
    );
    await other.getByLabel('Name of the experiment').fill('Second');
    await other.keyboard.press('Enter');
    await saved(other);
    await page.reload();
    await expect(designName(page)).toHaveValue('small-32', wait);
    await expect(page.getByLabel('Name of the experiment')).toHaveValue('New experiment');
    await other.reload();
    await expect(other.getByLabel('Name of the experiment')).toHaveValue('Second', wait);
    await other.goBack();
    await expect(other.getByLabel('Name of the experiment')).toHaveValue('New experiment', wait);
    expect(opened.complaints).toEqual([]);
  });

  it('keeps edits while the server is gone, also over a reload of the page that follows, and saves them', async () => {
    await saved(page);
    await library.stop('SIGKILL');
    await expect(page.getByText('No connection to Ganvas')).toBeVisible(wait);
    await designName(page).fill('edited alone');
    await expect(page.getByRole('banner')).toContainText('Kept in this browser');
    const address = await library.start();
    await page.getByRole('button', { name: 'Try now' }).click();
    await expect(page.getByText("This page's key is no longer valid")).toBeVisible(wait);
    const hash = new URL(page.url()).hash;
    await page.goto('about:blank');
    await page.goto(`${address}${hash}`);
    await expect(designName(page)).toHaveValue('edited alone', wait);
    await saved(page);
    await page.getByRole('button', { name: 'Undo: change the name' }).click();
    await expect(designName(page)).toHaveValue('small-32');
  });

  it('goes on by itself in the page when the server is back and knows the browser again', async () => {
    await library.stop('SIGKILL');
    await designName(page).fill('edited alone');
    await expect(page.getByText('No connection to Ganvas')).toBeVisible(wait);
    await opened.tab(await library.start());
    await saved(page);
    await expect(page.getByText('No connection to Ganvas')).toBeHidden();
    await expect(designName(page)).toHaveValue('edited alone');
  });
});
