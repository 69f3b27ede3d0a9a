/** The desktop app as a process: on the stand-in or on real Electron, with the same handles for stories. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { _electron, chromium } from '@playwright/test';
import type * as Electron from 'electron';
import { pinnedNode } from '../../src-main/shells/node-binary.ts';
import { defaultLibrary } from '../../src-main/shells/default-library.ts';
import { repository } from '../architecture.ts';

/** Runs in the main process, as its text says: an arrow function that sees nothing of what stands around it in the test. */
export type InMain<Result, Arg> = (electron: typeof Electron, arg: Arg) => Result | Promise<Result>;

export interface DesktopApp {
  readonly pid: number;
  /** What went wrong in its pages by itself: exceptions, console errors (the content security policy's too). */
  readonly complaints: string[];
  /** Addresses of everything that its pages have loaded. */
  readonly requests: string[];
  /** The first window's page. */
  page(): Promise<Page>;
  pages(): Page[];
  evaluate<Result, Arg = undefined>(run: InMain<Result, Arg>, arg: Arg): Promise<Result>;
  /** Resolves when the process has ended, with its status; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** As a power cut does. */
  kill(): Promise<void>;
}

export interface DesktopOptions {
  /** Home of the person, so that library and settings are theirs. */
  home: string;
  args?: string[];
  /** Runs before the app's own entry, with dialogs to answer say. */
  before?: InMain<void, undefined>;
  env?: Record<string, string>;
  /** Words before the command that change what its process may do; on the stand-in alone. */
  within?: readonly string[];
  /** Folder of the resources of a packed app, its archive laid out as a folder; the checkout's build where it is left out. */
  resources?: string;
}

/** Path of Electron's binary, where it has been downloaded; null elsewhere. Nothing is downloaded by asking. */
export function electronBinary(): string | null {
  const folder = join(repository, 'node_modules', 'electron');
  const name = join(folder, 'path.txt');
  if (!existsSync(name)) return null;
  const path = join(
    process.env['ELECTRON_OVERRIDE_DIST_PATH'] ?? join(folder, 'dist'),
    readFileSync(name, 'utf8'),
  );
  return existsSync(path) ? path : null;
}

/** The executable of a packed app that the stories run on; null: the checkout's build. See on-electron.ts. */
const packedApp = process.env['GANVAS_TEST_APP'] ?? null;

/** Whether something can run before the app's own entry: a packed app takes no script along. */
export const runsBefore = packedApp === null;

/** What the desktop app runs on in this run of the tests; see on-electron.ts. */
export const runsOn = process.env['GANVAS_TEST_DESKTOP'] === 'electron' ? 'electron' : 'stand-in';

const userData = (home: string) => join(home, 'settings');

/** The file that remembers the app's own things. */
export const settingsFile = (home: string) => join(userData(home), 'desktop.json');
/** Where systems look for a person's home. */
const homeOf = (home: string) => ({
  HOME: home,
  XDG_DATA_HOME: join(home, '.local', 'share'),
  USERPROFILE: home,
  LOCALAPPDATA: join(home, 'AppData', 'Local'),
});
/** The usual library of a person. */
export const libraryOf = (home: string) => defaultLibrary(process.platform, homeOf(home), home);

/** What the app needs of the shell that runs the tests: programs, a screen, a place for temporary files. */
const passedOn = [
  ...['PATH', 'SYSTEMROOT', 'TMPDIR', 'TEMP', 'TMP'],
  ...['DISPLAY', 'XAUTHORITY', 'WAYLAND_DISPLAY', 'XDG_RUNTIME_DIR'],
];

export function startDesktop(options: DesktopOptions): Promise<DesktopApp> {
  mkdirSync(userData(options.home), { recursive: true });
  return runsOn === 'electron' ? onElectron(options) : onStandIn(options);
}

function wordsOf({ home, args = [], before }: DesktopOptions, flag: '-r' | '--import'): [string[], string[]] {
  const early: string[] = [];
  if (before !== undefined) {
    const file = join(home, 'before.cjs');
    writeFileSync(file, `void (${before.toString()})(require('electron'));\n`);
    early.push(flag, file);
  }
  return [early, [`--user-data-dir=${userData(home)}`, ...args]];
}

