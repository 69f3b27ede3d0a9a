/** The Train place with a real trainer: start, watch, pause, resume, fork, and a trainer that is killed. */
import type { Browser, Locator, Page } from '@playwright/test';
import { expect as expectSoon } from '@playwright/test';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { findBarriers } from '../renderer/accessibility.ts';
import { canWatch, trainersOf } from '../shells/ganvas-process.ts';
import type { Visit } from './studio.ts';
import { findChromium, launchBrowser, ServedLibrary, visit } from './studio.ts';

/** Steps take their time on a busy machine. */
const expect = expectSoon.configure({ timeout: 60_000 });

describe.skipIf(findChromium() === null)('the Train place', () => {
  let browser: Browser;
  let library: ServedLibrary;
  let opened: Visit;
  let page: Page;

  const button = (name: string | RegExp, exact = true) => page.getByRole('button', { name, exact });
  const field = (name: string) => page.getByLabel(name, { exact: true });
  const fact = (name: string) => page.locator('.run header dl > div', { hasText: name }).locator('dd');
  const state = () => page.locator('.run header .state');
  const chart = (title: string) => page.getByRole('slider', { name: new RegExp(`^${title}: crosshair`) });
  const stepOf = async (slider: Locator) => Number(await slider.getAttribute('aria-valuenow'));
  /** Steps that the run has trained, as the page says. */
  const trained = async () =>
    Number((await fact('step').innerText()).replace(/ of .*/, '').replaceAll(',', ''));

  // The stories go on from each other: one run, as a person would watch it.
  beforeAll(async () => {
    browser = await launchBrowser();
    library = new ServedLibrary();
    opened = await visit(browser, await library.start());
    ({ page } = opened);
    await button(/Try it with drawn faces/).click();
    await expect(button('Start training')).toBeEnabled();
    await page.keyboard.press('Control+3');
  });
  afterEach(() => expect(opened.complaints).toEqual([]));
  afterAll(async () => {
    await browser.close();
    await library.remove();
  });

  it('says what it will show before anything was trained', async () => {
    await expect(page.getByRole('heading', { name: 'Nothing trained yet' })).toBeVisible();
    expect(await findBarriers(page)).toEqual([]);
  });

  it('trains with the settings that were chosen, and shows the run live', async () => {
    await field('Batch').fill('8');
    await field('Ends').selectOption('at step');
    await field('Step').fill('40');
    await page.getByText('What can compute here').click();
    for (const [engine, text] of [
      ['onnx', /^CPU, \d+ threads?, [\d.]+ [GM]B of memory$/],
      ['cuda', /card/],
    ] as const) {
      const about = page.locator('dt', { hasText: engine }).locator('xpath=following-sibling::dd[1]');
      await expect(about.getByText(text).first()).toBeVisible();
    }
    await page.getByText('More settings').click();
    await field('Grid every, steps').fill('10');
    await field('Checkpoint every').fill('20');
    await field('Checkpoints kept').fill('10');
    await field('Seed').selectOption('this one');
    await field('Number').fill('7');
    await button('Start training').click();
    await expect(page.getByRole('heading', { name: 'Run 1 · Drawn faces' })).toBeVisible();
    await expect(state()).toHaveText('done');
    await expect(fact('engine')).toHaveText(/^onnx: /);
    await expect(fact('step')).toHaveText('40 of 40');
    await expect(fact('kimg')).toHaveText('0.3');
    await expect(page.getByRole('img', { name: '64 generated images after step 40' })).toBeVisible();
  });

  it('draws the curves to the last step, and finds its way in them by keyboard and mouse', async () => {
    const losses = chart('Losses');
    await expect(losses).toHaveAttribute('aria-valuenow', '40');
    await expect(losses).toHaveAttribute('aria-valuetext', /^step 40: D [\d.]+, G [\d.]+$/);
    await losses.focus();
    await page.keyboard.press('ArrowLeft');
    await expect(losses).toHaveAttribute('aria-valuenow', '39');
    // The crosshair is shared.
    await expect(chart('Verdicts')).toHaveAttribute('aria-valuenow', '39');
    await page.keyboard.press('+');
    await expect(button('Show all')).toBeEnabled();
    // Half of what was shown, around the crosshair at step 39.
    await expect.poll(() => losses.getAttribute('aria-valuemin').then(Number)).toBeGreaterThan(18);
    await expect.poll(() => losses.getAttribute('aria-valuemax').then(Number)).toBeGreaterThan(38);
    const left = await losses.getAttribute('aria-valuemin').then(Number);
    await page.keyboard.press('PageDown');
    await expect.poll(() => losses.getAttribute('aria-valuemin').then(Number)).toBeLessThan(left);
    await page.keyboard.press('-');
    await expect(losses).toHaveAttribute('aria-valuemin', '1');
    await expect(losses).toHaveAttribute('aria-valuemax', '40');
    await page.keyboard.press('+');
    await expect(button('Show all')).toBeEnabled();
    await page.keyboard.press('0');
    await expect(losses).toHaveAttribute('aria-valuemin', '1');

    const box = (await losses.locator('.u-over').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.25, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => losses.getAttribute('aria-valuemax').then(Number)).toBeLessThan(30);
    expect(await losses.getAttribute('aria-valuemin').then(Number)).toBeGreaterThan(5);
    await losses.locator('.u-over').dblclick();
    await expect(losses).toHaveAttribute('aria-valuemax', '40');

    await page.mouse.move(box.x + box.width * 0.75, box.y + 40);
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -200);
    await page.keyboard.up('Control');
    // Around the pointer, three quarters along: what lies there stays there.
    await expect.poll(() => losses.getAttribute('aria-valuemin').then(Number)).toBeGreaterThan(13);
    expect(await losses.getAttribute('aria-valuemax').then(Number)).toBeGreaterThan(33);
    await expect
      .poll(async () => {
        const words = await losses.getAttribute('aria-valuetext');
        return Math.abs(Number(/^step ([\d,]+):/.exec(words ?? '')?.[1]) - 30.25);
      })
      .toBeLessThan(1);
    const beginning = await losses.getAttribute('aria-valuemin').then(Number);
    await page.mouse.wheel(-100, 0);
    await expect.poll(() => losses.getAttribute('aria-valuemin').then(Number)).toBeLessThan(beginning);
    await losses.locator('.u-over').dblclick();
    await expect(losses).toHaveAttribute('aria-valuemax', '40');

    await field('Along').selectOption('kimg');
    await expect(losses).toHaveAttribute('aria-valuemax', '0.32');
    await field('Along').selectOption('time');
    await expect.poll(() => losses.getAttribute('aria-valuemax').then(Number)).toBeGreaterThan(0);
    await field('Along').selectOption('steps');
    await field('Logarithmic losses').check();
    await expect.poll(() => stepOf(losses)).toBe(40);
    expect(await findBarriers(page)).toEqual([]);
  });

  it('looks through every saved grid: one by one, and all at once', async () => {
    const scrubber = page.getByLabel('Step of the grid');
    await scrubber.focus();
    await page.keyboard.press('Home');
    await expect(page.getByRole('img', { name: '64 generated images after step 0' })).toBeVisible();
    await page.keyboard.press('ArrowRight');
    const tenth = page.getByRole('img', { name: '64 generated images after step 10' });
    await expect(tenth).toBeVisible();
    await expect
      .poll(() => tenth.evaluate((image: HTMLImageElement) => image.naturalWidth))
      .toBeGreaterThan(200);
    // All of them in turn, and then the newest.
    await page.evaluate(() => {
      const image = document.querySelector<HTMLImageElement>('section[aria-label="Samples"] > img')!;
      const seen = [image.alt];
      new MutationObserver(() => seen.push(image.alt)).observe(image, { attributeFilter: ['alt'] });
      Object.assign(window, { seen });
    });
    await button('Play all grids').click();
    await expect(button('Stop playing')).toBeVisible();
    await expect(button('Play all grids')).toBeVisible();
    expect(await page.evaluate(() => (window as unknown as { seen: string[] }).seen)).toEqual(
      [10, 20, 30, 40].map((step) => `64 generated images after step ${step}`),
    );
    await button('All 5').click();
    await expect(page.getByRole('group', { name: 'All 5 grids' }).getByRole('button')).toHaveText([
      'step 0',
      'step 10',
      'step 20',
      'step 30',
      'step 40',
    ]);
    expect(await findBarriers(page)).toEqual([]);
    await button('step 10').focus();
    await page.keyboard.press('ArrowRight');
    await expect(button('step 20')).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('img', { name: '64 generated images after step 20' })).toBeVisible();
  });

  it('goes on with a run that is done, pauses it and resumes it, and stops it for good', async () => {
    await button('Resume…').click();
    await expect(field('Step').last()).toHaveValue('80');
    await page.getByRole('dialog').getByLabel('Ends', { exact: true }).selectOption('by hand');
    await page.getByRole('dialog').getByLabel('Engine', { exact: true }).selectOption('as before');
    await page.getByRole('dialog').getByRole('button', { name: 'Resume', exact: true }).click();
    await expect(state()).toHaveText('training');
    const drawing = await chart('Losses').locator('canvas').elementHandle();
    await expect.poll(trained).toBeGreaterThan(45);
    // New steps are drawn in the chart that is there.
    expect(await drawing.evaluate((canvas) => canvas.isConnected)).toBe(true);
    // A scrubber that was moved away and back to its end follows the newest grid.
    const shown = () =>
      page
        .getByLabel('Step of the grid')
        .getAttribute('aria-valuetext')
        .then((words) => Number(words?.replace('step ', '')));
    await page.getByLabel('Step of the grid').press('Home');
    await expect.poll(shown).toBe(0);
    await page.getByLabel('Step of the grid').press('End');
    await expect.poll(shown).toBeGreaterThan(0);
    const newest = await shown();
    await expect.poll(shown).toBeGreaterThan(newest);
    await button('Pause').click();
    await expect(state()).toHaveText('paused');
    const paused = await trained();
    await button('Resume…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Resume', exact: true }).click();
    await expect.poll(trained).toBeGreaterThan(paused);
    await button('Stop').click();
    await expect(state()).toHaveText('stopped');
    expect(await findBarriers(page)).toEqual([]);
  });

  it('forks a run from one of its checkpoints, with other settings', async () => {
    await field('Loss').selectOption('hinge');
    await field('Step').fill('30');
    await button('Fork…').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('From').selectOption('step 20');
    await dialog.getByLabel('Name').fill('hinge from 20');
    expect(await findBarriers(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Fork and train' }).click();
    await expect(page.getByRole('heading', { name: 'Run 2 · hinge from 20' })).toBeVisible();
    await expect(state()).toHaveText('done');
    await expect(fact('step')).toHaveText('30 of 30');
    await expect(chart('Losses')).toHaveAttribute('aria-valuemin', '21');
  });

  it.skipIf(!canWatch)('says when a trainer dies, and goes on from its last checkpoint', async () => {
    await field('Ends').selectOption('by hand');
    await button('Start training').click();
    await expect(page.getByRole('heading', { name: /^Run 3/ })).toBeVisible();
    await expect.poll(trained).toBeGreaterThan(20);
    for (const trainer of trainersOf(library.pid)) process.kill(trainer, 'SIGKILL');
    await expect(state()).toHaveText('interrupted');
    await expect(page.getByRole('alert')).toContainText('killed by SIGKILL');
    await expect(page.getByRole('alert')).toContainText('goes on from its checkpoint of step');
    expect(await findBarriers(page)).toEqual([]);
    await button('Resume…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Resume', exact: true }).click();
    await expect(state()).toHaveText('training');
    await button('Stop').click();
    await expect(state()).toHaveText('stopped');
  });
});
