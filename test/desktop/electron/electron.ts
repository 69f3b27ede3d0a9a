/** Takes the place of the module `electron` in the main process; see ../README.md. */
import { runInThisContext } from 'node:vm';
import { app } from './app.ts';
import { launchChromium } from './chromium.ts';
import { ipcMain } from './ipc-main.ts';
import { MessageChannelMain } from './ports.ts';
import { session } from './session.ts';
import { dialog, Menu, Notification, powerSaveBlocker, screen, shell } from './system.ts';
import { BrowserWindow, nativeTheme, useChromium } from './window.ts';

type Respond = (request: Request) => Promise<Response> | Response;

let respond: Respond | null = null;
const declared = new Set<string>();

const protocol = {
  registerSchemesAsPrivileged(schemes: { scheme: string; privileges: Record<string, boolean> }[]) {
    for (const { scheme, privileges } of schemes) {
      if (privileges['standard'] && privileges['secure'] && privileges['supportFetchAPI'])
        declared.add(scheme);
      if (privileges['bypassCSP']) throw new Error('no scheme may pass by the content security policy');
    }
  },
  handle(scheme: string, handler: Respond) {
    if (!declared.has(scheme)) throw new Error(`${scheme} was not declared before the app was ready`);
    respond = handler;
  },
};

export {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  MessageChannelMain,
  nativeTheme,
  Notification,
  powerSaveBlocker,
  protocol,
  screen,
  session,
  shell,
};

interface Asked {
  id: number;
  code: string;
  arg: unknown;
}

/** A test runs a function in this process, as Playwright does in Electron's. */
async function answer({ id, code, arg }: Asked): Promise<void> {
  try {
    const run = runInThisContext(`(${code})`) as (electron: object, arg: unknown) => unknown;
    const electron = await import('./electron.ts');
    process.send?.({ type: 'answer', id, result: (await run(electron, arg)) ?? null });
  } catch (error) {
    process.send?.({ type: 'answer', id, error: error instanceof Error ? error.message : String(error) });
  }
}

// As in Electron, the entry has run before the app is ready.
setImmediate(() => void start());

async function start(): Promise<void> {
  const { context, endpoint } = await launchChromium(app.getPath('userData'), () => respond);
  useChromium({ context, endpoint });
  app.beforeExit = () => context.close();
  process.on('message', (asked: Asked) => void answer(asked));
  process.send?.({ type: 'ready', endpoint });
  app.start();
}
