/** A hundred thousand images that are dropped on the page: looked through, sent and given up. */
import { linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drop } from '../../test/e2e/studio.ts';
import { writeDiscs } from '../../test/e2e/pictures.ts';
import { memoryOf } from './page.ts';
import type { Report } from './report.ts';
import { budgets, print } from './report.ts';
import type { Studio } from './studio.ts';

const count = 100_000;
/** Different pictures among them: a file cannot have a hundred thousand names. */
const different = 24;
/** Files that are sent while it is measured. */
const measured = 20_000;

export async function benchDrop(studio: Studio, report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ganvas-drop-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const pictures = join(folder, 'pictures');
  await writeDiscs(pictures, different, 64, 64);
  const many = join(folder, 'many');
  mkdirSync(many);
  for (let i = 0; i < count; i += 1)
    linkSync(join(pictures, `disc ${i % different}.png`), join(many, `${String(i).padStart(6, '0')}.png`));
  print('  a hundred thousand files are written');

  const page = await studio.open('#/data/-', '.greeting .way');
  const before = await memoryOf(page);
  const upload = page.getByRole('region', { name: 'Upload' });
  await studio.watch(report, page, { what: 'dropped and looked through', budget: budgets.task }, async () => {
    await drop(page, many);
    await upload.getByText('Uploading').waitFor();
  });
  await studio.watch(
    report,
    page,
    { what: `${measured.toLocaleString('en')} of them sent`, budget: budgets.task },
    async () => {
      await page.waitForFunction(
        (share) => document.querySelector('progress')!.position > share,
        measured / count,
        { polling: 500, timeout: 300_000 },
      );
    },
  );
  await page.getByRole('button', { name: 'Cancel' }).click();
  await upload.waitFor({ state: 'detached' });
  const after = await memoryOf(page);
  report.figure(
    'memory before and after',
    `${(before.heap / 2 ** 20).toFixed(1)} MB, ${(after.heap / 2 ** 20).toFixed(1)} MB`,
  );
  await page.close();
}
