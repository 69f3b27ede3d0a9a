/** The desktop app and the machine it is on: folders and files where they lie, the system's dialogs, the menu. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect as expectSoon } from '@playwright/test';
import { afterEach, beforeEach, describe, it } from 'vitest';
import type { DesktopApp } from '../desktop/desktop-app.ts';
import { runsBefore, runsOn } from '../desktop/desktop-app.ts';
import { answerBoxes, boxesOf, choose, Person, prepare, windowOf } from './desktop.ts';
import { drop, findChromium } from './studio.ts';

const expect = expectSoon.configure({ timeout: 60_000 });

describe.skipIf(findChromium() === null)(`the desktop app (${runsOn}) and files`, () => {
  let person: Person;
  let app: DesktopApp;
  let page: Page;

  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
  const named = () => page.getByLabel('Name of the experiment');
  const notices = () => page.getByRole('status', { name: 'Notices' });
  const uploads = () => {
    const folder = join(person.library, 'uploads');
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  /** What the system's dialogs to open answer; null is Cancel. */
  const answerOpen = (path: string | null) =>
    app.evaluate(({ dialog }, chosen) => {
      dialog.showOpenDialog = async () => ({
        canceled: chosen === null,
        filePaths: chosen === null ? [] : [chosen],
      });
    }, path);

  beforeEach(async () => {
    person = new Person();
    app = await person.start();
    page = await windowOf(app);
  });
  afterEach(async () => {
    await person.leave();
    expectSoon(app.complaints).toEqual([]);
  });

  it('reads a dropped folder where it lies: nothing is copied', async () => {
    const folder = await person.pictures('hues');
    await prepare(page, folder);
    await expect(named()).toHaveValue('hues');
    expectSoon(uploads()).toEqual([]);
  });

  it('reads what is dropped together where it lies, and nothing beside it', async () => {
    const folder = await person.pictures('mixed', 8);
    const paths = ['cats', 'dogs'].map((name) => join(folder, name));
    for (const path of paths) {
      mkdirSync(path);
      for (const name of ['0.png', '1.png', '2.png']) copyFileSync(join(folder, name), join(path, name));
    }
    await drop(page, paths);
    await expect(named()).toHaveValue('cats and more');
    await button('Prepare the images').click();
    await expect(page.locator('dl > div', { hasText: 'images used' }).locator('dd')).toHaveText('6');
    const [upload = '', ...more] = uploads();
    expectSoon(more).toEqual([]);
    expectSoon(readdirSync(join(person.library, 'uploads', upload))).toEqual(['upload.json']);
  });

  it('reads a dropped zip where it lies, and uploads only what lies on no disk or comes in pieces', async () => {
    writeFileSync(join(person.home, 'no.zip'), 'no zip');
    await drop(page, join(person.home, 'no.zip'));
    await expect(notices()).toContainText('no.zip');
    expectSoon(uploads()).toEqual([]);
    const image = readFileSync(join(await person.pictures('one', 1), '0.png')).toString('base64');
    await page.evaluate((bytes) => {
      const data = new DataTransfer();
      for (const name of ['a.png', 'b.png'])
        data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
      window.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    }, image);
    await expect(named()).toHaveValue(/./);
    expectSoon(uploads()).toHaveLength(1);
  });

  it("takes a folder that is chosen in the system's dialog; Cancel changes nothing", async () => {
    await button(/Use my own images/).click();
    await answerOpen(null);
    await button('Choose a folder').click();
    await answerOpen(await person.pictures('chosen'));
    await button('Choose a folder').click();
    await expect(named()).toHaveValue('chosen');
    expectSoon(uploads()).toEqual([]);
  });

  it('asks in the dialog where a file that is saved goes, under a name that is only a name', async () => {
    const asked = await app.evaluate(
      ({ session }) =>
        new Promise<unknown>((resolve) => {
          const item = { getFilename: () => '../../evil/a.onnx', setSaveDialogOptions: resolve };
          session.defaultSession.emit('will-download', {}, item, {});
        }),
      undefined,
    );
    expectSoon(asked).toMatchObject({
      defaultPath: expectSoon.stringMatching(/[/\\]a\.onnx$/),
      filters: [{ extensions: ['onnx'] }],
    });
    expectSoon(JSON.stringify(asked)).not.toContain('evil');
  });

  it('has a menu that makes an experiment, goes to the places, and lists what was changed last', async () => {
    await choose(app, 'new-experiment');
    await expect(named()).toHaveValue('New experiment');
    await named().fill('Hills & valleys');
    await named().press('Enter');
    for (const place of ['Data', 'Train', 'Explore', 'Library', 'Design']) {
      await choose(app, `place-${place}`);
      await expect(page.getByRole('navigation').getByRole('button', { name: place })).toHaveAttribute(
        'aria-current',
        'page',
      );
    }
    await choose(app, 'new-experiment');
    await expect(named()).toHaveValue('New experiment');
    const recent = () =>
      app.evaluate(({ Menu }) => {
        const items = Menu.getApplicationMenu()?.getMenuItemById('recent')?.submenu?.items ?? [];
        return items.map(({ id, label }) => ({ id, label }));
      }, undefined);
    await expect
      .poll(async () => (await recent()).map(({ label }) => label))
      .toEqual(['New experiment', 'Hills && valleys']);
    await choose(app, (await recent())[1]!.id);
    await expect(named()).toHaveValue('Hills & valleys');
  });

  it('opens a second window from the menu, and tells both what happens', async () => {
    await choose(app, 'new-window');
    await expect.poll(() => app.pages().length).toBe(2);
    const other = app.pages().find((one) => one !== page)!;
    await expect(other.getByText('No experiment is open')).toBeVisible();
    await choose(app, 'new-experiment');
    for (const one of [page, other]) {
      await one.getByRole('navigation').getByRole('button', { name: 'Library', exact: true }).click();
      await expect(one.getByRole('row', { name: /New experiment/ })).toBeVisible();
    }
    // The colours are those of all windows, the ground that is seen before and between pictures too.
    const theme = other.getByRole('button', { name: /^Colours:/ });
    while (!(await theme.innerText()).includes('Dark')) await theme.click();
    await expect
      .poll(() =>
        app.evaluate(
          ({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.getBackgroundColor()),
          undefined,
        ),
      )
      .toEqual(['#131417', '#131417']);
    await expect
      .poll(() => page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches))
      .toBe(true);
  });

  it('saves an experiment as a file without images, and opens it again as a new one', async () => {
    await prepare(page, await person.pictures('hues'));
    const file = join(person.home, 'hues.ganvas');
    await app.evaluate(({ dialog }, filePath) => {
      dialog.showSaveDialog = async () => ({ canceled: false, filePath });
    }, file);
    await choose(app, 'save-file');
    await expect(page.getByText('The experiment has been saved as a file.')).toBeVisible();
    const saved = readFileSync(file, 'utf8');
    expectSoon(JSON.parse(saved)).toMatchObject({ format: 'ganvas-experiment', version: 1, name: 'hues' });
    expectSoon(saved).not.toContain(person.home);

    await answerOpen(file);
    await choose(app, 'open-file');
    await expect(page.getByRole('navigation').getByRole('button', { name: 'Design' })).toHaveAttribute(
      'aria-current',
      'page',
    );
    await page.getByRole('navigation').getByRole('button', { name: 'Library', exact: true }).click();
    await expect(page.getByRole('row', { name: /hues/ })).toHaveCount(2);

    writeFileSync(file, saved.replace('"batch": 64', '"batch": 1e9'));
    await choose(app, 'open-file');
    await expect(notices()).toContainText('damaged at hyperparameters.batch');
  });

  it('opens the files that it is started with, and those of a second start, in its one window', async () => {
    const file = join(person.home, 'given.ganvas');
    await choose(app, 'new-experiment');
    await expect(named()).toHaveValue('New experiment');
    await app.evaluate(({ dialog }, filePath) => {
      dialog.showSaveDialog = async () => ({ canceled: false, filePath });
    }, file);
    await choose(app, 'save-file');
    await expect(page.getByText('The experiment has been saved as a file.')).toBeVisible();
    writeFileSync(file, readFileSync(file, 'utf8').replace('"New experiment"', '"Given"'));

    const second = await person.start({ args: [file] });
    expectSoon(await second.ended).toBe(0);
    await expect(named()).toHaveValue('Given');
    expectSoon(app.pages()).toHaveLength(1);

    // One made by an attacker is words like any other.
    const hostile = '<img src=x onerror="window.hit=1"><a href="https://evil.test/">free</a>';
    const bad = join(person.home, 'hostile.ganvas');
    writeFileSync(bad, readFileSync(file, 'utf8').replace('"Given"', JSON.stringify(hostile)));
    expectSoon(await (await person.start({ args: [bad] })).ended).toBe(0);
    await expect(named()).toHaveValue(hostile);
    await expect(page).toHaveTitle(/onerror/);
    expectSoon(await page.evaluate(() => 'hit' in window)).toBe(false);
    await expect(page.locator('a[href*="evil"], img[src="x"]')).toHaveCount(0);

    // What is no experiment is refused in a box; a folder of that name too.
    await answerBoxes(app, 0);
    writeFileSync(join(person.home, 'bad.ganvas'), 'require("child_process")');
    mkdirSync(join(person.home, 'folder.ganvas'));
    const third = await person.start({
      args: [join(person.home, 'bad.ganvas'), join(person.home, 'folder.ganvas')],
    });
    expectSoon(await third.ended).toBe(0);
    await expect
      .poll(async () => (await boxesOf(app)).map(({ detail }) => detail))
      .toEqual([
        expectSoon.stringContaining('no Ganvas experiment'),
        expectSoon.stringContaining('folder.ganvas cannot be read'),
      ]);

    await app.kill();
    app = await person.start({ args: [file] });
    page = await windowOf(app);
    await expect(named()).toHaveValue('Given');

    // A Mac tells of files by an event instead.
    writeFileSync(file, readFileSync(file, 'utf8').replace('"Given"', '"By an event"'));
    await app.evaluate(({ app: electron }, path) => {
      electron.emit('open-file', { preventDefault: () => undefined }, path);
    }, file);
    await expect(named()).toHaveValue('By an event');
  });

  it.skipIf(!runsBefore)('opens a file that a Mac tells of before the app is ready', async () => {
    const file = join(person.home, 'early.ganvas');
    await choose(app, 'new-experiment');
    await expect(named()).toHaveValue('New experiment');
    await app.evaluate(({ dialog }, filePath) => {
      dialog.showSaveDialog = async () => ({ canceled: false, filePath });
    }, file);
    await choose(app, 'save-file');
    await expect(page.getByText('The experiment has been saved as a file.')).toBeVisible();
    writeFileSync(file, readFileSync(file, 'utf8').replace('"New experiment"', '"Early"'));
    await app.kill();
    app = await person.start({
      env: { EARLY: file },
      before: ({ app: electron }) => {
        const events: NodeJS.EventEmitter = electron;
        events.on('newListener', (name) => {
          if (name !== 'open-file') return;
          process.nextTick(() => {
            const event = { preventDefault: () => undefined };
            if (!electron.isReady()) events.emit('open-file', event, process.env['EARLY']);
          });
        });
      },
    });
    page = await windowOf(app);
    await expect(named()).toHaveValue('Early');
  });
});
