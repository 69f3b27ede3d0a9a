/** The desktop app while something trains: what the system shows, quitting, and what survives when a process dies. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect as expectSoon } from '@playwright/test';
import { afterEach, beforeEach, describe, it } from 'vitest';
import type { DesktopApp } from '../desktop/desktop-app.ts';
import { runsOn } from '../desktop/desktop-app.ts';
import { canWatch, gone, trainersOf } from '../shells/ganvas-process.ts';
import { answerBoxes, boxesOf, Person, quit, runState, train, trained, windowOf } from './desktop.ts';
import { findChromium } from './studio.ts';

const expect = expectSoon.configure({ timeout: 60_000 });

/** What the system was asked to do, by a test's own functions in the place of the system's. */
interface Signs {
  progress: number[];
  blockers: number[];
  stopped: number[];
  notifications: { title: string; body: string; click: () => void }[];
}

describe.skipIf(findChromium() === null)(`the desktop app (${runsOn}) while something trains`, () => {
  let person: Person;
  let app: DesktopApp;
  let page: Page;
  let folder: string;

  const step = () => trained(page);
  const checkpoints = () => {
    const runs = join(person.library, 'runs');
    const [run = ''] = existsSync(runs) ? readdirSync(runs) : [];
    const all = join(runs, run, 'checkpoints');
    return existsSync(all) ? readdirSync(all).filter((name) => /^\d+$/.test(name)) : [];
  };

  beforeEach(async () => {
    person = new Person();
    folder = await person.pictures('hues');
    app = await person.start();
    page = await windowOf(app);
  });
  afterEach(async () => {
    await person.leave();
    expectSoon(app.complaints).toEqual([]);
  });

  it('shows progress, keeps the machine awake, and says how it ended to who looks elsewhere', async () => {
    await app.evaluate((electron) => {
      const { BrowserWindow, powerSaveBlocker, Notification } = electron;
      const signs = {
        progress: [] as number[],
        blockers: [] as number[],
        stopped: [] as number[],
        notifications: [] as unknown[],
      };
      Object.assign(globalThis, { signs });
      const [window] = BrowserWindow.getAllWindows();
      window!.setProgressBar = (progress: number) => void signs.progress.push(progress);
      const [start, stop] = [powerSaveBlocker.start, powerSaveBlocker.stop];
      powerSaveBlocker.start = (type) => {
        const id = start.call(powerSaveBlocker, type);
        signs.blockers.push(id);
        return id;
      };
      powerSaveBlocker.stop = (id) => {
        signs.stopped.push(id);
        return stop.call(powerSaveBlocker, id);
      };
      Notification.prototype.show = function (this: Electron.Notification) {
        const { title, body } = this;
        signs.notifications.push({ title, body, click: () => this.emit('click') });
      };
      // Somebody looks at another app.
      BrowserWindow.getFocusedWindow = () => null;
    }, undefined);
    const signs = () =>
      app.evaluate(() => {
        const { notifications, ...rest } = (globalThis as unknown as { signs: Signs }).signs;
        return { ...rest, notifications: notifications.map(({ title, body }) => ({ title, body })) };
      }, undefined);

    await train(page, folder, 30);
    await expect(runState(page)).toHaveText('done');
    await expect
      .poll(async () => (await signs()).notifications)
      .toEqual([{ title: 'hues has been trained', body: 'It ended after step 30.' }]);
    const { progress, blockers, stopped } = await signs();
    expectSoon(progress[0]).toBe(2);
    expectSoon(progress.at(-1)).toBe(-1);
    const shares = progress.filter((share) => share >= 0 && share <= 1);
    expectSoon(shares.length).toBeGreaterThan(0);
    expectSoon(blockers).toHaveLength(1);
    expectSoon(stopped).toEqual(blockers);

    await page.keyboard.press('Control+2');
    await app.evaluate(
      () => (globalThis as unknown as { signs: Signs }).signs.notifications[0]!.click(),
      undefined,
    );
    await expect(page.getByRole('heading', { name: 'Run 1 · hues' })).toBeVisible();
  });

  it('asks before it quits, trains on when asked to, else ends with a checkpoint and goes on at the next start', async () => {
    await train(page, folder);
    await answerBoxes(app, 1);
    await quit(app);
    await expect.poll(() => boxesOf(app)).toHaveLength(1);
    const [box] = await boxesOf(app);
    expectSoon(box).toMatchObject({ message: '“hues” is still training.' });
    const before = await step();
    await expect.poll(step).toBeGreaterThan(before);
    // The last window asks as well, and stays.
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close(), undefined);
    await expect.poll(() => boxesOf(app)).toHaveLength(2);
    expectSoon(app.pages()).toHaveLength(1);
    expectSoon(checkpoints()).toEqual([]);

    await answerBoxes(app, 0);
    const reached = await step();
    await quit(app);
    expectSoon(await app.ended).toBe(0);
    expectSoon(checkpoints()).toHaveLength(1);
    expectSoon(Number(checkpoints()[0])).toBeGreaterThanOrEqual(reached);
    expectSoon(JSON.parse(readFileSync(person.settings, 'utf8'))).toMatchObject({
      resume: [expectSoon.any(String)],
    });

    const left = Number(checkpoints()[0]);
    app = await person.start();
    page = await windowOf(app);
    await expect(page.getByRole('heading', { name: 'Run 1 · hues' })).toBeVisible();
    await expect(runState(page)).toHaveText('training');
    await expect.poll(step).toBeGreaterThan(left);
    expectSoon(JSON.parse(readFileSync(person.settings, 'utf8'))).toMatchObject({ resume: [] });
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect(runState(page)).toHaveText('stopped');
    // Nothing trains: nobody is asked.
    await quit(app);
    expectSoon(await app.ended).toBe(0);
  });

  it('loads a window again whose page has crashed, while training goes on', async () => {
    await train(page, folder);
    await answerBoxes(app, 0);
    await app.evaluate(
      ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.webContents.forcefullyCrashRenderer(),
      undefined,
    );
    // The page that crashed is lost to this test as well: the app is asked what its window shows.
    const shown = () =>
      app
        .evaluate(
          ({ BrowserWindow }) =>
            BrowserWindow.getAllWindows()[0]!.webContents.executeJavaScript(
              "document.querySelector('.run header')?.innerText ?? ''",
            ) as Promise<string>,
          undefined,
        )
        .catch(() => '');
    await expect.poll(() => boxesOf(app)).toMatchObject([{ message: 'This window has stopped working.' }]);
    await expect.poll(shown).toMatch(/hues[^]*training/);
    const before = await shown();
    await expect.poll(shown).not.toBe(before);
  });

  it('shows an export in its folder', async () => {
    await train(page, folder, 10);
    await expect(runState(page)).toHaveText('done');
    await app.evaluate(({ shell }) => {
      const revealed: string[] = [];
      Object.assign(globalThis, { revealed });
      shell.showItemInFolder = (path) => void revealed.push(path);
    }, undefined);
    await page.getByRole('button', { name: 'Export…', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Export as ONNX' }).click();
    await page.getByRole('button', { name: /^Show .*\.onnx in its folder$/ }).click();
    const revealed = () =>
      app.evaluate(() => (globalThis as unknown as { revealed: string[] }).revealed, undefined);
    await expect.poll(revealed).toHaveLength(1);
    const [path = ''] = await revealed();
    expectSoon(path.startsWith(join(person.library, 'exports')) && path.endsWith('.onnx')).toBe(true);
    expectSoon(existsSync(path)).toBe(true);
  });

  it.skipIf(!canWatch)(
    'ends with a checkpoint and without a question when the system wants it to',
    async () => {
      await train(page, folder);
      process.kill(app.pid, 'SIGTERM');
      expectSoon(await app.ended).toBe(0);
      expectSoon(checkpoints()).toHaveLength(1);
    },
  );

  it.skipIf(!canWatch)('survives a trainer that is killed, and offers to resume', async () => {
    await train(page, folder);
    for (const trainer of trainersOf(app.pid)) process.kill(trainer, 'SIGKILL');
    await expect(runState(page)).toHaveText('interrupted');
    await expect(page.getByRole('alert')).toContainText('killed by SIGKILL');
    await expect(page.getByRole('button', { name: 'Resume…' })).toBeVisible();
    await page.getByRole('navigation').getByRole('button', { name: 'Library', exact: true }).click();
    await expect(page.getByRole('row', { name: /hues/ })).toBeVisible();
  });

  it.skipIf(!canWatch)(
    'takes its trainers along when it is killed, and loses nothing but the steps since the checkpoint',
    async () => {
      await train(page, folder);
      const trainers = trainersOf(app.pid);
      expectSoon(trainers.length).toBeGreaterThan(0);
      await app.kill();
      await gone(trainers);
      app = await person.start();
      page = await windowOf(app);
      await expect(runState(page)).toHaveText('interrupted');
      await page.getByRole('button', { name: 'Resume…' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Resume', exact: true }).click();
      await expect(runState(page)).toHaveText('training');
    },
  );
});
