/**
 * `npm run screenshots [minutes]`: pictures of every place, light and dark, at two sizes, with a run in them that was really trained.
 * They go to test-results/screenshots; look at them.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect as expectNow } from '@playwright/test';
import { repository } from '../architecture.ts';
import { setup as buildPage } from './build.ts';
import { launchBrowser, ServedLibrary, visit } from './studio.ts';

const minutes = Number(process.argv[2] ?? 2);
const expect = expectNow.configure({ timeout: 60_000 + minutes * 60_000 });
const folder = join(repository, 'test-results', 'screenshots');
const sizes = [
  { width: 1440, height: 900 },
  { width: 1024, height: 700 },
];

const place = (page: Page, name: string) =>
  page.getByRole('navigation').getByRole('button', { name, exact: true }).click();

async function train(page: Page, run: number, batch: number, length: number): Promise<void> {
  await place(page, 'Train');
  await page.getByLabel('Batch', { exact: true }).fill(String(batch));
  await page.getByLabel('Ends', { exact: true }).selectOption('after minutes');
  await page.getByLabel('Minutes', { exact: true }).fill(String(length));
  await page.getByRole('button', { name: 'Start training', exact: true }).click();
  await expect(page.getByRole('heading', { name: `Run ${run} · Drawn faces` })).toBeVisible();
  await expect(page.locator('.run header .state')).toHaveText('done');
}

/** What is shown, by name; each leads from wherever the one before has left the page. */
const scenes: Record<string, (page: Page) => Promise<void>> = {
  data: async (page) => {
    await place(page, 'Data');
    await expect(page.getByRole('img', { name: 'Image 1', exact: true })).toBeVisible();
  },
  design: async (page) => {
    await place(page, 'Design');
    await expect(page.locator('[data-block="1"]')).toBeVisible();
  },
  'design-block': async (page) => {
    await page.locator('[data-block="1"]').click();
    await expect(page.getByLabel('Output channels', { exact: true }).first()).toBeVisible();
  },
  'design-code': async (page) => {
    await page.locator('[data-block="1"]').click();
    await page.getByRole('tab', { name: 'PyTorch code' }).click();
  },
  train: async (page) => {
    await page.getByRole('tab', { name: 'Networks' }).click();
    await place(page, 'Train');
    await expect(page.getByRole('img', { name: /generated images after step/ })).toBeVisible();
  },
  'train-grids': async (page) => {
    await page.getByRole('button', { name: /^All \d/ }).click();
  },
  explore: async (page) => {
    await page.getByRole('button', { name: 'One grid' }).click();
    await place(page, 'Explore');
    await page.getByRole('button', { name: /^Seed 4\b/ }).click();
    await expect(page.getByRole('figure', { name: 'Sample' }).getByRole('img')).toHaveAttribute(
      'alt',
      'Seed 4',
    );
  },
  'explore-plane': async (page) => {
    await page.getByRole('tab', { name: 'Plane' }).click();
    await expect(page.getByRole('application', { name: /^Pad/ })).toBeVisible();
  },
  library: async (page) => {
    await page.getByRole('tab', { name: 'Path' }).click();
    await place(page, 'Library');
    await expect(page.getByRole('button', { name: 'Drawn faces', exact: true })).toBeVisible();
  },
  export: async (page) => {
    await place(page, 'Train');
    await page.getByRole('button', { name: 'Export…', exact: true }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
  },
};

mkdirSync(folder, { recursive: true });
await buildPage();
const browser = await launchBrowser();
const library = new ServedLibrary();
try {
  const { page, context } = await visit(browser, await library.start());
  await page.screenshot({ path: join(folder, 'welcome.png') });
  await page.getByRole('button', { name: /Try it with drawn faces/ }).click();
  await expect(page.getByRole('button', { name: 'Start training', exact: true })).toBeEnabled();
  await train(page, 1, 32, minutes / 4);
  await train(page, 2, 64, minutes);
  for (const size of sizes) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [name, show] of Object.entries(scenes)) {
        await show(page);
        await page.waitForLoadState('networkidle');
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${size.width}.png`) });
      }
      await page.keyboard.press('Escape');
    }
  }
  await context.close();
} finally {
  await browser.close();
  await library.remove();
}
