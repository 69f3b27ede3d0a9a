/** What the page does with what nobody expected: it says so, and goes on. */
import type { Page } from '@playwright/test';
import { expect as expectSoon } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DatasetView, Preview } from '../../src-shared/api.ts';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import { findBarriers } from './accessibility.ts';
import type { ServedPage } from './page.ts';
import { answerFrom, findChromium, servePage } from './page.ts';
import { ScriptedCore } from './scripted-core.ts';

const chromium = findChromium();
const settings: ImageSettings = { height: 32, width: 32, channels: 3, fit: 'crop' };
const preview: Preview = { id: 'p', sourceName: 'odd', count: 0, files: 900, sizes: [], settings };
const prepared: DatasetView = {
  key: 'k',
  fingerprint: 'f',
  source: '/odd',
  sourceName: 'odd',
  settings,
  count: 900,
  classes: [],
  classCounts: [],
  leftOut: [],
  leftOutCount: 0,
  sizes: [],
};

describe.skipIf(chromium === null)('a page that meets what it did not expect', () => {
  let served: ServedPage;
  let core: ScriptedCore;
  let page: Page;
  /** Errors that a browser's console shows. */
  let complaints: string[];

  beforeAll(async () => {
    served = await servePage(chromium!);
  });
  afterAll(() => served.close());
  beforeEach(async () => {
    complaints = [];
    core = new ScriptedCore();
    page = await (await served.browser.newContext()).newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    // There are no pictures behind this core.
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load'))
        complaints.push(message.text());
    });
    await answerFrom(core, page);
    await page.goto(`${served.address}#/design/-`);
    await button('Start with a design').click();
    await page.getByLabel('Name of the design').waitFor();
  });
  afterEach(() => page.context().close());

  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const place = (name: string) => page.getByRole('navigation').getByRole('button', { name });

  it('says that a place broke, in its stead, and the other places go on', async () => {
    core.script['experiments.list'] = () =>
      [...core.experiments.values()].map((entry) => ({ ...entry, design: JSON.parse('null') as never }));
    await page.reload();
    await place('Library').click();
    await expectSoon(page.getByRole('heading', { name: 'Something went wrong in Library' })).toBeVisible();
    expect(await findBarriers(page)).toEqual([]);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await button('Copy the details').click();
    await expectSoon(page.getByText('The details are on the clipboard.')).toBeVisible();
    const details = await page.evaluate(() => navigator.clipboard.readText());
    expect(details).toMatch(/^Ganvas 0, Library, Mozilla[^\n]*\ninternal: Cannot read[^\n]*\n/);

    await place('Design').click();
    await expectSoon(page.getByLabel('Name of the design')).toBeVisible();
    await place('Library').click();
    delete core.script['experiments.list'];
    await button('Reload').click();
    await expectSoon(page.getByRole('table', { name: 'Experiments' })).toBeVisible();
  });

  it('makes a place that broke anew when it is asked to, and when something else is shown', async () => {
    const [{ id, ...made }] = core.experiments.values() as unknown as [{ id: string }];
    core.put({ ...made, id: 'other', name: 'Another one', design: JSON.parse('null') as never } as never);
    await place('Library').click();
    const broken = page.getByRole('heading', { name: 'Something went wrong in Library' });
    await expectSoon(broken).toBeVisible();
    await button('Try again').click();
    await expectSoon(broken).toBeVisible();
    core.put({ ...made, id: 'other', name: 'Another one' } as never);
    await button('Try again').click();
    await expectSoon(page.getByRole('table', { name: 'Experiments' })).toBeVisible();
    core.put({ ...made, id: 'other', name: 'Another one', design: JSON.parse('null') as never } as never);
    await expectSoon(broken).toBeVisible();
    core.put({ ...made, id: 'other', name: 'Another one' } as never);
    await button('Experiments').click();
    await page.getByRole('menuitem', { name: 'Another one' }).click();
    await expectSoon(page.getByRole('table', { name: 'Experiments' })).toBeVisible();
    expect(id).toBe('e1');
  });

  it('says what nobody caught: exceptions, and promises that fail', async () => {
    const notices = page.getByRole('status', { name: 'Notices' });
    await page.evaluate(() => {
      setTimeout(() => {
        throw new Error('a slip');
      });
    });
    await expectSoon(notices).toContainText('Something went wrong in this page (a slip).');
    await notices.getByRole('button', { name: 'Dismiss' }).click();
    await page.evaluate(() => void Promise.reject(new Error('a broken promise')));
    await expectSoon(notices).toContainText('Something went wrong in this page (a broken promise).');
    await notices.getByText('Details').click();
    await expectSoon(notices).toContainText('page.failed');
    expect(await findBarriers(page)).toEqual([]);
  });

  describe('in Data and the Library', () => {
    beforeEach(async () => {
      const [experiment] = core.experiments.values();
      core.put({ ...experiment!, source: '/odd', imageSettings: settings, tags: ['a', 'a'], revision: 1 });
      core.script['datasets.preview'] = () => preview;
    });

    it('shows images of one pixel beside larger ones', async () => {
      const sizes: [number, number, number][] = [
        [1, 1, 1],
        [64, 48, 5],
      ];
      core.script['datasets.find'] = () => ({ ...prepared, sizes });
      await place('Data').click();
      await expectSoon(page.getByText('1×1: 1 · 64×48: 5')).toBeVisible();
      await expectSoon(
        page.getByRole('img', { name: 'Images by their shorter side: 1 to 1 pixels 1, 46 to 63 pixels 5' }),
      ).toBeVisible();
      expect(complaints).toEqual([]);
    });

    it('lists files of one name that were left out', async () => {
      const leftOut = ['broken', 'broken'].map((code) => ({ file: 'a.png', code, reason: 'It is broken.' }));
      core.script['datasets.find'] = () => ({ ...prepared, leftOut, leftOutCount: 2 });
      await place('Data').click();
      await page.locator('summary', { hasText: 'broken' }).click();
      await expectSoon(page.locator('.file', { hasText: 'a.png' })).toHaveCount(2);
      expect(complaints).toEqual([]);
    });

    it('shows an experiment that has a tag twice', async () => {
      await place('Library').click();
      await expectSoon(page.locator('.tag')).toHaveText(['a', 'a']);
      expect(complaints).toEqual([]);
    });
  });
});
