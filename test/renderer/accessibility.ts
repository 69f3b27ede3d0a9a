/** An axe scan of the page as it stands, in light and in dark. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';

/** @returns what axe finds wrong, in words; empty when nothing is */
export async function findBarriers(page: Page): Promise<string[]> {
  const barriers: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    // Without motion, so that no colour is measured on its way to another.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page }).analyze();
    for (const { id, help, nodes } of violations)
      for (const { html, failureSummary } of nodes)
        barriers.push(`${colorScheme}: ${id} (${help}): ${html.slice(0, 200)} ${failureSummary ?? ''}`);
  }
  return barriers;
}
