import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startDesktop } from '../desktop/desktop-app.ts';
it('opens', async () => {
  const home = mkdtempSync(join(tmpdir(), 'ganvas-desktop-'));
  const app = await startDesktop({ home });
  const page = await app.page();
  console.log(page.url());
  await page.waitForTimeout(4000);
  console.log(page.url(), await page.title(), (await page.locator('body').innerText()).slice(0, 600));
  console.log(app.complaints, app.requests);
  await app.evaluate(({ app }) => { setTimeout(() => app.quit(), 10) }, undefined);
  expect(await app.ended).toBe(0);
});
