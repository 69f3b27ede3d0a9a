/** The server before a real browser: what its headers and cookies do there. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect as connectTcp, createServer as createTunnel } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { chromium } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Files } from '../../src-main/core/files.ts';
import { createRespond } from '../../src-main/shells/respond.ts';
import type { Server } from '../../src-main/shells/server/server.ts';
import { startServer } from '../../src-main/shells/server/server.ts';
import { pictures, uploads } from '../../src-shared/api.ts';
import { findChromium } from './page.ts';

const executablePath = findChromium();

/** A page as Vite builds it; its script speaks to the server and tries what the policy forbids. */
const html = `<!doctype html>
<title>Ganvas</title>
<script type="module" crossorigin src="./assets/main.js"></script>
<script>document.documentElement.dataset.inline = 'ran';</script>
<body onload="document.documentElement.dataset.handler = 'ran'"><output></output></body>`;
const script = `
const socket = new WebSocket(new URL('socket', document.baseURI.replace('http', 'ws')));
socket.onopen = () => socket.send('hello');
socket.onmessage = ({ data }) => { document.querySelector('output').textContent = data; };
try { new Function('')(); document.documentElement.dataset.eval = 'ran'; } catch {}
`;

/** One red dot. */
const dot = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==',
  'base64',
);

