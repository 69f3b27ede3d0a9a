/** From images to a run: what is in the way is said where a person looks, with a repair; and settings that cannot be. */
import type { Page } from '@playwright/test';
import { expect } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import type { Preview } from '../../src-shared/api.ts';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import { findBarriers } from './accessibility.ts';
import type { ServedPage } from './page.ts';
import { answerFrom, findChromium, servePage } from './page.ts';
import { ScriptedCore } from './scripted-core.ts';

const chromium = findChromium();
const settings: ImageSettings = { height: 32, width: 32, channels: 3, fit: 'crop' };

describe.skipIf(chromium === null)('the way to training', () => {
  let served: ServedPage;
  let core: ScriptedCore;
  let page: Page;
  let preview: Preview;

  beforeAll(async () => {
    served = await servePage(chromium!);
  });
  afterAll(() => served.close());
  beforeEach(async () => {
    preview = { id: 'p', sourceName: 'pets', count: 0, files: 900, sizes: [], settings };
    core = new ScriptedCore();
    core.script['datasets.find'] = () => null;
    core.script['datasets.preview'] = () => preview;
    page = await (await served.browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    await answerFrom(core, page);
    await page.goto(`${served.address}#/design/-`);
    await button('Start with a design').click();
    await page.getByLabel('Name of the design').waitFor();
    const [experiment] = core.experiments.values();
    core.put({ ...experiment!, source: 'upload:pets', imageSettings: settings, revision: 1 });
  });
  afterEach(() => page.context().close());

  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const field = (name: string) => page.getByLabel(name, { exact: true });
  const place = (name: string) => page.getByRole('navigation').getByRole('button', { name }).click();
  const size = () => page.getByRole('spinbutton', { name: 'Exact size' });
  const start = () => button('Start training');

  it('says that there are fewer images than a batch takes, and takes a smaller one with one click', async () => {
    preview = { ...preview, files: 3 };
    await place('Data');
    await expect(start()).toBeDisabled();
    await expect(start()).toHaveAccessibleDescription(/^There are 3 images, fewer than a batch of 64\./);
    await place('Train');
    await expect(page.getByText('There are 3 images, fewer than a batch of 64.')).toBeVisible();
    expect(await findBarriers(page)).toEqual([]);
    await button('Take a batch of 2').click();
    await expect(start()).toBeEnabled();
    await expect(field('Batch')).toHaveValue('2');
    await place('Data');
    await expect(start()).toBeEnabled();
  });

  it('does not start what the memory of this machine cannot hold, and says so below the design', async () => {
    preview = { ...preview, files: 90_000 };
    const costs = page.locator('footer');
    await expect(costs).toContainText(/about \d+ MB of memory to train/);
    await place('Train');
    await field('Batch').fill('4096');
    await expect(start()).toBeDisabled();
    await expect(page.getByText(/with a batch of 4096 needs about [\d.]+ GB of memory, and/)).toBeVisible();
    await place('Design');
    await expect(costs.getByRole('alert')).toContainText('with a batch of 4096 needs about');
    expect(await findBarriers(page)).toEqual([]);
    await place('Data');
    await page.getByRole('button', { name: /^Take a batch of \d+/ }).click();
    await expect(start()).toBeEnabled();
  });

  it('keeps a design that nobody has worked on in step with the size of the images, and moves no setting', async () => {
    const usual = (side: string) =>
      page.locator('label', { has: page.getByRole('radio', { name: side, exact: true }) });
    const differ = page.getByRole('note', { name: 'Images and design differ' });
    await place('Data');
    await expect(start()).toBeEnabled();
    const before = await size().boundingBox();
    await usual('64').click();
    await expect(start()).toBeEnabled();
    await expect(differ).toHaveCount(0);
    await place('Design');
    await expect(field('Name of the design')).toHaveValue('small-64');
    await button('Undo: start from small-64').click();
    await field('Name of the design').fill('mine');
    await place('Data');
    await expect(differ).toContainText(
      'The design looks at images of 32×32×3, but the images are brought to 64×64×3',
    );
    expect(await size().boundingBox()).toEqual(before);
    await usual('128').click();
    await expect(differ).toContainText('128×128×3');
    await place('Design');
    await expect(field('Name of the design')).toHaveValue('mine');
  });

  it('takes the nearest number that can be, and says so', async () => {
    await place('Data');
    await size().fill('');
    await size().pressSequentially('5000');
    await expect(page.getByText('a whole number, 1 to 4,096')).toBeVisible();
    await size().blur();
    await expect(size()).toHaveValue('4096');
    await expect(page.getByText('at most 4,096')).toBeVisible();
    await place('Train');
    await field('Batch').fill('-5');
    await field('Batch').blur();
    await expect(field('Batch')).toHaveValue('1');
    await expect(page.getByText('at least 1')).toBeVisible();
    await field('Batch').fill('7.5');
    await field('Batch').blur();
    await expect(field('Batch')).toHaveValue('8');
    await field('Batch').fill('');
    await field('Batch').blur();
    await expect(field('Batch')).toHaveValue('8');
    await expect(page.locator('.problem')).toHaveCount(0);
  });

  it.each(['0', '-1', '99999999'])('does not start while %s stands for the minutes', async (minutes) => {
    await place('Train');
    await expect(start()).toBeEnabled();
    await field('Minutes').fill(minutes);
    await expect(start()).toBeDisabled();
    const at = (await start().boundingBox())!;
    await page.mouse.click(at.x + 20, at.y + 10);
    await expect(start()).toBeEnabled();
    await expect(page.getByText(/^at (most|least) [\d,.]+$/)).toBeVisible();
    expect(core.calls).not.toContain('runs.start');
  });

  it('calls images what people call them, also where they cannot be read', async () => {
    core.script['datasets.preview'] = () => {
      throw Object.assign(new Error('None of the files is an image.'));
    };
    await place('Data');
    await expect(page.getByRole('alert')).toContainText('None of the files is an image.');
    await expect(page.getByRole('heading', { level: 2 })).toHaveText('Uploaded images');
    await expect(page.getByText('internal', { exact: true })).toBeHidden();
    await page.getByText('Details').click();
    await expect(page.getByText('internal', { exact: true })).toBeVisible();
  });
});
