/** How long the window takes to be there: the first time, and with a long run in it. */
import { launchBrowser, ServedLibrary } from '../../test/e2e/studio.ts';
import { prepare } from './page.ts';
import type { Report } from './report.ts';
import { budgets } from './report.ts';
import type { Studio } from './studio.ts';
import type { Work } from './trace.ts';
import { traced } from './trace.ts';

const rounds = 3;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

export const medianWork = (took: readonly Work[]): Work => ({
  wall: median(took.map(({ wall }) => wall)),
  cpu: median(took.map(({ cpu }) => cpu)),
});

/** A new browser, a new server, a library that is not there yet. Browsers count from the first request, redirects included. */
async function firstStart(): Promise<Work> {
  const library = new ServedLibrary();
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await prepare(page, '.greeting .way');
    const address = await library.start();
    const { thread, result } = await traced(browser, page, async () => {
      await page.goto(address);
      return page.evaluate(() => window.bench.usable);
    });
    return { wall: result, cpu: thread.total().cpu };
  } finally {
    await browser.close();
    await library.remove();
  }
}

export async function benchStart(_studio: Studio, report: Report): Promise<void> {
  const took: Work[] = [];
  for (let round = 0; round < rounds; round += 1) took.push(await firstStart());
  report.work('first start, from the first request to what can be used', medianWork(took), budgets.start);
}