function environment({ home, env, resources }: DesktopOptions): Record<string, string> {
  const shell = passedOn.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...(Object.fromEntries(shell) as Record<string, string>),
    ...homeOf(home),
    ...(resources === undefined ? {} : { GANVAS_TEST_RESOURCES: resources }),
    ...env,
  };
}

class Watched {
  readonly complaints: string[] = [];
  readonly requests: string[] = [];
  watch(context: BrowserContext): void {
    const watchPage = (page: Page) => {
      page.on('pageerror', (error) => this.complaints.push(error.message));
      page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
      page.on('request', (request) => this.requests.push(request.url()));
    };
    context.on('page', watchPage);
    context.pages().forEach(watchPage);
  }
}

async function onElectron(options: DesktopOptions): Promise<DesktopApp> {
  const executablePath = packedApp ?? electronBinary();
  if (executablePath === null) throw new Error("Electron's binary is not here");
  if (!runsBefore && options.before !== undefined)
    throw new Error('a packed app runs nothing before its own entry');
  const [early, words] = wordsOf(options, '-r');
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const app = await _electron.launch({
    executablePath,
    args: [...sandbox, ...early, ...(packedApp === null ? [repository] : []), ...words],
    env: environment(options),
  });
  const child = app.process();
  const ended = endOf(child);
  const watched = new Watched();
  watched.watch(app.context());
  return {
    pid: child.pid!,
    complaints: watched.complaints,
    requests: watched.requests,
    page: () => app.firstWindow(),
    pages: () => app.windows(),
    evaluate: (run, arg) => app.evaluate(run as never, arg) as never,
    ended,
    kill: () => killed(child, ended),
  };
}

interface Told {
  type: 'ready' | 'answer' | 'relaunch';
  endpoint?: string;
  id?: number;
  result?: unknown;
  error?: string;
}

async function onStandIn(options: DesktopOptions): Promise<DesktopApp> {
  const [early, words] = wordsOf(options, '--import');
  const standIn = join(import.meta.dirname, 'electron', 'register.ts');
  const { resources } = options;
  const root = resources === undefined ? repository : join(resources, 'app.asar');
  const entry = join(root, 'dist', 'main', 'main.js');
  const [command, ...rest] = [...(options.within ?? []), pinnedNode()];
  const child = spawn(command, [...rest, '--import', standIn, ...early, entry, ...words], {
    env: environment(options),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = endOf(child);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const ready = Promise.withResolvers<string | null>();
  child.on('message', ({ type, endpoint, id, result, error }: Told) => {
    if (type === 'ready') ready.resolve(endpoint ?? null);
    if (type !== 'answer' || id === undefined) return;
    if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(error));
  });
  void ended.then(() => {
    ready.resolve(null);
    for (const { reject } of waiting.values()) reject(new Error('the app has ended'));
  });
  const endpoint = await ready.promise;
  let browser: Browser | null = null;
  const watched = new Watched();
  if (endpoint !== null) {
    // Its colours, downloads and focus are those that the app has set.
    browser = await chromium.connectOverCDP(endpoint, { noDefaults: true }).catch(() => null);
    if (browser !== null) watched.watch(browser.contexts()[0]!);
    void ended.then(() => browser?.close());
  }
  const pages = () => browser?.contexts()[0]?.pages() ?? [];
  return {
    pid: child.pid!,
    complaints: watched.complaints,
    requests: watched.requests,
    async page() {
      const [page] = pages();
      return page ?? browser!.contexts()[0]!.waitForEvent('page');
    },
    pages,
    async evaluate<Result, Arg>(run: InMain<Result, Arg>, arg: Arg): Promise<Result> {
      const answer = Promise.withResolvers<unknown>();
      const id = waiting.size;
      waiting.set(id, answer);
      child.send({ id, code: run.toString(), arg });
      return (await answer.promise) as Result;
    },
    ended,
    kill: () => killed(child, ended),
  };
}

const endOf = async (child: ChildProcess): Promise<number | null> => {
  const [status] = (await once(child, 'exit')) as [number | null];
  return status;
};

async function killed(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await ended;
}
