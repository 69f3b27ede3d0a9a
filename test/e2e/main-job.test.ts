/** The main job, whole: a folder of pictures becomes a generator that runs elsewhere. Once with the mouse alone, once with the keyboard alone. */
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect as expectNow } from '@playwright/test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { writeDiscs } from './pictures.ts';
import type { Opened } from './shells.ts';
import { shells } from './shells.ts';
import { drop, findChromium, tabTo } from './studio.ts';

/** Steps take their time on a busy machine. */
const expect = expectNow.configure({ timeout: 60_000 });

/** Runs what was exported, as somebody would elsewhere: an image for every z, within -1 and 1. */
async function expectToDraw(file: string): Promise<void> {
  const session = await InferenceSession.create(file);
  const latentDim = session.inputMetadata[0]!;
  if (!latentDim.isTensor) throw new Error('z is no tensor');
  const length = Number(latentDim.shape.at(-1));
  const z = new Tensor(
    'float32',
    Float32Array.from({ length: 2 * length }, (_, i) => Math.sin(i)),
    [2, length],
  );
  const { image } = await session.run({ z });
  expectNow(image?.dims).toEqual([2, 3, 32, 32]);
  const pixels = image!.data as Float32Array;
  expectNow(pixels.every((pixel) => Math.abs(pixel) <= 1)).toBe(true);
  expectNow(new Set(pixels).size).toBeGreaterThan(100);
}

describe.skipIf(findChromium() === null).each(shells)('the main job in $shell', ({ open }) => {
  let opened: Opened;
  let page: Page;

  beforeEach(async () => {
    opened = await open();
    ({ page } = opened);
    await writeDiscs(join(opened.pictures, 'discs'), 24, 40, 40);
  });
  afterEach(async () => {
    await opened.close();
    expectNow(opened.complaints).toEqual([]);
    // Nothing was loaded from anywhere else.
    expectNow(
      opened.requests.filter((url) => !url.startsWith(opened.origin) && !url.startsWith('blob:')),
    ).toEqual([]);
  });

  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
  const place = (name: string) => page.getByRole('navigation').getByRole('button', { name, exact: true });
  const field = (name: string) => page.getByLabel(name, { exact: true });
  const state = () => page.locator('.run header .state');
  const mirrored = () => page.locator('[aria-label^="Mirror of block 2,"] strong').first();
  const dialog = () => page.getByRole('dialog');

  it('with the mouse', async () => {
    await drop(page, join(opened.pictures, 'discs'));
    await button('Prepare the images').click();
    await expect(page.locator('dl > div', { hasText: 'images used' }).locator('dd')).toHaveText('24');

    await place('Design').click();
    const before = await mirrored().textContent();
    await page.locator('[data-block="1"]').click();
    const channels = page.getByLabel('Output channels', { exact: true }).first();
    await channels.fill('12');
    await expect(mirrored()).not.toHaveText(before!);

    await place('Train').click();
    await field('Batch').fill('8');
    await field('Ends').selectOption('at step');
    await field('Step').fill('12');
    await button('Start training').click();
    await expect(state()).toHaveText('done');
    await expect(page.getByRole('img', { name: '64 generated images after step 12' })).toBeVisible();

    await place('Explore').click();
    await page.getByRole('button', { name: /^Seed 3\b/ }).click();
    await expect(page.getByRole('figure', { name: 'Sample' }).getByRole('img')).toHaveAttribute(
      'alt',
      'Seed 3',
    );

    await place('Train').click();
    await button('Export…').click();
    await dialog().getByRole('button', { name: 'Export as ONNX' }).click();
    const link = dialog().getByRole('link', { name: /^Download .*\.onnx$/ });
    await expectToDraw(await opened.saved(() => link.click()));
  });

  it('with the keyboard', async () => {
    const press = (key: string) => page.keyboard.press(key);
    await tabTo(page, 'button', /Use my own images/);
    await press('Enter');
    await opened.chooseByKeyboard('discs');
    await tabTo(page, 'button', 'Prepare the images');
    await press('Enter');
    await expect(page.locator('dl > div', { hasText: 'images used' }).locator('dd')).toHaveText('24');

    await press('Control+2');
    const before = await mirrored().textContent();
    await tabTo(page, 'button', /^Block 2:/);
    await press('Enter');
    await tabTo(page, 'spinbutton', 'Output channels');
    await press('Control+a');
    await page.keyboard.type('12');
    await expect(mirrored()).not.toHaveText(before!);

    await press('Control+3');
    await tabTo(page, 'combobox', 'Ends');
    await page.keyboard.type('at step');
    await tabTo(page, 'spinbutton', 'Step');
    await press('Control+a');
    await page.keyboard.type('12');
    await tabTo(page, 'spinbutton', 'Batch');
    await press('Control+a');
    await page.keyboard.type('8');
    await tabTo(page, 'button', 'Start training');
    await press('Enter');
    await expect(state()).toHaveText('done');

    await press('Control+4');
    await tabTo(page, 'button', /^Seed 0\b/);
    await press('ArrowRight');
    await press('ArrowRight');
    await press('Enter');
    await expect(page.getByRole('figure', { name: 'Sample' }).getByRole('img')).toHaveAttribute(
      'alt',
      'Seed 2',
    );

    await press('Control+3');
    await tabTo(page, 'button', 'Export…');
    await press('Enter');
    await tabTo(page, 'button', 'Export as ONNX');
    await press('Enter');
    await tabTo(page, 'link', /^Download .*\.onnx$/);
    await expectToDraw(await opened.saved(() => press('Enter')));
  });
});
