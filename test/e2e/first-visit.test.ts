/** The first minutes: from an empty library to a run, with drawn faces and with a person's own pictures. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import { expect } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import { disc, writeDiscs } from './pictures.ts';
import type { Visit } from './studio.ts';
import { drop, findChromium, launchBrowser, ServedLibrary, visit } from './studio.ts';

const wait = { timeout: 60_000 };

/** Pictures in two classes, two sizes, with a file that is broken, one that is none, and one that is hidden. */
async function writePictures(folder: string): Promise<void> {
  await writeDiscs(join(folder, 'cats'), 40, 60, 48);
  await writeDiscs(join(folder, 'dogs'), 40, 200, 120);
  const picture = await disc(0, 60, 48);
  writeFileSync(join(folder, 'cats', 'broken.png'), picture.subarray(0, 60));
  writeFileSync(join(folder, 'notes.txt'), 'not a picture');
  writeFileSync(join(folder, '.hidden.png'), picture);
}

describe.skipIf(findChromium() === null)('the first visit', () => {
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
  });
  afterEach(async () => {
    await opened.context.close();
    await library.remove();
    expect(opened.complaints).toEqual([]);
  });

  const button = (name: string | RegExp, exact = true) => page.getByRole('button', { name, exact });
  const fact = (name: string) => page.locator('dl > div', { hasText: name }).locator('dd');

  it('leads to a run in two clicks', async () => {
    await expect(page.getByRole('heading', { name: 'Make a network that draws' })).toBeVisible();
    await expect(page.locator('.faces img')).toHaveCount(8);
    await button(/Try it with drawn faces/).click();
    await expect(fact('images used')).toHaveText('5,000', wait);
    await button('Start training').click();
    await expect(page.getByRole('heading', { name: 'Train' })).toBeAttached(wait);
    await expect(button(/^Training: Drawn faces/)).toContainText(/step [\d,]+/, wait);
    await expect(page).toHaveTitle('Drawn faces · Ganvas');
  });

  it('shows the images as the network sees them, any of them', async () => {
    await button(/Try it with drawn faces/).click();
    await expect(fact('images used')).toHaveText('5,000', wait);
    const images = page.getByRole('img', { name: /^Image \d+$/ });
    await expect(images).toHaveCount(120);
    await page.getByLabel('Show image').fill('5000');
    await expect(page.getByText('4,921 to 5,000 of 5,000')).toBeVisible();
    const last = page.getByRole('img', { name: 'Image 5000', exact: true });
    await last.scrollIntoViewIfNeeded();
    await expect
      .poll(() => last.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight]))
      .toEqual([32, 32]);
    await button('Previous').click();
    await expect(images.first()).toHaveAttribute('alt', 'Image 4801');
  });

  it.each(['chosen', 'dropped'])(
    'takes a folder that is %s: used, classes, sizes, and why files were left out',
    async (how) => {
      const folder = join(library.folder, 'my pets');
      await writePictures(folder);
      if (how === 'dropped') {
        await drop(page, folder);
      } else {
        await button(/Use my own images/).click();
        await page.getByLabel('Folder of images').setInputFiles(folder);
      }
      await expect(page.getByRole('heading', { name: 'my pets' })).toBeVisible(wait);
      await expect(page.getByLabel('Name of the experiment')).toHaveValue('my pets');
      await expect(page.getByText('A few of them, as the network would see them')).toBeVisible(wait);
      await button('Prepare the images').click();
      await expect(fact('images used')).toHaveText('80', wait);
      await expect(fact('left out')).toHaveText('2');
      await expect(page.getByRole('heading', { name: '2 classes' })).toBeVisible();
      await expect(page.locator('.classes li')).toHaveText([/cats\s*40/, /dogs\s*40/]);
      await expect(page.getByRole('img', { name: 'Images by their shorter side' })).toBeVisible();
      await page.locator('summary', { hasText: 'broken' }).click();
      await expect(page.getByText('cats/broken.png')).toBeVisible();
      await page.locator('summary', { hasText: 'not an image' }).click();
      await expect(page.getByText('notes.txt')).toBeVisible();
      await expect(button('Start training')).toBeEnabled();
    },
  );

  it('browses the folders that the server was given, and takes a path', async () => {
    await writePictures(join(library.pictures, 'inside'));
    await button(/Use my own images/).click();
    await button("Browse the server's folders").click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'pictures' }).click();
    await dialog.getByRole('button', { name: 'inside' }).click();
    await expect(dialog.getByRole('button', { name: 'cats' })).toBeVisible();
    await dialog.getByRole('button', { name: 'Use this folder' }).click();
    await expect(page.getByRole('heading', { name: 'inside' })).toBeVisible(wait);
    await button('Other images').click();
    await page.getByLabel('Or a path on the server').fill(join(library.folder, 'library'));
    await button('Use it').click();
    await expect(page.getByRole('alert')).toContainText('dataset.not-allowed');
  });

  it('says that images and design differ in both places, and repairs it either way with one click', async () => {
    await button(/Try it with drawn faces/).click();
    await expect(fact('images used')).toHaveText('5,000', wait);
    const differ = page.getByRole('note', { name: 'Images and design differ' });
    // A design that nobody has worked on follows its images.
    await button('Design').click();
    await page.getByLabel('Name of the design').fill('mine');
    await button('Data').click();
    const choose = (side: string) =>
      page.locator('label', { has: page.getByRole('radio', { name: side, exact: true }) }).click();
    await choose('64');
    await expect(differ).toContainText(
      'The design looks at images of 32×32×3, but the images are brought to 64×64×3',
    );
    await expect(button('Start training')).toBeDisabled();
    await button('Start from the design small-64').click();
    await expect(differ).toBeHidden();
    await expect(button('Start training')).toBeEnabled();
    await button('Design').click();
    await page.getByLabel('Name of the design').fill('mine again');
    await button('Data').click();
    await choose('32');
    await button('Design').click();
    await expect(differ).toContainText('64×64×3');
    await button('Prepare the images at 64×64×3').click();
    await expect(differ).toBeHidden();
    await button('Data').click();
    await expect(fact('images used')).toHaveText('5,000', wait);
  });
});
