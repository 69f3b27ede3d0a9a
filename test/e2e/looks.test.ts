/** The frame and the Data place for people who use no mouse, read with their ears, have a small screen, or work in the dark. */
import type { Browser, Page } from '@playwright/test';
import { expect } from '@playwright/test';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { findBarriers } from '../renderer/accessibility.ts';
import type { Visit } from './studio.ts';
import { findChromium, launchBrowser, ServedLibrary, tabTo, visit } from './studio.ts';

const wait = { timeout: 60_000 };

/** What is wider than what it is in, and cards that lie over each other, at a size of the window. */
async function misplaced(page: Page, width: number, height: number): Promise<string[]> {
  await page.setViewportSize({ width, height });
  return page.evaluate(() => {
    const wide = [
      ...document.querySelectorAll('main, header, aside, section, .place, .window, .ways, .drop, .columns'),
    ].filter((element) => element.scrollWidth > element.clientWidth + 1);
    const cards = [...document.querySelectorAll('section')];
    const covered = cards.filter((card) =>
      cards.some((other) => {
        if (other === card || other.contains(card) || card.contains(other)) return false;
        const [a, b] = [card.getBoundingClientRect(), other.getBoundingClientRect()];
        return (
          Math.min(a.right, b.right) > Math.max(a.left, b.left) + 1 &&
          Math.min(a.bottom, b.bottom) > Math.max(a.top, b.top) + 1
        );
      }),
    );
    return [...wide, ...covered].map((element) => element.outerHTML.slice(0, 100));
  });
}

async function expectInOrder(page: Page): Promise<void> {
  expect(await findBarriers(page)).toEqual([]);
  expect(await misplaced(page, 1024, 700)).toEqual([]);
  expect(await misplaced(page, 1440, 900)).toEqual([]);
}

describe.skipIf(findChromium() === null)('the studio', () => {
  let browser: Browser;
  let library: ServedLibrary;
  let opened: Visit;
  let page: Page;

  // The stories go on from each other, as a first visit does.
  beforeAll(async () => {
    browser = await launchBrowser();
    library = new ServedLibrary();
    opened = await visit(browser, await library.start());
    ({ page } = opened);
  });
  afterAll(async () => {
    await opened.context.close();
    await library.remove();
    await browser.close();
  });

  /** Presses Tab until a control has the focus. */
  it('is in order where nothing is yet: greeting, choice of images, places without an experiment', async () => {
    await expect(page.locator('.faces img')).toHaveCount(8, wait);
    await expectInOrder(page);
    await page.getByRole('button', { name: /Use my own images/ }).click();
    await expectInOrder(page);
    await page.getByRole('button', { name: "Browse the server's folders" }).click();
    await expect(page.getByRole('dialog').getByRole('button', { name: 'pictures' })).toBeVisible(wait);
    await expectInOrder(page);
    await page.keyboard.press('Escape');
    for (const [key, place] of [
      ['2', 'Design'],
      ['3', 'Train'],
      ['4', 'Explore'],
      ['5', 'Library'],
      ['1', 'Data'],
    ] as const) {
      await page.keyboard.press(`Control+${key}`);
      await expect(page.getByRole('heading', { name: place, level: 1 })).toBeAttached(wait);
      expect(await findBarriers(page)).toEqual([]);
    }
  });

  it('leads to a run with the keyboard alone', async () => {
    await tabTo(page, 'button', /Try it with drawn faces/);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('button', { name: 'Start training' })).toBeEnabled(wait);
    await expectInOrder(page);
    await page.keyboard.press('Control+2');
    await page.getByLabel('Name of the design').fill('mine');
    await page.keyboard.press('Control+1');
    await page.getByRole('radio', { name: '32', exact: true }).focus();
    await page.keyboard.press('ArrowRight');
    await expect(page.getByRole('note', { name: 'Images and design differ' })).toBeVisible();
    await expectInOrder(page);
    await tabTo(page, 'button', /^Prepare the images at 32×32×3/);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('note', { name: 'Images and design differ' })).toBeHidden();
    await tabTo(page, 'button', 'Start training');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('button', { name: /^Training: Drawn faces/ })).toContainText('step', wait);
  });

  it('is in order where it trains: losses and samples, one grid and all of them', async () => {
    await page.getByRole('button', { name: /^Training: Drawn faces/ }).click();
    await expect(page.getByRole('img', { name: /generated images after step/ })).toBeVisible(wait);
    await expectInOrder(page);
    await page.getByRole('button', { name: /^All \d/ }).click();
    await expectInOrder(page);
    await page.getByRole('button', { name: 'One grid' }).click();
  });

  it('is in order while it trains, in the menu, and when something went wrong', async () => {
    await page.getByRole('button', { name: 'Experiments' }).focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('menuitem', { name: 'New experiment' })).toBeFocused();
    await page.keyboard.press('ArrowDown');
    await expect(page.getByRole('menuitem', { name: /^Drawn faces/ })).toBeFocused();
    await expectInOrder(page);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+1');
    await page.getByRole('button', { name: 'Other images' }).click();
    await page.getByLabel('Or a path on the server').fill('/nowhere');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('alert')).toContainText('dataset.not-allowed', wait);
    await expectInOrder(page);
    await page.goto(`${page.url().split('#')[0]!}#/design/gone`);
    await expect(page.getByRole('heading', { name: 'This experiment cannot be opened' })).toBeVisible(wait);
    await expectInOrder(page);
  });

  it('is in order without a connection', async () => {
    // From here on the browser itself complains, of a server that is gone.
    expect(opened.complaints).toEqual([]);
    await library.stop('SIGKILL');
    await expect(page.getByText('No connection to Ganvas')).toBeVisible(wait);
    await expectInOrder(page);
  });
});
