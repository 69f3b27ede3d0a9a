/** What a page of the desktop app cannot do, should somebody else's code ever run in it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { expect as expectSoon } from '@playwright/test';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Desktop } from '../../src-shared/desktop.ts';
import { portMessage } from '../../src-shared/desktop.ts';
import type { DesktopApp } from '../desktop/desktop-app.ts';
import { runsOn } from '../desktop/desktop-app.ts';
import { Person, windowOf } from './desktop.ts';
import { findChromium } from './studio.ts';

const expect = expectSoon.configure({ timeout: 60_000 });

describe.skipIf(findChromium() === null)(`a hostile page in the desktop app (${runsOn})`, () => {
  const person = new Person();
  let app: DesktopApp;
  let page: Page;
  let ours: string;
  /** A page of somebody else, on this machine. */
  let foreign: string;
  let visits = 0;
  const server = createServer((request, response) => {
    visits += 1;
    if (request.url === '/redirect') response.writeHead(302, { location: foreign }).end();
    else
      response
        .writeHead(200, { 'content-type': 'text/html', 'access-control-allow-origin': '*' })
        .end('other');
  });

  /** What the main process was asked to open in the person's browser. */
  const opened = () => app.evaluate(() => (globalThis as unknown as { opened: string[] }).opened, undefined);
  const isThere = async () => {
    expectSoon(page.url()).toMatch(new RegExp(`^${ours}`));
    expectSoon(await page.evaluate(() => document.querySelector('nav') !== null)).toBe(true);
    await expect.poll(() => app.pages().length).toBe(1);
  };

  beforeAll(async () => {
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    foreign = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    app = await person.start();
    page = await windowOf(app);
    ours = new URL('/', page.url()).href;
    await app.evaluate(({ shell }) => {
      const opened: string[] = [];
      Object.assign(globalThis, { opened });
      shell.openExternal = async (url) => void opened.push(url);
    }, undefined);
  });
  afterAll(async () => {
    await person.leave();
    server.close();
  });

  it('gets two functions of the desktop, and nothing of Node or Electron', async () => {
    const found = await page.evaluate(() => ({
      desktop: Object.entries((window as unknown as { desktop: Desktop }).desktop).map(([name, value]) => [
        name,
        typeof value,
      ]),
      node: ['require', 'process', 'module', 'Buffer', 'global'].filter((name) => name in globalThis),
    }));
    expectSoon(found).toEqual({
      desktop: [
        ['connect', 'function'],
        ['pathOf', 'function'],
      ],
      node: [],
    });
    expectSoon(
      await page.evaluate(() =>
        (window as unknown as { desktop: Desktop }).desktop.pathOf({}).then(String, () => 'refused'),
      ),
    ).toBe('refused');
    expectSoon(
      await page.evaluate(() =>
        (window as unknown as { desktop: Desktop }).desktop.pathOf(new File(['x'], '/etc/passwd')),
      ),
    ).toBe('');
  });

  it.each(['link', 'script', 'form', 'meta', 'redirect'])('does not leave its page by a %s', async (way) => {
    const before = visits;
    await page.evaluate(
      ([how, to]) => {
        const make = <K extends keyof HTMLElementTagNameMap>(
          name: K,
          set: Partial<HTMLElementTagNameMap[K]>,
        ) => {
          const element = Object.assign(document.createElement(name), set);
          document.body.append(element);
          return element;
        };
        if (how === 'link') make('a', { href: to! }).click();
        if (how === 'script') location.assign(to!);
        if (how === 'form') make('form', { action: to! }).submit();
        if (how === 'meta') make('meta', { httpEquiv: 'refresh', content: `0; url=${to}` });
        if (how === 'redirect') location.assign(`${to}redirect`);
      },
      [way, foreign],
    );
    // A later navigation of its own would come after theirs.
    await page.evaluate(() => fetch('./'));
    await isThere();
    expectSoon(visits).toBe(before);
  });

  it('does not leave its page by an address that only looks like ours', async () => {
    for (const address of [
      `${foreign}?next=${ours}`,
      'http://gan@127.0.0.1/',
      'file:///etc/hosts',
      'data:text/html,x',
    ]) {
      await page.evaluate((to) => location.assign(to), address).catch(() => undefined);
      await page.evaluate(() => fetch('./'));
      await isThere();
    }
  });

  it('opens no window, whatever is clicked', async () => {
    const before = visits;
    for (const address of [foreign, 'about:blank', 'file:///etc/hosts', 'https://www.electronjs.org/']) {
      await page.evaluate((to) => void window.open(to), address);
      await page.evaluate((to) => {
        const link = Object.assign(document.createElement('a'), { href: to, target: '_blank' });
        document.body.append(link);
        link.click();
        link.remove();
      }, address);
      await expect.poll(() => app.pages().length).toBe(1);
    }
    // The stand-in closes a window after Chromium has opened it; its first request may have gone out.
    if (runsOn === 'electron') expectSoon(visits).toBe(before);
    // Only what is on the list is opened elsewhere.
    await expect.poll(opened).toEqual(['https://www.electronjs.org/', 'https://www.electronjs.org/']);
    await isThere();
  });

  it('loads nothing from elsewhere, and runs no code but its own', async () => {
    const before = visits;
    const tried = await page.evaluate(async (to) => {
      const failed = (work: Promise<unknown>) =>
        work.then(
          () => 'done',
          () => 'failed',
        );
      const image = (src: string) => {
        const picture = new Image();
        picture.src = src;
        return failed(picture.decode());
      };
      const element = (name: 'iframe' | 'script' | 'webview' | 'object', set: object) => {
        const made = Object.assign(document.createElement(name), set);
        document.body.append(made);
        return made;
      };
      Object.assign(globalThis, { ran: [] as string[] });
      element('script', { textContent: 'globalThis.ran.push("inline")' });
      element('iframe', { src: to });
      element('webview', { src: to });
      element('object', { data: to });
      // Later, since what a test runs itself is under no policy.
      const evaluated = await new Promise<string>((resolve) =>
        setTimeout(() => {
          try {
            (globalThis as unknown as { eval: (code: string) => void })['eval'](
              'globalThis.ran.push("eval")',
            );
            resolve('done');
          } catch {
            resolve('failed');
          }
        }),
      );
      return {
        ran: (globalThis as unknown as { ran: string[] }).ran,
        evaluated,
        fetched: await failed(fetch(to)),
        file: await failed(fetch('file:///etc/hosts')),
        image: await image(`${to}image.png`),
        fileImage: await image('file:///etc/hosts'),
        socket: await new Promise((resolve) => {
          try {
            const socket = new WebSocket(to.replace('http', 'ws'));
            socket.onopen = () => resolve('done');
            socket.onerror = () => resolve('failed');
          } catch {
            resolve('failed');
          }
        }),
        worker: await new Promise((resolve) => {
          try {
            const worker = new Worker(URL.createObjectURL(new Blob(['postMessage(1)'])));
            worker.onmessage = () => resolve('done');
            worker.onerror = () => resolve('failed');
          } catch {
            resolve('failed');
          }
        }),
      };
    }, foreign);
    expectSoon(tried).toEqual({
      ran: [],
      evaluated: 'failed',
      fetched: 'failed',
      file: 'failed',
      image: 'failed',
      fileImage: 'failed',
      socket: 'failed',
      worker: 'failed',
    });
    expectSoon(visits).toBe(before);
    expectSoon(page.frames().filter((frame) => frame.url().startsWith(foreign))).toEqual([]);
  });

  it('has nobody asked for dictionaries', async () => {
    expectSoon(
      await app.evaluate(({ session }) => session.defaultSession.isSpellCheckerEnabled(), undefined),
    ).toBe(false);
  });

  it('is given no list of the folders of the machine', async () => {
    const answer = await page.evaluate(
      (brings) =>
        new Promise<string>((resolve) => {
          window.addEventListener('message', ({ data, ports: [port] }) => {
            if (data !== brings || port === undefined) return;
            port.addEventListener('message', (message) => resolve(String(message.data)));
            port.start();
            port.postMessage('{"type":"call","id":0,"method":"datasets.browse","params":{"path":null}}');
          });
          (window as unknown as { desktop: Desktop }).desktop.connect();
        }),
      portMessage,
    );
    expectSoon(JSON.parse(answer)).toMatchObject({ type: 'error', error: { code: 'shell.not-here' } });
  });

  it('gets no camera, no place, no notifications; but may put text on the clipboard', async () => {
    const asked = await page.evaluate(async () => ({
      notifications: await Notification.requestPermission(),
      camera: await navigator.mediaDevices.getUserMedia({ video: true }).then(
        () => 'granted',
        () => 'denied',
      ),
      place: await new Promise((resolve) =>
        navigator.geolocation.getCurrentPosition(
          () => resolve('granted'),
          () => resolve('denied'),
        ),
      ),
    }));
    expectSoon(asked).toEqual({ notifications: 'denied', camera: 'denied', place: 'denied' });
    await page.bringToFront();
    await page.evaluate(() => navigator.clipboard.writeText('blocks'));
  });

  it('reads nothing of the machine by addresses of its own', async () => {
    const paths = [
      '../package.json',
      '%2e%2e/package.json',
      '..%2fpackage.json',
      'assets/%00',
      '/etc/hosts',
      'files/runs/%2e%2e/samples/1.png',
      'main/main.js',
      'preload/preload.cjs',
    ];
    const statuses = await page.evaluate(
      (all) => Promise.all(all.map(async (path) => [path, (await fetch(path)).status])),
      paths,
    );
    expectSoon(statuses.filter(([, status]) => status === 200)).toEqual([]);
  });
});
