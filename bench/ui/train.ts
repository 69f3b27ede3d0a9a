/** The page while a real trainer sends the fastest stream of steps there is: for a new run, and for one with a long past. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from '@playwright/test';
import { expect as expectSoon } from '@playwright/test';
import { longRunSteps } from './library.ts';
import type { Report } from './report.ts';
import { budgets } from './report.ts';
import type { Studio } from './studio.ts';

const expect = expectSoon.configure({ timeout: 120_000 });
/** Milliseconds. */
const watched = 10_000;

const usable = '.run header .state';

async function watchTraining(studio: Studio, page: Page, what: string, report: Report): Promise<void> {
  const state = page.locator(usable);
  const step = page.locator('.run header dl > div', { hasText: 'step' }).locator('dd');
  const trained = async () => Number((await step.innerText()).replace(/ of .*/, '').replaceAll(/\D/g, ''));
  await expect(state).toHaveText('training');
  const begun = await trained();
  await expect.poll(trained).toBeGreaterThan(begun + 100);
  const before = { step: await trained(), at: performance.now() };
  await studio.watch(report, page, { what, budget: budgets.task }, () => pause(watched));
  const seconds = (performance.now() - before.at) / 1000;
  report.figure(
    '  what the trainer sent',
    `${(((await trained()) - before.step) / seconds).toFixed(0)} steps/s`,
  );
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect(state).toHaveText('stopped');
}

export async function benchTrain(studio: Studio, report: Report): Promise<void> {
  const { quick, longRun } = studio.filled;
  const page = await studio.open(`#/train/${quick}`, usable);
  await page.getByRole('button', { name: 'Start training', exact: true }).click();
  await expect(page.getByRole('heading', { name: /^Run 3 / })).toBeVisible();
  await watchTraining(studio, page, 'a new run trains', report);
  await page.close();

  const old = await studio.open(`#/train/${quick}/${longRun}`, usable);
  await old.getByRole('button', { name: 'Resume…' }).click();
  await old.getByRole('dialog').getByRole('button', { name: 'Resume', exact: true }).click();
  await watchTraining(
    studio,
    old,
    `a run trains on after ${longRunSteps.toLocaleString('en')} steps`,
    report,
  );
  await old.close();
}
