/** The curves of a run of a million steps: until they are there, and while they are moved through. */
import { longRunSteps } from './library.ts';
import type { Report } from './report.ts';
import { budgets } from './report.ts';
import type { Studio } from './studio.ts';
import { traced } from './trace.ts';

export async function benchChart(studio: Studio, report: Report): Promise<void> {
  const { quick, longRun } = studio.filled;
  const { page, open } = await studio.newPage(
    `#/train/${quick}/${longRun}`,
    `[role="slider"][aria-valuemax="${longRunSteps}"]`,
  );
  const { thread, result } = await traced(studio.browser, page, open);
  report.work('opened from nothing', { wall: result, cpu: thread.total().cpu }, budgets.start);
  report.work('  longest task meanwhile', thread.longest(), null);

  const chart = page.getByRole('slider', { name: /^Losses: crosshair/ });
  const keys = async (key: string, times: number) => {
    for (let i = 0; i < times; i += 1) await page.keyboard.press(key);
  };
  await chart.focus();
  await studio.watch(report, page, { what: 'zoomed in and out, by keyboard', budget: null }, async () => {
    for (let i = 0; i < 6; i += 1) {
      await keys('+', 10);
      await keys('-', 10);
    }
  });
  await keys('0', 1);
  const box = (await chart.locator('.u-over').boundingBox())!;
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const wheel = (x: number, y: number) => page.mouse.wheel(x, y);
  await page.mouse.move(middle.x, middle.y);
  await studio.watch(report, page, { what: 'zoomed in and out, by wheel', budget: null }, async () => {
    await page.keyboard.down('Control');
    for (let i = 0; i < 300; i += 1) await wheel(0, i % 100 < 50 ? -40 : 40);
    await page.keyboard.up('Control');
  });
  await page.keyboard.down('Control');
  for (let i = 0; i < 10; i += 1) await wheel(0, -100);
  await page.keyboard.up('Control');
  await studio.watch(report, page, { what: 'moved along, by wheel', budget: null }, async () => {
    for (let i = 0; i < 300; i += 1) await wheel(i < 150 ? 40 : -40, 0);
  });
  await studio.watch(report, page, { what: 'moved along, by keyboard', budget: null }, async () => {
    for (let i = 0; i < 20; i += 1) await keys(i < 10 ? 'PageUp' : 'PageDown', 10);
  });
  await keys('0', 1);
  await studio.watch(report, page, { what: 'crosshair moved across, by pointer', budget: null }, async () => {
    for (let i = 0; i <= 300; i += 1) await page.mouse.move(box.x + (box.width * i) / 300, middle.y);
  });
  await page.close();
}
