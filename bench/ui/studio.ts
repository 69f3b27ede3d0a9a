/** The page in a browser, at any place of the library that is measured in. */
import type { Browser, BrowserContext, Page } from '@playwright/test';
import type { Filled } from './library.ts';
import { prepare, watchFrames } from './page.ts';
import type { Report } from './report.ts';
import { traced } from './trace.ts';

const viewport = { width: 1440, height: 900 };

export class Studio {
  readonly browser: Browser;
  readonly filled: Filled;
  readonly #context: BrowserContext;
  readonly #origin: string;

  private constructor(browser: Browser, context: BrowserContext, origin: string, filled: Filled) {
    this.browser = browser;
    this.filled = filled;
    this.#context = context;
    this.#origin = origin;
  }

  /** @param address what the server printed: it lets one browser in */
  static async enter(browser: Browser, address: string, filled: Filled): Promise<Studio> {
    const context = await browser.newContext({ viewport });
    const page = await context.newPage();
    await page.goto(address);
    await page.close();
    return new Studio(browser, context, new URL(address).origin, filled);
  }

  /** A new page, and the function that leads it to a place of the library; it resolves when `usable` is there. */
  async newPage(hash: string, usable: string): Promise<{ page: Page; open: () => Promise<number> }> {
    const page = await this.#context.newPage();
    await prepare(page, usable);
    const open = async () => {
      await page.goto(`${this.#origin}/${hash}`);
      return page.evaluate(() => window.bench.usable);
    };
    return { page, open };
  }

  /** A page at a place of the library. */
  async open(hash: string, usable: string): Promise<Page> {
    const { page, open } = await this.newPage(hash, usable);
    await open();
    return page;
  }

  /** Reports the frames that come while `work` is done, and the longest task. @param budget of that task, in milliseconds, if it has one */
  async watch(
    report: Report,
    page: Page,
    { what, budget }: { what: string; budget: number | null },
    work: () => Promise<void>,
  ): Promise<void> {
    const { thread, result } = await traced(this.browser, page, () => watchFrames(page, work));
    report.frames(what, result, thread.total());
    report.work('  longest task meanwhile', thread.longest(), budget);
  }
}
