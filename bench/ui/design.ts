/** Edits in a design of 20 blocks, until both columns are drawn; and saving one on top of a long history. */
import type { Page } from '@playwright/test';
import { undoSteps } from './library.ts';
import { edit } from './page.ts';
import type { Report } from './report.ts';
import { budgets } from './report.ts';
import type { Studio } from './studio.ts';
import type { Work } from './trace.ts';
import { traced } from './trace.ts';

const edits = 25;

interface Edit {
  what: string;
  /** The event that begins it. */
  on: 'keydown' | 'pointerup';
  act: (page: Page, index: number) => Promise<void>;
}

const kinds: readonly Edit[] = [
  {
    what: 'channels of block 2, by keyboard',
    on: 'keydown',
    act: async (page) => {
      await page.getByLabel('Output channels', { exact: true }).first().focus();
      await page.keyboard.press('ArrowUp');
    },
  },
  {
    what: 'block 5 moved, by keyboard',
    on: 'keydown',
    act: async (page, index) => {
      if (index === 0) await page.locator('[data-handle="4"]').focus();
      await page.keyboard.press(index % 2 === 0 ? 'ArrowDown' : 'ArrowUp');
    },
  },
  {
    what: 'undo, by pointer',
    on: 'pointerup',
    act: (page) => page.getByRole('button', { name: /^Undo/ }).click(),
  },
  {
    what: 'batch norm of block 2, by pointer',
    on: 'pointerup',
    act: (page) => page.getByLabel('Batch norm', { exact: true }).first().click(),
  },
];

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

export async function benchDesign(studio: Studio, report: Report): Promise<void> {
  const { browser, filled } = studio;
  const page = await studio.open(`#/design/${filled.deep}`, '[data-block="19"]');
  await page.locator('[data-block="1"]').click();
  for (const { what, on, act } of kinds) {
    const { thread } = await traced(browser, page, async () => {
      for (let i = 0; i < edits; i += 1) await edit(page, on, () => act(page, i));
    });
    const found = thread.stretches('bench edit', 'bench drawn');
    if (found.length !== edits) throw new Error(`${found.length} of ${edits} edits were traced (${what})`);
    const middle = { wall: median(found.map(({ wall }) => wall)), cpu: median(found.map(({ cpu }) => cpu)) };
    report.work(`${what} (median of ${edits})`, middle, budgets.edit);
    report.work('  the slowest', worst(found), null);
  }
  await benchSaving(studio, page, report);
  await page.close();
}

function worst(works: readonly Work[]): Work {
  return { wall: Math.max(...works.map(({ wall }) => wall)), cpu: Math.max(...works.map(({ cpu }) => cpu)) };
}

async function benchSaving({ browser }: Studio, page: Page, report: Report): Promise<void> {
  const saved = page.getByRole('banner').getByText('Saved', { exact: true });
  await saved.waitFor();
  const { thread } = await traced(browser, page, async () => {
    await page.locator('[data-handle="4"]').focus();
    await page.keyboard.press('ArrowDown');
    await saved.waitFor({ state: 'detached' });
    await saved.waitFor();
  });
  report.work(`longest task while it is saved, with ${undoSteps} edits`, thread.longest(), budgets.task);
}