describe.skipIf(executablePath === null)('in Chromium', () => {
  let browser: Browser;
  const folder = mkdtempSync(join(tmpdir(), 'ganvas-served-'));
  const received: string[] = [];
  const nothing = () => Promise.reject(new Error('not asked for in these tests'));
  const files: Files = {
    sample: async () => ({ kind: 'bytes', type: 'image/png', bytes: dot }),
    image: nothing,
    leftOut: nothing,
    preview: nothing,
    explored: nothing,
    export: async () => ({ content: { kind: 'folder', path: join(folder, 'assets') }, name: 'Größe 1.zip' }),
    async receive(_, path, body) {
      let bytes = 0;
      for await (const chunk of body) bytes += chunk.length;
      received.push(`${path} ${bytes}`);
    },
  };

  beforeAll(async () => {
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'index.html'), html);
    writeFileSync(join(folder, 'assets', 'main.js'), script);
    // Chromium's own sandbox refuses to run as root, as in a container.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    browser = await chromium.launch({ executablePath: executablePath!, args });
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  async function start(port = 0): Promise<{ server: Server; address: string; close: () => Promise<void> }> {
    let address = '';
    const server = await startServer({
      host: '127.0.0.1',
      port,
      respond: createRespond({ page: folder, files }),
      connect: (connection) => connection.onMessage((message) => connection.post(`heard ${message}`)),
      onAddress: (told) => (address = told),
    });
    let open = true;
    const close = async () => {
      if (open) await server.close();
      open = false;
    };
    onTestFinished(close);
    return { server, address, close };
  }

  async function context(): Promise<BrowserContext> {
    const made = await browser.newContext();
    onTestFinished(() => made.close());
    return made;
  }

  const heard = (page: Page) => page.getByText('heard hello').waitFor();

  test('the address opens the page, without the token; a reload and a second tab do, too', async () => {
    const { server, address } = await start();
    const tabs = await context();
    const page = await tabs.newPage();
    await page.goto(address);
    expect(page.url()).toBe(server.address);
    await heard(page);
    expect(await page.evaluate(() => document.cookie)).toBe('');
    await page.reload();
    await heard(page);
    const second = await tabs.newPage();
    await second.goto(server.address);
    await heard(second);
    // Going back leads nowhere near the token.
    await second.goto('about:blank');
    await second.goBack();
    await heard(second);
    expect(await page.evaluate(() => history.length)).toBeLessThanOrEqual(2);
  });

  test('a tunnel brings it to another machine, whatever its port there', async () => {
    const { server, address } = await start();
    const { port } = new URL(server.address);
    const tunnel = createTunnel((near) => {
      const far = connectTcp(Number(port), '127.0.0.1');
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    });
    tunnel.listen(0, '127.0.0.1');
    await once(tunnel, 'listening');
    onTestFinished(() => void tunnel.close());
    const here = `http://localhost:${(tunnel.address() as AddressInfo).port}/`;
    const page = await (await context()).newPage();
    await page.goto(here + new URL(address).search);
    await heard(page);
    expect(page.url()).toBe(here);
    expect(
      await page.evaluate(
        async (url) => (await fetch(url, { method: 'PUT', body: 'x' })).status,
        uploads.file('t', 'a.png'),
      ),
    ).toBe(204);
  });

  test('a link of another site opens it, too', async () => {
    const { server, address } = await start();
    const other = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<a href="${address}">with token</a> <a href="${server.address}">without</a>`);
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const elsewhere = `http://localhost:${(other.address() as AddressInfo).port}/`;
    const page = await (await context()).newPage();
    for (const link of ['with token', 'without']) {
      await page.goto(elsewhere);
      await page.getByText(link).click();
      await heard(page);
      expect(page.url()).toBe(server.address);
    }
  });

  test('the policy lets the socket through, and no code that is not ours', async () => {
    const { address } = await start();
    const page = await (await context()).newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(address);
    await heard(page);
    expect(await page.evaluate(() => Object.entries(document.documentElement.dataset))).toEqual([]);
    expect(complaints.filter((text) => /inline|eval/i.test(text))).not.toEqual([]);
    const reached = await page.evaluate(async () => {
      const tries = ['http://127.0.0.1:9/', 'https://example.com/', 'data:text/plain,x'];
      return Promise.all(
        tries.map((url) =>
          fetch(url).then(
            () => url,
            () => null,
          ),
        ),
      );
    });
    expect(reached).toEqual([null, null, null]);
  });

  test('pictures, downloads and uploads work from the page', async () => {
    const { address } = await start();
    const page = await (await context()).newPage();
    await page.goto(address);
    const width = await page.evaluate(
      async (source) => {
        const image = new Image();
        image.src = source;
        await image.decode();
        return image.naturalWidth;
      },
      pictures.sample('a', 1),
    );
    expect(width).toBe(1);

    const downloading = page.waitForEvent('download');
    await page.evaluate((source) => {
      const link = document.createElement('a');
      link.href = source;
      link.click();
    }, pictures.export(1));
    expect((await downloading).suggestedFilename()).toBe('Größe 1.zip');

    const statuses = await page.evaluate(
      async ([file, batch]) => {
        const form = new FormData();
        form.append('cats/Größe 1.png', new Blob(['12345']), 'x');
        form.append('cats/2.png', new Blob(['']), 'x');
        const one = await fetch(file!, { method: 'PUT', body: new Blob([new Uint8Array(3_000_000)]) });
        const many = await fetch(batch!, { method: 'POST', body: form });
        return [one.status, many.status];
      },
      [uploads.file('u', 'dogs/日本 #1.png'), uploads.batch('u')],
    );
    expect(statuses).toEqual([204, 204]);
    expect(received.filter((path) => !path.startsWith('a.png'))).toEqual([
      'dogs/日本 #1.png 3000000',
      'cats/Größe 1.png 5',
      'cats/2.png 0',
    ]);
  });

  test('a page of another port of this machine, the same site, gets nothing', async () => {
    const { server, address } = await start();
    const other = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>Other</title>');
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const page = await (await context()).newPage();
    await page.goto(address);
    await heard(page);
    // The browser sends the cookie along: ports share it.
    await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
    const got = await page.evaluate(
      async ([base, picture, batch]) => {
        const outcome = (promise: Promise<unknown>) =>
          promise.then(
            () => 'reached',
            () => 'refused',
          );
        const image = new Image();
        image.src = base! + picture!;
        const socket = new WebSocket(`${base!.replace('http', 'ws')}socket`);
        const opened = new Promise((resolve, reject) => {
          socket.onopen = resolve;
          socket.onerror = reject;
        });
        const frame = document.createElement('iframe');
        const loaded = new Promise((resolve) => (frame.onload = resolve));
        frame.src = base!;
        document.body.append(frame);
        await loaded;
        const post = { method: 'POST', mode: 'no-cors', credentials: 'include', body: 'x' } as const;
        return {
          image: await outcome(image.decode()),
          socket: await outcome(opened),
          read: await outcome(fetch(base!, { credentials: 'include' })),
          write: await outcome(fetch(base! + batch!, post)),
          frame: frame.contentDocument === null ? 'refused' : 'reached',
        };
      },
      [server.address, pictures.sample('a', 1), uploads.batch('evil')],
    );
    expect(got).toEqual({
      image: 'refused',
      socket: 'refused',
      read: 'refused',
      write: 'refused',
      frame: 'refused',
    });
    expect(received.filter((path) => path.includes('evil'))).toEqual([]);
  });

  test('after a new start, an open page is told to open the new address', async () => {
    const first = await start();
    const page = await (await context()).newPage();
    await page.goto(first.address);
    await heard(page);
    await first.close();
    const second = await start(Number(new URL(first.server.address).port));
    // What a page can ask to find out why its socket does not open any more.
    expect(await page.evaluate(async () => (await fetch('.', { method: 'HEAD' })).status)).toBe(401);
    await page.reload();
    await page.getByText('after a new start it is another one').waitFor();
    await page.goto(second.address);
    await heard(page);
  });
});
