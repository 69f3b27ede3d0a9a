/** The whole application as a person meets it: `ganvas serve` as a process, with a real core and trainer, and a page in a real Chromium. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { chromium } from '@playwright/test';
import { findChromium } from '../renderer/page.ts';
import { command } from '../shells/command.ts';

export { findChromium };

/** A library that is served. */
export class ServedLibrary {
  /** Folder of the test, with the library and the folder of images that may be browsed. */
  readonly folder = mkdtempSync(join(tmpdir(), 'ganvas-story-'));
  readonly pictures = join(this.folder, 'pictures');
  #process: ChildProcess | null = null;
  #port = 0;

  constructor() {
    mkdirSync(this.pictures);
  }

  /** Starts the server; again on the same port. @returns the address that it prints: it lets one browser in */
  async start(): Promise<string> {
    const [node = '', ...before] = command;
    const words = [
      'serve',
      '--json',
      '--port',
      String(this.#port),
      '--library',
      join(this.folder, 'library'),
    ];
    const child = spawn(node, [...before, ...words, '--data-root', this.pictures], {
      env: { PATH: process.env['PATH'], HOME: this.folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    for await (const line of createInterface(child.stdout)) {
      const { type, address } = JSON.parse(line) as { type: string; address?: string };
      if (type !== 'serving' || address === undefined) continue;
      this.#port = Number(new URL(address).port);
      child.stdout.resume();
      return address;
    }
    throw new Error('the server ended without an address');
  }

  /** Of the server's process. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('the server does not run');
    return pid;
  }

  /** @param signal SIGINT ends it as Ctrl-C does, SIGKILL as a power cut */
  async stop(signal: 'SIGINT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.folder, { recursive: true });
  }
}

export async function launchBrowser(): Promise<Browser> {
  // Chromium's own sandbox refuses to run as root, as in a container.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: findChromium()!, args });
}

/** A browser of its own at an address, with a page in it. */
export interface Visit {
  context: BrowserContext;
  page: Page;
  /** What went wrong in its pages by itself: exceptions, console errors (the content security policy's too). */
  complaints: string[];
  /** Addresses of everything that its pages have loaded. */
  requests: string[];
  /** Another tab of the same browser. */
  tab: (address: string) => Promise<Page>;
}

export async function visit(browser: Browser, address: string): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
  });
  const complaints: string[] = [];
  const requests: string[] = [];
  const tab = async (to: string) => {
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(to);
    return page;
  };
  return { context, page: await tab(address), complaints, requests, tab };
}

/** Presses Tab until a control with such a name has the focus. */
export async function tabTo(
  page: Page,
  role: 'button' | 'link' | 'spinbutton' | 'combobox',
  name: string | RegExp,
): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true });
  await wanted.first().waitFor();
  for (let pressed = 0; pressed < 120; pressed += 1) {
    await page.keyboard.press('Tab');
    if (await wanted.evaluateAll((found) => found.some((element) => element === document.activeElement)))
      return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}

/**
 * Drops files and folders of the disk on the page, as a file browser does. They are let go over something else than they were last dragged over,
 * as when the page moves just then.
 */
export async function drop(page: Page, paths: string | readonly string[]): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const data = { items: [], files: [paths].flat(), dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver'] as const)
    await devtools.send('Input.dispatchDragEvent', { type, x: 700, y: 500, data });
  await devtools.send('Input.dispatchDragEvent', { type: 'drop', x: 20, y: 20, data });
}
