/** The Chromium whose pages are the windows, and the local port behind its one address. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BrowserContext } from '@playwright/test';
import { chromium } from '@playwright/test';
import { requestOf, send } from '../../../src-main/shells/server/http.ts';
import { findChromium } from '../../renderer/page.ts';

/** What Chromium calls the page's origin; Electron calls it by the scheme that the app has registered. */
const origin = 'http://gan';

export const electronUrl = (url: string) => (url.startsWith(`${origin}/`) ? `app${url.slice(4)}` : url);
export const chromiumUrl = (url: string) => (url.startsWith('app://gan/') ? `http${url.slice(3)}` : url);

type Respond = (request: Request) => Promise<Response> | Response;

export interface Chromium {
  context: BrowserContext;
  /** Where another process finds it. */
  endpoint: string;
}

/** @param respond answers requests of the page; null while nobody handles its scheme */
export async function launchChromium(userData: string, respond: () => Respond | null): Promise<Chromium> {
  const server = createServer((message, response) => {
    const given = requestOf(message);
    const asked = new Request(`app://gan${message.url ?? '/'}`, given);
    void Promise.resolve(respond()?.(asked) ?? new Response(null, { status: 502 })).then((answer) =>
      send(answer, response),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const folder = join(userData, 'chromium');
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: findChromium()!,
    viewport: { width: 1440, height: 900 },
    // Signals are for the app.
    handleSIGHUP: false,
    handleSIGINT: false,
    handleSIGTERM: false,
    reducedMotion: 'reduce',
    args: [
      '--remote-debugging-port=0',
      `--host-resolver-rules=MAP gan 127.0.0.1:${port}`,
      // As the scheme's privilege `secure` makes it.
      `--unsafely-treat-insecure-origin-as-secure=${origin}`,
      // Chromium's own sandbox refuses to run as root, as in a container.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
  const [debugging] = readFileSync(join(folder, 'DevToolsActivePort'), 'utf8').split('\n');
  return { context, endpoint: `http://127.0.0.1:${debugging}` };
}
