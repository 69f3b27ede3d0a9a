/** The Explore place over a generator that was really trained: 8x8 pixels, 20 steps, checkpoints at 10 and 20. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Locator, Page, WebSocketRoute } from '@playwright/test';
import { expect } from '@playwright/test';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import { formatDesign } from '../../src-shared/gan/design-json.ts';
import { tinyDesign } from '../core/library.ts';
import { findBarriers } from '../renderer/accessibility.ts';
import { command } from '../shells/command.ts';
import type { Visit } from './studio.ts';
import { findChromium, launchBrowser, ServedLibrary, visit } from './studio.ts';

const wait = { timeout: 60_000 };

async function train({ folder }: ServedLibrary, name: string, limits: string): Promise<void> {
  writeFileSync(join(folder, 'tiny.json'), formatDesign(tinyDesign));
  const [node = '', ...before] = command;
  const words = `train --design tiny.json --batch 4 --data sample:12x8 --library library --name ${name} ${limits}`;
  const env = { PATH: process.env['PATH'], HOME: folder };
  await promisify(execFile)(node, [...before, ...words.split(' ')], { cwd: folder, env });
}

describe.skipIf(findChromium() === null)('the Explore place', () => {
  let browser: Browser;
  let library: ServedLibrary;
  let opened: Visit;
  let page: Page;
  let address: string;
  /** The page's connections. */
  let sockets: WebSocketRoute[];

  beforeAll(async () => {
    browser = await launchBrowser();
    library = new ServedLibrary();
    // Goes on in the last story: a checkpoint every second or so, not a hundred of them.
    await train(library, 'Growing', '--steps 1 --checkpoint-every 1000');
    await train(library, 'Tiny', '--steps 20 --checkpoint-every 10');
    opened = await visit(browser, await library.start());
    address = opened.page.url().split('#')[0]!;
    await opened.page.close();
  });
  afterAll(async () => {
    await opened.context.close();
    await library.remove();
    await browser.close();
  });
  beforeEach(async () => {
    sockets = [];
    await opened.context.routeWebSocket(/\/socket$/, (socket) => {
      socket.connectToServer();
      sockets.push(socket);
    });
    page = await opened.tab(`${address}#/explore/-`);
    await expect(wallImage()).not.toHaveCount(0, wait);
  });
  afterEach(async () => {
    await page.close();
    expect(opened.complaints.splice(0)).toEqual([]);
  });

  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
  const tool = (name: string) => page.getByRole('tab', { name }).click();
  const seed = (number: number) => page.getByRole('button', { name: new RegExp(`^Seed ${number}\\b`) });
  const wall = () => page.getByRole('region', { name: 'Wall of seeds' });
  /** Cells of the wall that have their picture. */
  const wallImage = () => wall().locator('.picture[style*="url"]');
  const sample = () => page.getByRole('figure', { name: 'Sample' }).getByRole('img');
  const pad = () => page.getByRole('application', { name: /^Pad/ });
  const checkpoint = () => page.getByLabel('Checkpoint');

  async function saved(click: Locator): Promise<{ name: string; path: string }> {
    const download = page.waitForEvent('download');
    await click.click();
    const file = await download;
    return { name: file.suggestedFilename(), path: await file.path() };
  }

  /** Pixels of a file, or of one 8x8 image in it. */
  function pixels(path: string, at?: { left: number; top: number }): Promise<Buffer> {
    const image = sharp(path);
    return (at === undefined ? image : image.extract({ ...at, width: 8, height: 8 })).raw().toBuffer();
  }

  it('shows a wall of the newest generator; a seed that is chosen is the same image, large', async () => {
    await expect(checkpoint()).toHaveValue('20');
    await expect(page.getByText('8×8×3 from')).toBeVisible();
    await seed(5).click();
    await expect(sample()).toHaveAttribute('alt', 'Seed 5');
    await expect(seed(5)).toHaveAttribute('aria-pressed', 'true');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await button('Copy the point').click();
    await expect(page.getByText('The point is on the clipboard, as JSON.')).toBeVisible();
    expect(JSON.parse(await page.evaluate(() => navigator.clipboard.readText()))).toEqual({
      kind: 'seed',
      seed: 5,
    });
    const wholeWall = await saved(button('Save the wall'));
    const image = await saved(button('Save the image'));
    expect(wholeWall.name).toMatch(/^tiny-step-20-seeds-0-to-\d+\.png$/);
    expect(image.name).toBe('tiny-step-20-seed-5.png');
    await page.setViewportSize({ width: 1280, height: 800 });
    const [top, last] = await Promise.all(
      [button('Previous page'), button('Save the wall')].map((found) => found.boundingBox()),
    );
    expect(Math.abs(top!.y + top!.height / 2 - last!.y - last!.height / 2)).toBeLessThan(1);
    const { width } = await sharp(image.path).metadata();
    expect(width).toBe(8);
    expect(await pixels(image.path)).toEqual(await pixels(wholeWall.path, { left: 40, top: 0 }));
  });

  it('goes on without end: by pages, to any seed, by arrow keys from page to page', async () => {
    const range = wall().getByRole('group', { name: 'Pages' }).locator('[aria-live]');
    const last = Number((await range.textContent())!.split(' to ')[1]);
    await button('Next page').click();
    await expect(range).toContainText(`${last + 1} to `);
    await expect(wallImage()).toHaveCount(last + 1);
    await seed(last + 2).focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await expect(range).toContainText('0 to ');
    await expect(seed(last)).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(sample()).toHaveAttribute('alt', `Seed ${last}`);
    await page.keyboard.press('Home');
    await page.keyboard.press('PageDown');
    await expect(range).toContainText(`${last + 1} to `);
    await page.getByLabel('Go to seed').fill('123456');
    await expect(sample()).toHaveAttribute('alt', 'Seed 123456');
    await expect(seed(123456)).toBeVisible();
    await button('Other seeds').click();
    await expect(seed(123456)).toHaveCount(0);
    // The field names a seed that is in sight.
    await expect(page.getByLabel('Go to seed')).not.toHaveValue('123456');
  });

  it('draws the path between two seeds, plays it, and saves it as an animation', async () => {
    await seed(3).click();
    await seed(9).click({ modifiers: ['Shift'] });
    await expect(sample()).toHaveAttribute('alt', '50 % of the way from seed 3 to seed 9');
    const strip = page.getByRole('group', { name: 'Steps of the path' });
    await expect(strip.locator('button[style*="url"]')).not.toHaveCount(0);
    await strip.getByRole('button').last().click();
    await expect(sample()).toHaveAttribute('alt', '100 % of the way from seed 3 to seed 9');
    const end = await saved(button('Save the image'));
    await button('Turn the path around').click();
    await expect(sample()).toHaveAttribute('alt', '0 % of the way from seed 9 to seed 3');
    // A long one is given up.
    await page.getByLabel('Seconds', { exact: true }).fill('40');
    await button('Save 960 frames').click();
    await button('Cancel').click();
    await expect(button('Save 960 frames')).toBeVisible(wait);
    await expect(page.getByRole('status', { name: 'Notices' }).getByRole('listitem')).toHaveCount(0);
    await page.getByLabel('Seconds', { exact: true }).fill('0.5');
    await button('Play the path').click();
    await expect(sample()).toHaveAttribute('alt', '100 % of the way from seed 9 to seed 3', wait);
    await page.getByRole('slider').focus();
    await page.keyboard.press('ArrowLeft');
    await expect(page.getByRole('slider')).toHaveValue('0.995');
    const webp = await saved(button('Save 12 frames'));
    expect(webp.name).toBe('tiny-step-20-path-9-to-3.webp');
    const frames = await sharp(webp.path, { animated: true }).metadata();
    expect(frames).toMatchObject({ format: 'webp', pages: 12, loop: 0, pageHeight: 256 });
    await page.locator('label', { has: page.getByRole('radio', { name: 'GIF' }) }).click();
    const gif = await saved(button('Save 12 frames'));
    expect(await sharp(gif.path, { animated: true }).metadata()).toMatchObject({ format: 'gif' });
    expect((await saved(page.getByRole('link', { name: 'Save the last one again' }))).name).toBe(gif.name);
    // The end of the path is the seed itself.
    await tool('Plane');
    await seed(9).click();
    await expect(sample()).toHaveAttribute('alt', 'Seed 9');
    const same = await saved(button('Save the image'));
    expect(await pixels(same.path)).toEqual(await pixels(end.path));
  });

  it('lets the wall choose either end of the path', async () => {
    await tool('Path');
    await expect(page.getByText('Choose a second seed on the wall')).toBeVisible();
    await seed(2).click();
    await button(/^From/).click();
    await seed(4).click();
    await expect(sample()).toHaveAttribute('alt', '50 % of the way from seed 4 to seed 2');
    await seed(6).click();
    await expect(sample()).toHaveAttribute('alt', '50 % of the way from seed 4 to seed 6');
  });

  it('walks a plane under the pointer and by keys, over a map of it', async () => {
    await seed(1).click();
    await expect(pad().getByRole('presentation', { includeHidden: true })).toBeVisible();
    const { x, y, width, height } = (await pad().boundingBox())!;
    await page.mouse.move(x + 0.75 * width, y + 0.25 * height);
    await expect(sample()).toHaveAttribute('alt', /^Seed 1, moved by [\d.]+ and [\d.]+$/);
    await page.mouse.move(x + width + 40, y);
    await expect(sample()).toHaveAttribute('alt', 'Seed 1');
    await page.mouse.click(x + 0.25 * width, y + 0.75 * height);
    await page.mouse.move(x + width + 40, y);
    await expect(sample()).toHaveAttribute('alt', /^Seed 1, moved by −[\d.]+ and −[\d.]+$/);
    await pad().focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('ArrowUp');
    const range = Number((await page.getByText(/^± /).textContent())!.slice(2));
    await expect(page.getByLabel('x', { exact: true })).toHaveValue(String(range / 4));
    await expect(page.getByLabel('y', { exact: true })).toHaveValue(String(range / 20));
    await page.keyboard.press('+');
    await expect(page.getByText(`± ${range / 2}`, { exact: true })).toBeVisible();
    await page.keyboard.press('Enter');
    await expect(page.getByLabel('x', { exact: true })).toHaveValue('0');
    await expect(sample()).toHaveAttribute('alt', /^Seed 1, moved by/);
    await button('Other plane').click();
    await expect(page.getByRole('spinbutton', { name: 'Plane' })).not.toHaveValue('0');
  });

  it('moves a point, and the wall, along the generator’s own directions', async () => {
    await tool('Directions');
    const before = await sample().getAttribute('src');
    const style = () => wallImage().first().getAttribute('style');
    const wallBefore = await style();
    const slider = page.getByRole('slider', { name: 'Direction 1', exact: true });
    await slider.fill('4');
    await expect(sample()).toHaveAttribute('alt', 'Seed 0, along 1 direction');
    await expect(sample()).not.toHaveAttribute('src', before!);
    expect(await style()).toBe(wallBefore);
    await page.getByLabel('Move the seeds on the wall, too').check();
    await expect.poll(style).not.toBe(wallBefore);
    const reset = button('Reset direction 1');
    await reset.click();
    await expect(sample()).toHaveAttribute('alt', 'Seed 0');
    await expect(reset).toBeDisabled();

    // The wall says, beside every tool, that its seeds are not where they were, and brings them back.
    await slider.fill('4');
    await page.getByRole('slider', { name: 'Direction 2', exact: true }).fill('-3');
    await tool('Plane');
    await expect(wall()).toContainText('All seeds are moved along 2 directions.');
    await button('Show them as they are').click();
    await expect(wall()).not.toContainText('All seeds are moved');
    await tool('Directions');
    await expect(page.getByLabel('Move the seeds on the wall, too')).not.toBeChecked();
    await button('Reset all').click();
    await expect(sample()).toHaveAttribute('alt', 'Seed 0');
    await expect(slider).toHaveValue('0');
    await expect(button('Reset all')).toBeDisabled();
  });

  it('finds the training images that are most like a sample', async () => {
    await tool('Nearest images');
    await button('Find those nearest to seed 0').click();
    const found = page.getByRole('img', { name: /^Training image \d+$/ });
    await expect(found).toHaveCount(8, wait);
    await expect
      .poll(() => found.evaluateAll((all) => all.map((image) => (image as HTMLImageElement).naturalWidth)))
      .toEqual(Array(8).fill(8));
    const off = await page.getByText(/ % off$/).allTextContents();
    const numbers = off.map((text) => Number.parseFloat(text));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers);
    await expect(
      page.getByText(/^If these look the same as the sample, it has been memorised/),
    ).toBeVisible();
    await seed(4).click();
    await expect(button('Find those nearest to seed 4')).toBeVisible();
  });

  it('goes back to an earlier checkpoint: other images of the same seeds', async () => {
    await seed(7).click();
    const late = await saved(button('Save the image'));
    await checkpoint().selectOption('10');
    await expect(page.getByText(/^Loading step 10/)).toBeHidden(wait);
    const early = await saved(button('Save the image'));
    expect(early.name).toBe('tiny-step-10-seed-7.png');
    expect(await pixels(early.path)).not.toEqual(await pixels(late.path));
  });

  it('goes on by itself after a lost connection', async () => {
    const before = await sample().getAttribute('src');
    for (const socket of sockets.splice(0)) await socket.close();
    await expect(sample()).not.toHaveAttribute('src', before!, wait);
    await seed(2).click();
    await expect(sample()).toHaveAttribute('alt', 'Seed 2');
  });

  it('is in order for eyes, ears and small windows, with every tool', async () => {
    const sticksOut = () =>
      page.evaluate(() =>
        [...document.querySelectorAll('main, header, section, fieldset, .point, .panel, .exploration')]
          .filter((element) => element.scrollWidth > element.clientWidth + 1)
          .map((element) => element.outerHTML.slice(0, 120)),
      );
    const inOrder = async () => {
      expect(await findBarriers(page)).toEqual([]);
      for (const [width, height] of [
        [1024, 700],
        [1440, 900],
      ] as const) {
        await page.setViewportSize({ width, height });
        await expect.poll(sticksOut).toEqual([]);
      }
    };
    await inOrder();
    await page.getByRole('tab', { name: 'Plane' }).focus();
    await page.keyboard.press('ArrowRight');
    await inOrder();
    await seed(3).click();
    await inOrder();
    await page.getByRole('tab', { name: 'Path' }).focus();
    await page.keyboard.press('ArrowRight');
    await inOrder();
    await tool('Nearest images');
    await button(/^Find those nearest/).click();
    await expect(page.getByText(/ % off$/)).toHaveCount(8, wait);
    await inOrder();
  });

  it('follows a run that trains, until it is told not to', async () => {
    const places = page.getByRole('navigation', { name: 'Places' });
    await page.getByRole('button', { name: 'Experiments' }).click();
    await page.getByRole('menuitem', { name: /^Growing/ }).click();
    await places.getByRole('button', { name: 'Train' }).click();
    await button('Resume…').click();
    await page.getByRole('dialog').getByLabel('Ends', { exact: true }).selectOption('never');
    await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
    await expect(button('Stop')).toBeVisible(wait);
    await places.getByRole('button', { name: 'Explore' }).click();
    const follow = page.getByRole('checkbox', { name: 'Follow the newest' });
    await expect(follow).toBeChecked(wait);
    const step = async () => Number(await checkpoint().inputValue());
    await expect(wallImage()).not.toHaveCount(0, wait);
    await follow.uncheck();
    await expect(page.getByText(/^Loading /)).toBeHidden();
    const stayed = await step();
    const newest = checkpoint().locator('option').first();
    await expect.poll(async () => Number(await newest.getAttribute('value')), wait).toBeGreaterThan(stayed);
    expect(await step()).toBe(stayed);
    await seed(3).click();
    await expect(sample()).toHaveAttribute('alt', 'Seed 3');
    await follow.check();
    await expect.poll(step, wait).toBeGreaterThan(stayed);
    await places.getByRole('button', { name: 'Train' }).click();
    await button('Stop').click();
    await expect(button('Resume…')).toBeVisible(wait);
  });
});

describe.skipIf(findChromium() === null)('the Explore place of a library without a run', () => {
  it('says where generators come from', async () => {
    const browser = await launchBrowser();
    const library = new ServedLibrary();
    try {
      const { page, complaints } = await visit(browser, await library.start());
      await page.getByRole('navigation').getByRole('button', { name: 'Explore' }).click();
      await expect(page.getByRole('heading', { name: 'There is no generator yet' })).toBeVisible(wait);
      expect(await findBarriers(page)).toEqual([]);
      await page.getByRole('button', { name: 'Choose images' }).click();
      await expect(page.getByRole('heading', { name: 'Make a network that draws' })).toBeVisible(wait);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      await library.remove();
    }
  });
});
