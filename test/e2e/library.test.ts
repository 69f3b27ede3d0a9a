/** The library, comparing and exporting, with runs that were really trained. */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from '@playwright/test';
import { expect } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import { openStore } from '../../src-main/store/open-store.ts';
import { formatDesign } from '../../src-shared/gan/design-json.ts';
import { startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { tinyDesign } from '../core/library.ts';
import { findBarriers } from '../renderer/accessibility.ts';
import { command } from '../shells/command.ts';
import type { Visit } from './studio.ts';
import { findChromium, launchBrowser, ServedLibrary, visit } from './studio.ts';

const wait = { timeout: 60_000 };

/** Trains a design for 8x8 images with batches of 4 on the command line, in the library that is served afterwards. */
function train(library: ServedLibrary, name: string, design: typeof tinyDesign, ...words: string[]): void {
  const file = join(library.folder, `${name}.json`);
  writeFileSync(file, formatDesign(design));
  const [node = '', ...before] = command;
  const place = ['--library', join(library.folder, 'library'), '--name', name, '--design', file];
  const images = ['--data', 'sample:16', '--resolution', '8', '--batch', '4', '--engine', 'onnx'];
  execFileSync(node, [...before, 'train', ...place, ...images, ...words], {
    env: { PATH: process.env['PATH'], HOME: library.folder },
    stdio: 'ignore',
  });
}

const [first, second] = tinyDesign.discriminator.blocks;
const wider = {
  ...tinyDesign,
  name: 'wider',
  discriminator: { ...tinyDesign.discriminator, blocks: [{ ...first!, outChannels: 9 }, second!] },
};

describe.skipIf(findChromium() === null)('the library', () => {
  let browser: Browser;
  let library: ServedLibrary;
  let opened: Visit;
  let page: Page;

  /** Two runs, trained once for all stories. */
  let trained: ServedLibrary;

  beforeAll(async () => {
    browser = await launchBrowser();
    trained = new ServedLibrary();
    const steps = ['--steps', '6', '--sample-every', '2', '--checkpoint-every', '3'];
    train(trained, 'Narrow', tinyDesign, '--seed', '1', ...steps);
    train(trained, 'Wide', wider, '--seed', '2', '--loss', 'hinge', ...steps);
  });
  afterAll(async () => {
    await browser.close();
    await trained.remove();
  });
  beforeEach(() => {
    library = new ServedLibrary();
  });
  afterEach(async () => {
    await opened.context.close();
    await library.remove();
    expect(opened.complaints).toEqual([]);
  });

  /** Serves the library and shows it. */
  async function show(): Promise<void> {
    opened = await visit(browser, await library.start());
    ({ page } = opened);
    await button('Library').click();
    await expect(page.getByRole('table', { name: 'Experiments' })).toBeVisible(wait);
  }

  const useTrained = () => cpSync(trained.folder, library.folder, { recursive: true });

  const button = (name: string | RegExp, within: Page | Locator = page) =>
    within.getByRole('button', { name, exact: true });
  const rows = () => page.locator('tbody tr.experiment');
  const row = (name: string) => rows().filter({ has: button(name) });
  async function menu(of: string, item: string): Promise<void> {
    await button(`More for ${of}`).click();
    await page.getByRole('menuitem', { name: item }).click();
  }

  it('tells of experiments: renames, tags, duplicates, sorts, finds, deletes and brings back', async () => {
    useTrained();
    await show();
    await expect(row('Narrow')).toContainText('done');
    await expect(row('Narrow')).toContainText('Drawn faces');
    await expect(row('Narrow')).toContainText(/\d kB/);

    await button('Narrow').press('F2');
    await page.getByLabel('Name of Narrow').fill('Slim');
    await page.keyboard.press('Enter');
    await expect(button('Slim')).toBeFocused();
    await menu('Slim', 'Tags…');
    await page.getByLabel(/^Tags of Slim/).fill('paper, good, paper');
    await page.keyboard.press('Enter');
    await expect(row('Slim').locator('.tag')).toHaveText(['paper', 'good']);

    const heads = page.getByRole('columnheader');
    await button('Name').click();
    await expect(heads.filter({ hasText: 'Name' })).toHaveAttribute('aria-sort', 'ascending');
    await expect(rows().locator('.open')).toHaveText(['Slim', 'Wide']);
    await button('Name').click();
    await expect(heads.filter({ hasText: 'Name' })).toHaveAttribute('aria-sort', 'descending');
    await expect(rows().locator('.open')).toHaveText(['Wide', 'Slim']);

    await page.getByLabel('Find experiments').fill('paper');
    await expect(rows()).toHaveCount(1);
    await expect(page.getByText('1 of 2 experiments')).toBeVisible();
    await page.getByLabel('Find experiments').fill('nothing like it');
    await expect(page.getByText('No experiment is like that.')).toBeVisible();
    await button('Show all').first().click();

    await menu('Wide', 'Duplicate as a new experiment');
    await expect(row('Wide, copy')).toContainText('not trained');
    await menu('Wide', 'Delete');
    await expect(row('Wide')).toHaveCount(0);
    await button('Undo').click();
    await expect(row('Wide')).toContainText('done');
    await menu('Wide, copy', 'Delete');
    await button(/^Recently deleted/).click();
    await button('Bring back Wide, copy').click();
    await button(/^Experiments \d/).click();
    await expect(rows()).toHaveCount(3);
    await page.reload();
    await expect(row('Slim').locator('.tag')).toHaveText(['paper', 'good']);
    await expect(rows()).toHaveCount(3);

    await button('Slim').click();
    await expect(page.getByRole('heading', { name: 'Run 1 · Narrow' })).toBeVisible(wait);
  });

  it('opens an experiment to its runs, and has a column for a metric where one was measured', async () => {
    useTrained();
    const store = openStore(join(library.folder, 'library'), { access: 'write' });
    const { id } = store.runs.find('Narrow');
    for (const [step, value] of [
      [3, 81.25],
      [6, 64.5],
    ] as const)
      store.metrics.add(id, { step, name: 'fid', value, protocol: { images: 16 } });
    store.close();
    await show();
    await expect(page.getByRole('columnheader', { name: 'Best fid' })).toBeVisible();
    await expect(row('Narrow')).toContainText('64.5');

    await button('Narrow').click();
    await expect(page.getByRole('heading', { name: 'Run 1 · Narrow' })).toBeVisible(wait);
    await button('Start training').click();
    await expect(page.getByRole('heading', { name: 'Run 3 · Narrow' })).toBeVisible(wait);
    await expect(page.locator('.title .done')).toBeVisible(wait);
    await button('Library').click();
    const twist = button('2 runs of Narrow');
    await expect(twist).toHaveAttribute('aria-expanded', 'false');
    await expect(row('Narrow')).not.toContainText('64.5');
    await twist.click();
    const runs = page.locator('tbody tr.run');
    await expect(runs.locator('.open')).toHaveText(['3 · Narrow', '1 · Narrow']);
    await expect(runs.last()).toContainText('64.5');

    await button('More for run 1 · Narrow').focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('menuitem', { name: 'Open' })).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(button('More for run 1 · Narrow')).toBeFocused();
    await menu('run 1 · Narrow', 'New experiment from this run');
    await expect(row('Narrow, from run 1')).toContainText('not trained');
    await menu('run 1 · Narrow', 'Delete');
    await expect(runs).toHaveCount(1);
    await expect(twist).toHaveCount(0);
    await button('Undo').click();
    await expect(runs).toHaveCount(2);
    expect(await findBarriers(page)).toEqual([]);
  });

  it('says what another tab has deleted, brings it back, and never shows another run under its address', async () => {
    useTrained();
    await show();
    await button('Narrow').click();
    await button('Start training').click();
    const heading = (name: string) => page.getByRole('heading', { name });
    await expect(heading('Run 3 · Narrow')).toBeVisible(wait);
    await expect(page.locator('.title .done')).toBeVisible(wait);
    const other = await opened.tab(`${new URL(page.url()).origin}/#/library/-`);
    const inOther = (name: string) => other.getByRole('button', { name, exact: true });
    const remove = async (what: string) => {
      await inOther(`More for ${what}`).click();
      await other.getByRole('menuitem', { name: 'Delete' }).click();
    };

    await inOther('2 runs of Narrow').click(wait);
    await remove('run 3 · Narrow');
    await expect(heading('Run 3 · Narrow has been deleted')).toBeVisible(wait);
    await button('Bring it back').click();
    await expect(page.locator('.title .done')).toBeVisible(wait);
    await remove('run 3 · Narrow');
    await button('Explore').click();
    await expect(heading('Run 3 · Narrow has been deleted')).toBeVisible(wait);
    const before = page.url();
    await button('Show the newest run, 1 · Narrow').click();
    await expect(page.getByRole('img', { name: /^Seed 0/ }).first()).toBeVisible(wait);
    expect(page.url()).not.toBe(before);
    await page.goto(
      page
        .url()
        .replace(/[^/]+$/, 'nothing')
        .replace('explore', 'train'),
    );
    await expect(heading('This run is not here')).toBeVisible(wait);
    await button('Show the newest run, 1 · Narrow').click();
    await expect(heading('Run 1 · Narrow')).toBeVisible(wait);

    await button('Design').click();
    await page.getByLabel('Name of the design').fill('mine');
    await remove('Narrow');
    await expect(heading('“Narrow” has been deleted')).toBeVisible(wait);
    await button('Train').click();
    await expect(heading('“Narrow” has been deleted')).toBeVisible();
    await button('Bring it back').click();
    await expect(heading('Run 1 · Narrow')).toBeVisible(wait);
    await expect(page.getByRole('banner')).toContainText('Saved', wait);
    await button('Design').click();
    await expect(page.getByLabel('Name of the design')).toHaveValue('mine');
  });

  it('shows what prepared images take, and deletes them', async () => {
    useTrained();
    await show();
    await button(/^Prepared images/).click();
    await expect(page.getByText('16 images · 8×8×3')).toBeVisible();
    await button('Delete Drawn faces, 8×8×3').click();
    await expect(page.getByText('Its runs will have to prepare it again.')).toBeVisible();
    await button('Delete').click();
    await expect(page.getByText('No images are prepared.')).toBeVisible();
  });

  it('compares runs: curves, grids under one scrubber, and only what differs', async () => {
    useTrained();
    await show();
    await expect(button('Compare')).toBeDisabled();
    await page.getByRole('checkbox', { name: 'Compare Narrow, run 1' }).check();
    await page.getByRole('checkbox', { name: 'Compare Wide, run 2' }).check();
    await button('Compare 2 runs').click();
    await expect(page.getByRole('heading', { name: 'Compare 2 runs' })).toBeVisible();

    const grids = page.getByRole('region', { name: 'Grids' });
    await expect(grids.getByRole('img', { name: /of run .* after step 6$/ })).toHaveCount(2, wait);
    await grids.getByLabel('Together by').selectOption('steps');
    await grids.getByRole('slider', { name: 'Moment of the grids' }).press('Home');
    await expect(grids.getByRole('img', { name: /after step 0$/ })).toHaveCount(2);
    const shown = grids.getByRole('img').first();
    await expect
      .poll(() => shown.evaluate((image: HTMLImageElement) => image.naturalWidth))
      .toBeGreaterThan(8);

    const chart = page.getByRole('slider', { name: /^Loss of G:/ });
    await expect(chart).toHaveAttribute('aria-valuetext', /1 · Narrow [\d.]+, 2 · Wide -?[\d.]+/);

    const differences = page.getByRole('table', { name: 'What differs' });
    const values = (name: string) => differences.getByRole('row', { name: new RegExp(`^${name} `) }).first();
    await expect(values('loss')).toHaveText(/non-saturating\s*hinge/);
    await expect(values('seed')).toHaveText(/1\s*2/);
    await expect(values('channels')).toHaveText(/4\s*9/);
    for (const group of ['Discriminator, block 1', 'Discriminator, block 2', 'Generator, block 1'])
      await expect(differences.getByRole('rowheader', { name: group })).toBeVisible();
    await expect(differences.getByRole('rowheader', { name: 'batch', exact: true })).toHaveCount(0);
    expect(await findBarriers(page)).toEqual([]);
    await page.reload();
    await expect(page.getByRole('heading', { name: 'Compare 2 runs' })).toBeVisible(wait);
    await page.locator('header').getByRole('button', { name: 'Library' }).click();
    await expect(page.getByRole('checkbox', { name: 'Compare Wide, run 2' })).toBeChecked();
    await page.getByLabel('Find experiments').fill('Wide');
    await page.getByRole('navigation').getByRole('button', { name: 'Design', exact: true }).click();
    await page.getByRole('navigation').getByRole('button', { name: 'Library', exact: true }).click();
    await expect(page.getByLabel('Find experiments')).toHaveValue('Wide');
    await expect(rows()).toHaveCount(1);
  });

  it('compares runs that differ in their grids and batches, under names that are too long for their cells', async () => {
    useTrained();
    const store = openStore(join(library.folder, 'library'), { access: 'write' });
    const [narrow, wide] = [store.runs.find('Narrow'), store.runs.find('Wide')];
    const long =
      'A name that goes on and on, longer than any cell of a comparison is wide, and then some more';
    store.runs.rename(narrow.id, long);
    store.close();
    // The second run goes on: it has grids where the first has none.
    const [node = '', ...before] = command;
    execFileSync(
      node,
      [...before, 'resume', 'Wide', '--steps', '14', '--library', join(library.folder, 'library')],
      { env: { PATH: process.env['PATH'], HOME: library.folder }, stdio: 'ignore' },
    );
    await show();
    await page.getByRole('checkbox', { name: 'Compare Narrow, run 1' }).check();
    await page.getByRole('checkbox', { name: 'Compare Wide, run 2' }).check();
    await button('Compare 2 runs').click();
    const grids = page.getByRole('region', { name: 'Grids' });
    const image = (run: { number: number }) => grids.getByRole('img', { name: `of run ${run.number} · ` });
    await expect(image(wide)).toHaveAttribute('alt', /after step 14$/, wait);
    // Where a run has ended, its last grid stays.
    await expect(image(narrow)).toHaveAttribute('alt', /after step 6$/);
    for (const width of [1440, 1024]) {
      await page.setViewportSize({ width, height: 800 });
      const [left, right] = await Promise.all(
        [image(narrow), image(wide)].map((found) => found.boundingBox()),
      );
      expect(left!.x + left!.width).toBeLessThanOrEqual(right!.x);
      expect(left!.width).toBe(right!.width);
    }
    await grids.getByLabel('Together by').selectOption('steps');
    const scrubber = grids.getByRole('slider', { name: 'Moment of the grids' });
    await scrubber.press('ArrowLeft');
    await expect(image(wide)).toHaveAttribute('alt', /after step 12$/);
    // Back at its end it follows what is new.
    await scrubber.press('End');
    await expect(image(wide)).toHaveAttribute('alt', /after step 14$/);
    await page.locator('header').getByRole('button', { name: 'Library' }).click();
    expect(await findBarriers(page)).toEqual([]);
  });

  it('exports a checkpoint that was tried, and saves it', async () => {
    useTrained();
    await show();
    await menu('Narrow', 'Export…');
    const dialog = page.getByRole('dialog');
    await expect(dialog.getByLabel('Checkpoint')).toHaveValue('newest');
    await expect(dialog.getByLabel('Checkpoint').locator('option')).toHaveText([
      'step 6, the newest',
      'step 3',
    ]);
    await expect(button('Close', dialog)).not.toBeFocused();
    await button('Export as ONNX', dialog).click();
    const automatic = page.waitForEvent('download', wait);
    await expect(dialog.getByText('it draws the same images as here')).toBeVisible(wait);
    expect((await automatic).suggestedFilename()).toBe('Narrow-step-6.onnx');
    await expect(dialog.getByTitle(/the same images as the trainer( to within 0\.0+\d)?/)).toBeVisible();
    const downloading = page.waitForEvent('download');
    await dialog.getByRole('link', { name: 'Download Narrow-step-6.onnx' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe('Narrow-step-6.onnx');
    expect(statSync(await download.path()).size).toBeGreaterThan(1000);

    await dialog.getByText('PNG picture').click();
    await dialog.getByLabel('Checkpoint').selectOption('3');
    await button('Export as PNG picture', dialog).click();
    await expect(dialog.getByText('Narrow-step-3.png', { exact: true })).toBeVisible(wait);
    const saving = page.waitForEvent('download');
    await dialog.getByRole('link', { name: 'Download Narrow-step-3.png' }).click();
    expect(
      readFileSync(await (await saving).path())
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    expect(await findBarriers(page)).toEqual([]);

    await button('Delete Narrow-step-6.onnx', dialog).click();
    await button('Delete', dialog).click();
    await expect(dialog.getByText('Narrow-step-6.onnx')).toHaveCount(0);
    await page.keyboard.press('Escape');
    await expect(dialog).toHaveCount(0);
    await button(/^Exports/).click();
    await expect(page.getByText('PNG picture · run 1 · Narrow · step 3')).toBeVisible();

    await button(/^Experiments \d/).click();
    await button('Wide').click();
    await button('Export…').click();
    await expect(page.getByRole('heading', { name: 'Export the generator of run 2 · Wide' })).toBeVisible(
      wait,
    );
  });

  it('holds hundreds of experiments, and only those in sight in the page', async () => {
    const store = openStore(join(library.folder, 'library'), { access: 'write' });
    for (let i = 1; i <= 700; i += 1)
      store.experiments.create({
        name: `Experiment ${i}`,
        history: packHistory(startHistory(tinyDesign)),
        hyperparameters: defaultHyperparameters(),
        limits: { steps: null, kimg: null, minutes: null },
        engine: 'auto',
        imageSettings: null,
        source: null,
      });
    store.close();
    await show();
    await button('Name').click();
    await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', '701');
    await expect(button('Experiment 1')).toBeVisible();
    expect(await rows().count()).toBeLessThan(80);
    await page.locator('.scroll').evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await expect(button('Experiment 700')).toBeVisible();
    await expect(row('Experiment 700')).toHaveAttribute('aria-rowindex', '701');
    expect(await rows().count()).toBeLessThan(80);

    await button('Experiment 700').focus();
    for (let i = 0; i < 40; i += 1) await page.keyboard.press('ArrowUp');
    await expect(button('Experiment 660')).toBeFocused();
    await expect(button('Experiment 660')).toBeInViewport();
    expect(await findBarriers(page)).toEqual([]);
  });
});
