/** How the desktop app starts: as it was left, whatever became of its settings, once, and with words where it cannot. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect as expectSoon } from '@playwright/test';
import { afterEach, beforeEach, describe, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../src-main/store/database.ts';
import type { DesktopApp } from '../desktop/desktop-app.ts';
import { runsBefore, runsOn } from '../desktop/desktop-app.ts';
import { command, withoutPrivileges } from '../shells/command.ts';
import type { Box } from './desktop.ts';
import { choose, Person, quit, windowOf } from './desktop.ts';
import { findChromium } from './studio.ts';

const plainly = withoutPrivileges();
/** On real Electron the words before a command are not to be had, nor needed but by root. */
const canForbid = plainly !== null && (runsOn === 'stand-in' || plainly.length === 0);

const expect = expectSoon.configure({ timeout: 60_000 });

describe.skipIf(findChromium() === null)(`the desktop app (${runsOn}) when it starts`, () => {
  let person: Person;

  const bounds = (app: DesktopApp) =>
    app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.getNormalBounds(), undefined);
  const background = (app: DesktopApp) =>
    app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.getBackgroundColor(), undefined);
  const settings = () => JSON.parse(readFileSync(person.settings, 'utf8')) as Record<string, unknown>;

  beforeEach(() => {
    person = new Person();
  });
  afterEach(() => person.leave());

  it('has its window where and as it was', async () => {
    const first = await person.start();
    await windowOf(first);
    const wanted = { x: 40, y: 60, width: 1000, height: 700 };
    await first.evaluate(
      ({ BrowserWindow }, place) => BrowserWindow.getAllWindows()[0]!.setBounds(place),
      wanted,
    );
    await quit(first);
    expectSoon(await first.ended).toBe(0);
    const second = await person.start();
    await windowOf(second);
    expectSoon(await bounds(second)).toEqual(wanted);
  });

  it.each([
    ['half a file', '{"window": {"x": 1'],
    ['another form', '{"window": "left", "theme": 7, "library": [], "resume": {}}'],
    [
      'a screen that is gone',
      '{"window": {"x": 90000, "y": 90000, "width": 900, "height": 700, "maximized": false, "fullScreen": false}}',
    ],
  ])('starts with settings that are %s', async (_, text) => {
    mkdirSync(join(person.settings, '..'), { recursive: true });
    writeFileSync(person.settings, text);
    const app = await person.start();
    await windowOf(app);
    const { x, y } = await bounds(app);
    expectSoon(x).toBeLessThan(4000);
    expectSoon(y).toBeLessThan(4000);
    await quit(app);
    expectSoon(await app.ended).toBe(0);
    expectSoon(settings()).toMatchObject({ theme: 'system', library: null, resume: [] });
  });

  it.skipIf(!runsBefore)(
    'shows its window when there is something to see, in the right colours from the first picture on',
    async () => {
      const first = await person.start();
      const page = await windowOf(first);
      expectSoon(await background(first)).toMatch(/^#F4F5F7|^#131417/);
      const theme = page.getByRole('button', { name: /^Colours:/ });
      while (!(await theme.innerText()).includes('Dark')) await theme.click();
      await expect.poll(() => background(first)).toBe('#131417');
      await quit(first);
      expectSoon(await first.ended).toBe(0);
      expectSoon(settings()).toMatchObject({ theme: 'dark' });

      const second = await person.start({
        before: ({ app }) => {
          const seen: object[] = [];
          Object.assign(globalThis, { seen });
          app.on('browser-window-created', (_, window) => {
            const note = (when: string) =>
              seen.push({ when, visible: window.isVisible(), background: window.getBackgroundColor() });
            note('made');
            window.once('ready-to-show', () => setImmediate(() => note('ready')));
          });
        },
      });
      const dark = await windowOf(second);
      expectSoon(
        await second.evaluate(() => (globalThis as unknown as { seen: object[] }).seen, undefined),
      ).toEqual([
        { when: 'made', visible: false, background: '#131417' },
        { when: 'ready', visible: true, background: '#131417' },
      ]);
      // What the page's style is before any script has run.
      expectSoon(await dark.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches)).toBe(true);
    },
  );

  it.skipIf(!runsBefore)('asks for the sandbox before anything else', async () => {
    const app = await person.start({
      before: ({ app: electron }) => {
        const asked: string[] = [];
        Object.assign(globalThis, { asked });
        const { enableSandbox } = electron;
        electron.enableSandbox = () => {
          asked.push(electron.isReady() ? 'too late' : 'in time');
          enableSandbox.call(electron);
        };
      },
    });
    await windowOf(app);
    expectSoon(
      await app.evaluate(() => (globalThis as unknown as { asked: string[] }).asked, undefined),
    ).toEqual(['in time']);
  });

  it('runs once: a second start brings the first to the front', async () => {
    const first = await person.start();
    await windowOf(first);
    await first.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.minimize(), undefined);
    const second = await person.start();
    expectSoon(await second.ended).toBe(0);
    await expect
      .poll(() =>
        first.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.isMinimized(), undefined),
      )
      .toBe(false);
    expectSoon(first.pages()).toHaveLength(1);
  });

  describe.skipIf(!runsBefore)('where its library cannot be opened', () => {
    const told = () => join(person.home, 'told.json');
    const boxes = () => {
      const text = existsSync(told()) ? readFileSync(told(), 'utf8') : '';
      return text
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Box);
    };
    /** Starts it; boxes are answered with what `answers` says, one after the other, then with Quit. */
    const startAnswering = (answers: number[], { chosen = '', back = '', within = [] as string[] } = {}) =>
      person.start({
        within,
        env: { TOLD: told(), ANSWERS: JSON.stringify(answers), CHOSEN: chosen, BACK: back },
        before: ({ dialog }) => {
          const { appendFileSync, existsSync, renameSync } = process.getBuiltinModule('node:fs');
          const answers = JSON.parse(process.env['ANSWERS'] ?? '[]') as number[];
          const back = process.env['BACK'] ?? '';
          dialog.showMessageBox = async (...args: unknown[]) => {
            appendFileSync(process.env['TOLD'] ?? '', `${JSON.stringify(args.at(-1))}\n`);
            // While the box is there somebody connects the drive.
            if (existsSync(`${back}.away`)) renameSync(`${back}.away`, back);
            return { response: answers.shift() ?? 0, checkboxChecked: false };
          };
          dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [process.env['CHOSEN'] ?? ''] });
        },
      });

    it('says that a newer Ganvas made it, and leaves it as it is', async () => {
      mkdirSync(person.library, { recursive: true });
      const file = join(person.library, 'ganvas.sqlite');
      const first = await person.start();
      await windowOf(first);
      await quit(first);
      await first.ended;
      const database = openDatabase(file, 'write');
      database.script('PRAGMA user_version = 9999');
      database.close();
      const before = readFileSync(file);
      const app = await startAnswering([1]);
      expectSoon(await app.ended).toBe(0);
      // Try Again has told it once more, then it was quit.
      expectSoon(boxes()).toHaveLength(2);
      expectSoon(boxes()[0]!.detail).toMatch(/newer Ganvas.*Nothing has been changed/s);
      expectSoon(readFileSync(file)).toEqual(before);
    });

    it('says that its place is no folder, and takes another one that is chosen', async () => {
      mkdirSync(join(person.library, '..'), { recursive: true });
      writeFileSync(person.library, 'a file');
      const other = join(person.home, 'other library');
      mkdirSync(other);
      const app = await startAnswering([2], { chosen: other });
      await windowOf(app);
      expectSoon(boxes().map(({ detail }) => detail)).toEqual([expectSoon.stringContaining('is a file')]);
      expectSoon(existsSync(join(other, 'ganvas.sqlite'))).toBe(true);
      expectSoon(readFileSync(person.library, 'utf8')).toBe('a file');
      expectSoon(settings()).toMatchObject({ library: other });
    });

    it('does not make a new library where a drive is gone', async () => {
      const drive = join(person.home, 'drive', 'library');
      mkdirSync(join(person.settings, '..'), { recursive: true });
      writeFileSync(person.settings, JSON.stringify({ library: drive }));
      const app = await startAnswering([]);
      expectSoon(await app.ended).toBe(0);
      expectSoon(boxes().map(({ detail }) => detail)).toEqual([
        expectSoon.stringContaining('connect the drive'),
      ]);
      expectSoon(existsSync(drive)).toBe(false);
      expectSoon(settings()).toMatchObject({ library: drive });
    });

    it('opens it after all when its drive is connected again', async () => {
      const drive = join(person.home, 'drive');
      mkdirSync(join(drive, 'library'), { recursive: true });
      mkdirSync(join(person.settings, '..'), { recursive: true });
      writeFileSync(person.settings, JSON.stringify({ library: join(drive, 'library') }));
      const first = await person.start();
      await windowOf(first);
      await choose(first, 'new-experiment');
      await expect((await windowOf(first)).getByLabel('Name of the experiment')).toHaveValue(
        'New experiment',
      );
      await quit(first);
      expectSoon(await first.ended).toBe(0);
      renameSync(drive, `${drive}.away`);
      const app = await startAnswering([1], { back: drive });
      const page = await windowOf(app);
      expectSoon(boxes()).toHaveLength(1);
      await page.getByRole('navigation').getByRole('button', { name: 'Library', exact: true }).click();
      await expect(page.getByRole('row', { name: /New experiment/ })).toBeVisible();
    });

    it.skipIf(!canForbid)('says that it may not be written to, and leaves it as it is', async () => {
      const first = await person.start();
      await windowOf(first);
      await choose(first, 'new-experiment');
      await expect((await windowOf(first)).getByLabel('Name of the experiment')).toHaveValue(
        'New experiment',
      );
      await quit(first);
      expectSoon(await first.ended).toBe(0);
      const content = () =>
        readdirSync(person.library, { recursive: true, encoding: 'utf8' })
          .sort()
          .map((name) => {
            const path = join(person.library, name);
            return [name, statSync(path).isFile() ? readFileSync(path, 'base64') : 'folder'];
          });
      const before = content();
      const allow = (writing: boolean) => {
        const folders = before.flatMap(([name, kind]) =>
          kind === 'folder' ? [join(person.library, name!)] : [],
        );
        for (const folder of [person.library, ...folders]) chmodSync(folder, writing ? 0o755 : 0o555);
        chmodSync(join(person.library, 'ganvas.sqlite'), writing ? 0o644 : 0o444);
      };
      allow(false);
      const app = await startAnswering([1], { within: plainly! });
      const status = await app.ended;
      allow(true);
      expectSoon(status).toBe(0);
      expectSoon(boxes().map(({ message }) => message)).toEqual(
        Array.from({ length: 2 }, () => 'Ganvas cannot open its library.'),
      );
      expectSoon(boxes()[0]!.detail).toMatch(/permissions.*Nothing has been changed/s);
      expectSoon(content()).toEqual(before);
    });

    it('says who else uses it', async () => {
      const [node = '', ...words] = command;
      const server = spawn(node, [...words, 'serve', '--json', '--port', '0', '--library', person.library], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void server.kill('SIGKILL'));
      await once(server.stdout, 'data');
      const app = await startAnswering([]);
      expectSoon(await app.ended).toBe(0);
      expectSoon(boxes()[0]!.detail).toContain('in use by another Ganvas');
    });
  });

  it('goes to another library when one is chosen in the menu, by a new start', async () => {
    const app = await person.start();
    await windowOf(app);
    const other = join(person.home, 'other');
    mkdirSync(other);
    await app.evaluate(({ app: electron, dialog }, path) => {
      dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [path] });
      // A process that starts another one could not be followed by this test.
      electron.relaunch = () => undefined;
    }, other);
    await choose(app, 'choose-library');
    expectSoon(await app.ended).toBe(0);
    const again = await person.start();
    await windowOf(again);
    expectSoon(existsSync(join(other, 'ganvas.sqlite'))).toBe(true);
  });
});
