/** Ten thousand grids: one by one under the scrubber, and all of them in the gallery. */
import type { Locator, Page } from '@playwright/test';
import { gallerySize } from './library.ts';
import { memoryOf } from './page.ts';
import type { Report } from './report.ts';
import type { Studio } from './studio.ts';

const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;

/** @param distance CSS pixels, down  @param speed CSS pixels a second */
async function scroll(page: Page, area: Locator, distance: number, speed: number): Promise<void> {
  const box = (await area.boundingBox())!;
  const devtools = await page.context().newCDPSession(page);
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const gesture = { ...at, yDistance: -distance, speed, gestureSourceType: 'mouse' } as const;
  await devtools.send('Input.synthesizeScrollGesture', gesture);
  await devtools.detach();
}

/** Resolves when all pictures in sight are there. */
async function shown(area: Locator): Promise<void> {
  await area.evaluate((element) =>
    Promise.all(Array.from(element.querySelectorAll('img'), (image) => image.decode())),
  );
}

export async function benchGallery(studio: Studio, report: Report): Promise<void> {
  const { gallery, galleryRun } = studio.filled;
  const page = await studio.open(`#/train/${gallery}/${galleryRun}`, '.scrub input:enabled');
  const box = (await page.getByLabel('Step of the grid').boundingBox())!;
  const middle = box.y + box.height / 2;
  await studio.watch(report, page, { what: 'scrubbed through, by pointer', budget: null }, async () => {
    await page.mouse.move(box.x + 1, middle);
    await page.mouse.down();
    for (let i = 0; i <= 300; i += 1) await page.mouse.move(box.x + (box.width * i) / 300, middle);
    await page.mouse.up();
  });

  await page.getByRole('button', { name: /^All / }).click();
  const area = page.getByRole('group', { name: `All ${gallerySize} grids` });
  await area.waitFor();
  const height = await area.evaluate((element) => element.scrollHeight);
  await scroll(page, area, -height, 400_000);
  await scroll(page, area, 4000, 4000);
  await shown(area);
  const before = await memoryOf(page);
  await studio.watch(report, page, { what: 'scrolled, 4,000 pixels a second', budget: null }, () =>
    scroll(page, area, 40_000, 4000),
  );
  await studio.watch(
    report,
    page,
    { what: 'scrolled to its end, 100,000 pixels a second', budget: null },
    () => scroll(page, area, height, 100_000),
  );
  await shown(area);
  const after = await memoryOf(page);
  report.kept(
    'memory before and after all of it was in sight',
    `${megabytes(before.heap)}, ${before.nodes} nodes; ${megabytes(after.heap)}, ${after.nodes} nodes`,
    'flat',
    after.heap < before.heap + 2 ** 20 && after.nodes < 1.25 * before.nodes,
  );
  await page.close();
}
