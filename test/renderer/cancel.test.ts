/** Everything long that a place begins can be cancelled there: the core hears it, and the place is as before. */
import type { Page } from '@playwright/test';
import { expect } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import type { ApiName } from '../../src-shared/api.ts';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { CallContext } from '../../src-shared/rpc.ts';
import { aRun } from './library-content.ts';
import type { ServedPage } from './page.ts';
import { answerFrom, findChromium, servePage } from './page.ts';
import { ScriptedCore } from './scripted-core.ts';

const chromium = findChromium();
const settings: ImageSettings = { height: 32, width: 32, channels: 3, fit: 'crop' };

describe.skipIf(chromium === null)('what is cancelled', () => {
  let served: ServedPage;
  let core: ScriptedCore;
  let page: Page;
  /** Names of the calls that were cancelled. */
  let cancelled: ApiName[];

  beforeAll(async () => {
    served = await servePage(chromium!);
  });
  afterAll(() => served.close());
  beforeEach(async () => {
    cancelled = [];
    core = new ScriptedCore();
    const run = aRun({ experiment: 'e1' });
    const checkpoints = [{ step: 4, imagesSeen: 256, trainingSeconds: 1, folder: 'c', bytes: 1 }];
    const details = { run, history: [], last: null, samples: [], exports: [], diskUse: 0, checkpoints };
    Object.assign(core.script, {
      'datasets.find': () => null,
      'datasets.preview': () => ({ id: 'p', sourceName: 'pets', count: 0, files: 900, sizes: [], settings }),
      'runs.list': () => [run],
      'runs.get': () => details,
      'runs.series': () => ({ step: [], count: [], seconds: [], columns: {} }),
      'runs.metrics': () => [],
      'exports.list': () => [],
    });
    for (const name of ['datasets.prepare', 'runs.start', 'runs.fork', 'exports.create'] as const)
      Object.assign(core.script, {
        [name]: (_params: unknown, { signal, onProgress }: CallContext) =>
          new Promise((_, reject) => {
            onProgress({ phase: 'half of it', done: 1, total: 2, perSecond: 1, remainingSeconds: 1 });
            signal.addEventListener('abort', () => {
              cancelled.push(name);
              reject(new AppError('cancelled', 'It was cancelled.'));
            });
          }),
      });
    page = await (await served.browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    await answerFrom(core, page);
    await page.goto(`${served.address}#/design/-`);
    await button('Start with a design').click();
    await page.getByLabel('Name of the design').waitFor();
    const [experiment] = core.experiments.values();
    core.put({ ...experiment!, source: 'upload:pets', imageSettings: settings, revision: 1 });
  });
  afterEach(async () => {
    await page.context().close();
  });

  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const place = (name: string) => page.getByRole('navigation').getByRole('button', { name }).click();
  const notices = () => page.getByRole('status', { name: 'Notices' }).getByRole('listitem');

  async function cancel(name: ApiName): Promise<void> {
    await expect(page.getByText('half of it')).toBeVisible();
    await button('Cancel').click();
    await expect.poll(() => cancelled).toEqual([name]);
    await expect(page.getByText('half of it')).toHaveCount(0);
    // What a person has cancelled is no news.
    await expect(notices()).toHaveCount(0);
  }

  it('is preparing the images', async () => {
    await place('Data');
    await button('Prepare the images').click();
    await cancel('datasets.prepare');
    await expect(button('Prepare the images')).toBeEnabled();
    await expect(button('Start training')).toBeEnabled();
  });

  it.each(['Data', 'Train'])('is starting a run, from %s', async (from) => {
    await place(from);
    await button('Start training').click();
    await cancel('runs.start');
    await expect(button('Start training')).toBeEnabled();
  });

  it('is a fork', async () => {
    await place('Train');
    await button('Fork…').click();
    await button('Fork and train').click();
    await cancel('runs.fork');
    await expect(button('Fork and train')).toBeEnabled();
  });

  it('is an export', async () => {
    await place('Train');
    await button('Export…').click();
    await button('Export as ONNX').click();
    // The button that had the focus is gone: the dialog has it, not the window behind.
    await expect(page.getByRole('dialog')).toBeFocused();
    await cancel('exports.create');
    await expect(button('Export as ONNX')).toBeEnabled();
  });

  it('leaves the focus in the place, where the keyboard goes on', async () => {
    await place('Data');
    await button('Start training').press('Enter');
    await expect(page.getByRole('main')).toBeFocused();
    await cancel('runs.start');
    await button('Other images').press('Enter');
    await expect(page.getByRole('heading', { name: 'Other images' })).toBeVisible();
    await expect(page.getByRole('main')).toBeFocused();
  });
});
