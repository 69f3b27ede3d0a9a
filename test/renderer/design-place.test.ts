/** The Design place in a real Chromium, with the mouse, with the keyboard alone, and across a reload. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { convBlock, denseBlock } from '../../src-shared/gan/block.ts';
import { formatDesign, parseDesign } from '../../src-shared/gan/design-json.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { pytorchCode } from '../../src-shared/gan/pytorch.ts';
import { findBarriers } from './accessibility.ts';
import type { ServedPage } from './page.ts';
import { answerFrom, findChromium, servePage } from './page.ts';
import { ScriptedCore } from './scripted-core.ts';

const chromium = findChromium();
if (chromium === null)
  process.stderr.write('No Chromium on this machine: the tests of the page are left out.\n');

const dcgan = presets.find(({ name }) => name === 'dcgan-64')!.design;
const twenty = {
  ...dcgan,
  name: 'twenty',
  discriminator: {
    image: { height: 64, width: 64, channels: 3 },
    blocks: [
      ...Array.from({ length: 19 }, (_, i) =>
        convBlock({
          id: `b${i + 1}`,
          outChannels: 32,
          kernel: [3, 3],
          stride: [1, 1],
          activation: { kind: 'relu' },
        }),
      ),
      denseBlock({ id: 'b20', outFeatures: 1 }),
    ],
  },
};

describe.skipIf(chromium === null)('the Design place', () => {
  let served: ServedPage;
  let page: Page;
  /** What went wrong in the page by itself: exceptions, console errors (the content security policy's too). */
  let complaints: string[];

  beforeAll(async () => {
    served = await servePage(chromium!);
  });
  afterAll(() => served.close());

  beforeEach(async () => {
    complaints = [];
    const context = await served.browser.newContext({ viewport: { width: 1440, height: 900 } });
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await answerFrom(new ScriptedCore(), page);
    await page.goto(`${served.address}#/design/-`);
    await page.getByRole('button', { name: 'Start with a design' }).click();
    await page.getByLabel('Name of the design').waitFor();
  });
  afterEach(async () => {
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  const block = (index: number) => page.locator(`[data-block="${index}"]`);
  const cards = () => page.getByRole('article', { name: /of the discriminator$/ });
  const mirrors = () => page.getByRole('article', { name: /^Mirror of/ });
  const titles = () => cards().locator('strong').allTextContents();
  const notice = () => page.locator('.notice').textContent();
  const button = (name: string | RegExp) => page.getByRole('button', { name });

  /** As a person pastes: through the page's own paste event. */
  const paste = (text: string) =>
    page.evaluate((pasted) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', pasted);
      document.body.dispatchEvent(
        new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }),
      );
    }, text);

  const openDcgan = () => paste(formatDesign(dcgan));

  it('starts with a design that fits; presets are drawn as cards', async () => {
    expect(await cards().count()).toBe(4);
    await button('Presets').click();
    const drawn = page.getByRole('dialog').getByRole('listitem');
    expect(await drawn.count()).toBe(presets.length);
    expect(await drawn.locator('svg').count()).toBe(presets.length);
    await drawn.getByRole('button', { name: /DCGAN 64 Colour/ }).click();
    expect(await titles()).toEqual([
      'Conv 3 → 64',
      'Conv 64 → 128',
      'Conv 128 → 256',
      'Conv 256 → 512',
      'Conv 512 → 1',
    ]);
    expect(await mirrors().locator('.head strong').allTextContents()).toEqual([
      'ConvT 64 → 3',
      'ConvT 128 → 64',
      'ConvT 256 → 128',
      'ConvT 512 → 256',
      'ConvT 100 → 512',
    ]);
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('stands mirrored: a block and its mirror on one row, the volumes on the axis ever smaller', async () => {
    await openDcgan();
    const [left, right] = [await cards().nth(2).boundingBox(), await mirrors().nth(2).boundingBox()];
    expect(left!.y).toBeCloseTo(right!.y, 0);
    expect(left!.width).toBeCloseTo(right!.width, 0);
    const fronts = await page
      .locator('.volume svg .left')
      .evaluateAll((paths) => paths.map((path) => (path as SVGPathElement).getBBox().height));
    expect(fronts).toHaveLength(6);
    expect(fronts.toSorted((a, b) => b - a)).toEqual(fronts);
  });

  it('changes the mirror with every keystroke, and undoes the field as one step', async () => {
    await openDcgan();
    await block(1).click();
    await cards().nth(1).getByLabel('Output channels', { exact: true }).fill('96');
    expect(await mirrors().nth(1).locator('.head strong').textContent()).toBe('ConvT 96 → 64');
    expect(await mirrors().nth(2).locator('.head strong').textContent()).toBe('ConvT 256 → 96');
    await page.keyboard.press('Control+z');
    expect((await titles())[1]).toBe('Conv 64 → 128');
    await page.keyboard.press('Control+Shift+z');
    expect((await titles())[1]).toBe('Conv 64 → 96');
    expect(await notice()).toBe('Redone: change the channels of block 2');
  });

  it('takes no number that is out of range, and says which are', async () => {
    await block(0).click();
    const channels = cards().nth(0).getByLabel('Output channels', { exact: true });
    await channels.fill('0');
    expect(await cards().nth(0).getByRole('alert').textContent()).toContain('a whole number, 1 to 65,536');
    expect((await titles())[0]).toBe('Conv 3 → 24');
    await channels.blur();
    expect(await channels.inputValue()).toBe('1');
    expect(await cards().nth(0).getByRole('status').textContent()).toContain('at least 1');
    expect((await titles())[0]).toBe('Conv 3 → 1');
  });

  it('lets kernels be no squares', async () => {
    await block(1).click();
    await button('Kernel: height and width apart').click();
    await page.getByLabel('Kernel height', { exact: true }).fill('3');
    expect(await block(1).textContent()).toContain('k3x4');
    expect(await mirrors().nth(1).textContent()).toContain('k3x4');
  });

  it('says on the block what does not fit, and repairs it with one click', async () => {
    await openDcgan();
    await block(4).click();
    await cards().nth(4).getByRole('group', { name: 'Kernel' }).getByRole('spinbutton').fill('9');
    expect(await cards().nth(4).textContent()).toContain(
      'a kernel of 9x9 does not fit on its input of 4x4x512',
    );
    expect(await page.getByText('No mirror yet.').count()).toBe(1);
    expect(await button('1 error').count()).toBe(1);
    await cards().nth(4).getByRole('button', { name: 'Set the kernel to 4x4' }).click();
    expect(await page.getByText('fits together').count()).toBe(1);
    expect(await mirrors().nth(4).locator('.head strong').textContent()).toBe('ConvT 100 → 512');
  });

  it('gives the reason for what it derives, unlinks it and links it again', async () => {
    await openDcgan();
    await block(1).click();
    await button('Output padding 0').hover();
    const tip = page.getByRole('tooltip').filter({ visible: true });
    expect(await tip.textContent()).toBe(
      'stride 2 → output padding 0, because 32 → 16, and 16 comes back as 32 by itself',
    );
    await button('Activation relu').focus();
    expect(await tip.textContent()).toContain('a generator takes the plain unit');
    await button('Unlink Activation: set it by hand').click();
    await page.getByLabel('Mirror activation').selectOption('gelu');
    expect(await mirrors().nth(1).locator('.chip').allTextContents()).toContain('gelu');
    expect(await mirrors().nth(1).textContent()).toContain('1 by hand');
    await button('Link Activation to block 2 again').click();
    expect(await mirrors().nth(1).locator('.chip').allTextContents()).toContain('relu');
  });

  it('moves a block that is dragged by its handle, and the others that are selected', async () => {
    await openDcgan();
    const drag = async (from: number, to: number) => {
      const handle = (await page.locator(`[data-handle="${from}"]`).boundingBox())!;
      const target = (await cards().nth(to).boundingBox())!;
      await page.mouse.move(handle.x + 8, handle.y + 8);
      await page.mouse.down();
      await page.mouse.move(handle.x + 8, target.y - 4, { steps: 4 });
      await page.mouse.up();
    };
    await drag(3, 1);
    const out = async () => (await titles()).map((title) => title.split(' → ')[1]);
    expect(await out()).toEqual(['64', '512', '128', '256', '1']);
    await block(1).click();
    await block(1).click();
    await block(2).click({ modifiers: ['Control'] });
    await drag(2, 0);
    expect(await out()).toEqual(['512', '128', '64', '256', '1']);
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    expect(await out()).toEqual(['64', '128', '256', '512', '1']);
  });

  it('does everything with the keyboard alone', async () => {
    await openDcgan();
    await block(0).focus();
    const out = async () => (await titles()).map((title) => title.split(' → ')[1]);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Alt+ArrowDown');
    expect(await out()).toEqual(['64', '256', '128', '512', '1']);
    await page.keyboard.press('Alt+ArrowUp');
    expect(await out()).toEqual(['64', '128', '256', '512', '1']);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await out()).toEqual(['64', '256', '512', '128', '1']);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    expect(await out()).toEqual(['64', '128', '256', '512', '1']);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Control+d');
    expect(await out()).toEqual(['64', '128', '256', '128', '256', '512', '1']);
    await page.keyboard.press('Delete');
    expect(await out()).toEqual(['64', '128', '256', '512', '1']);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    expect(await page.getByLabel('Kind').count()).toBe(1);
    const opened = await page.evaluate(() => document.activeElement?.getAttribute('aria-expanded'));
    expect(opened).toBe('true');
  });

  it('copies, cuts and pastes blocks as JSON, and adds one between two', async () => {
    await openDcgan();
    await block(1).click();
    const cut = await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      document.activeElement?.dispatchEvent(
        new ClipboardEvent('cut', { clipboardData, bubbles: true, cancelable: true }),
      );
      return clipboardData.getData('text/plain');
    });
    expect(JSON.parse(cut)).toMatchObject({ format: 'ganvas-blocks', blocks: [{ outChannels: 128 }] });
    expect(await cards().count()).toBe(4);
    await block(0).focus();
    await paste(cut);
    expect((await titles())[1]).toBe('Conv 64 → 128');
    await paste(cut.replace('"conv"', '"cone"'));
    expect(await notice()).toContain('The pasted blocks are damaged at blocks.0.kind');
    await button('Add a block at place 3').click();
    expect((await titles())[2]).toBe('Conv 128 → 128');
  });

  it('opens a design from text, with its errors in words, and saves what it opened', async () => {
    await button('Open').click();
    const text = page.getByLabel('Text');
    const open = page.getByRole('dialog').getByRole('button', { name: 'Open', exact: true });
    for (const [broken, words] of [
      ['{', 'This is not JSON'],
      ['{}', 'not a Ganvas design'],
      [formatDesign(twenty).replace('"version": 1', '"version": 2'), 'saved by a newer Ganvas'],
      [
        formatDesign(twenty).replace('"latentDim": 100', '"latentDim": 0'),
        '"latentDim" in the design must be at least 1, not 0',
      ],
    ] as const) {
      await text.fill(broken);
      await open.click();
      expect(await page.getByRole('alert').textContent()).toContain(words);
    }
    await page.getByLabel('Design file').setInputFiles({
      name: 'twenty.json',
      mimeType: 'application/json',
      buffer: Buffer.from(formatDesign(twenty)),
    });
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await cards().count()).toBe(20);
    const download = page.waitForEvent('download');
    await button('Save').click();
    expect((await download).suggestedFilename()).toBe('twenty.json');
    expect(parseDesign(readFileSync(await (await download).path(), 'utf8'))).toEqual(twenty);
  });

  it('shows the pair as PyTorch code', async () => {
    await openDcgan();
    await page.getByRole('tab', { name: 'Networks' }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('textbox', { name: 'PyTorch code' }).inputValue()).toBe(pytorchCode(dcgan));
  });

  it('loses nothing in a reload: neither the edit nor what can be undone and redone', async () => {
    await openDcgan();
    await page.getByLabel('Name of the design').fill('Mine');
    await block(0).focus();
    await page.keyboard.press('Delete');
    await page.keyboard.press('Control+z');
    await page.reload();
    expect(await page.getByLabel('Name of the design').inputValue()).toBe('Mine');
    expect(await cards().count()).toBe(5);
    await button('Redo: delete block 1').click();
    expect(await cards().count()).toBe(4);
    for (let undone = 0; undone < 3; undone += 1) await page.keyboard.press('Control+z');
    expect(await page.getByLabel('Name of the design').inputValue()).toBe('small-32');
    expect(await button(/^Undo/).isDisabled()).toBe(true);
  });

  it('puts an edit of 20 blocks on the page in one go, before the next frame', async () => {
    await paste(formatDesign(twenty));
    await block(0).click();
    const seen = await cards()
      .nth(0)
      .getByLabel('Output channels', { exact: true })
      .evaluate((field: HTMLInputElement) => {
        const mirrored = () =>
          document.querySelector('[aria-label^="Mirror of block 1,"] strong')?.textContent;
        field.value = '48';
        field.dispatchEvent(new Event('input', { bubbles: true }));
        return new Promise<unknown>((resolve) => queueMicrotask(() => resolve(mirrored())));
      });
    expect(seen).toBe('ConvT 48 → 3');
  });

  it('passes an axe scan in light and dark, whatever is open', async () => {
    await openDcgan();
    expect(await findBarriers(page)).toEqual([]);
    await block(2).click();
    await cards().nth(2).getByRole('group', { name: 'Kernel' }).getByRole('spinbutton').fill('3');
    await button('Unlink Norm: set it by hand').click();
    expect(await findBarriers(page)).toEqual([]);
    await cards().nth(2).getByRole('group', { name: 'Kernel' }).getByRole('spinbutton').fill('64');
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('tab', { name: 'PyTorch code' }).click();
    expect(await findBarriers(page)).toEqual([]);
    await button('Presets').click();
    expect(await findBarriers(page)).toEqual([]);
  });

  it('is looked over by a scan that finds what is wrong', async () => {
    await page.evaluate(() => {
      const main = document.querySelector('main')!;
      main.append(document.createElement('button'));
      main.append(Object.assign(document.createElement('p'), { textContent: 'pale' }));
      main.querySelector<HTMLElement>('p:last-child')!.style.color =
        'color-mix(in srgb, var(--page) 70%, grey)';
    });
    const rules = (await findBarriers(page)).map((barrier) => barrier.split(' ')[1]);
    expect(new Set(rules)).toEqual(new Set(['button-name', 'color-contrast']));
  });

  it.each([1440, 1024])('has nothing that sticks out at a width of %d', async (width) => {
    await page.setViewportSize({ width, height: 700 });
    await openDcgan();
    await block(1).click();
    const wider = await page.evaluate(() =>
      [...document.querySelectorAll('main, .scroll, .head, footer, article')]
        .filter((element) => element.scrollWidth > element.clientWidth + 1)
        .map((element) => element.className),
    );
    expect(wider).toEqual([]);
  });
});
