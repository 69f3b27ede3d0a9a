/** Windows: pages of a real Chromium. */
import { EventEmitter } from 'node:events';
import type { CDPSession, Page } from '@playwright/test';
import { app, Preventable } from './app.ts';
import type { Chromium } from './chromium.ts';
import { chromiumUrl, electronUrl } from './chromium.ts';
import { saveDownload } from './download.ts';
import type { MessagePortMain } from './ports.ts';
import { Renderer } from './renderer.ts';
import { session } from './session.ts';

let chromium: Chromium | null = null;
/** The page that Chromium starts with, for the first window. */
let spare: Page | null = null;
let colours: 'light' | 'dark' | null = null;

export function useChromium(started: Chromium): void {
  chromium = started;
  spare = started.context.pages()[0] ?? null;
}

class WebFrameMain {
  readonly #contents: WebContents;
  readonly parent = null;

  constructor(contents: WebContents) {
    this.#contents = contents;
  }
  get url(): string {
    return this.#contents.getURL();
  }
  isDestroyed(): boolean {
    return this.#contents.isDestroyed();
  }
  postMessage(channel: string, message: unknown, transfer: MessagePortMain[] = []): void {
    this.#contents.renderer?.post(channel, message, transfer);
  }
}

interface Opening {
  url: string;
  frameName: string;
  disposition: string;
}
type OpenHandler = (opening: Opening) => { action: 'allow' | 'deny' };

export class WebContents extends EventEmitter {
  readonly session = session.defaultSession;
  readonly mainFrame: WebFrameMain;
  readonly #preload: string;
  #url = '';
  #destroyed = false;
  /** Address that the main process itself wants; no page has asked for it. */
  #loading: string | null = null;
  #openHandler: OpenHandler = () => ({ action: 'allow' });
  #devtools: CDPSession | null = null;
  #crashed = false;
  renderer: Renderer | null = null;
  page: Promise<Page>;

  constructor(preload: string) {
    super();
    this.#preload = preload;
    this.mainFrame = new WebFrameMain(this);
    this.page = this.#open();
  }

  getURL(): string {
    return this.#url;
  }
  isDestroyed(): boolean {
    return this.#destroyed;
  }
  setWindowOpenHandler(handler: OpenHandler): void {
    this.#openHandler = handler;
  }
  async loadURL(url: string): Promise<void> {
    const page = await this.page;
    await this.session.grant(page.context(), url);
    this.#loading = url;
    await page.goto(chromiumUrl(url));
  }
  async reload(): Promise<void> {
    const page = await this.page;
    if (!this.#crashed) {
      await page.reload();
      return;
    }
    // Chromium's tool for tests has given up on such a page; Electron has a new process for the same one.
    this.#crashed = false;
    this.page = this.#open();
    await this.loadURL(this.#url);
    await page.close();
  }
  async executeJavaScript(code: string): Promise<unknown> {
    return (await this.page).evaluate(code);
  }
  forcefullyCrashRenderer(): void {
    // Never answered.
    void this.#devtools?.send('Page.crash').catch(() => undefined);
  }
  destroy(): void {
    this.#destroyed = true;
    this.renderer?.end();
    this.emit('destroyed');
    void this.page.then((page) => page.close()).catch(() => undefined);
  }

  async #open(): Promise<Page> {
    if (chromium === null) throw new Error('a window was made before the app was ready');
    const page = spare ?? (await chromium.context.newPage());
    spare = null;
    await page.emulateMedia({ colorScheme: colours });
    const devtools = await page.context().newCDPSession(page);
    this.#devtools = devtools;
    this.renderer?.end();
    this.renderer = new Renderer({
      devtools,
      preload: this.#preload,
      from: () => ({ sender: this, senderFrame: this.mainFrame }),
      url: () => this.#url,
    });
    await this.renderer.attach();
    const { frameTree } = await devtools.send('Page.getFrameTree');
    devtools.on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId === undefined) this.#url = electronUrl(frame.url);
    });
    page.on('domcontentloaded', () => this.emit('dom-ready'));
    page.on('close', async () => {
      if (!this.#destroyed && page === (await this.page)) this.emit('page-closed');
    });
    page.on('download', (download) => void saveDownload(download, this));
    page.on('crash', () => {
      this.#crashed = true;
      this.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 1 });
    });
    // Chromium does not wait for an answer: a window that may not be opened is closed at once.
    const answers: boolean[] = [];
    devtools.on('Page.windowOpen', ({ url, windowName }) => {
      const opening = { url: electronUrl(url), frameName: windowName, disposition: 'new-window' };
      answers.push(this.#openHandler(opening).action === 'allow');
    });
    page.on('popup', (popup) => {
      if (answers.shift() !== true) void popup.close();
    });
    await this.#guardNavigation(devtools, frameTree.frame.id);
    return page;
  }

  async #guardNavigation(devtools: CDPSession, mainFrame: string): Promise<void> {
    devtools.on('Fetch.requestPaused', (paused) => {
      const { requestId, request, frameId, resourceType, redirectedRequestId } = paused;
      const url = electronUrl(request.url);
      const deny = () => devtools.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' });
      const allow = () => devtools.send('Fetch.continueRequest', { requestId });
      const isMain = frameId === mainFrame;
      let denied = !session.defaultSession.allows(url);
      if (resourceType === 'Document' && !(isMain && url === this.#loading)) {
        const event = Object.assign(new Preventable(), { url, isMainFrame: isMain, isSameDocument: false });
        const redirected = redirectedRequestId !== undefined;
        this.emit(redirected ? 'will-redirect' : 'will-frame-navigate', event);
        if (isMain && !redirected) this.emit('will-navigate', event);
        denied ||= event.defaultPrevented;
      }
      if (isMain) this.#loading = null;
      (denied ? deny() : allow()).catch(() => undefined);
    });
    // Documents, and all that is not the page's own: the rest is not held up.
    const foreign = ['https://*', 'http://127.*', 'http://localhost*', 'file:*'];
    await devtools.send('Fetch.enable', {
      patterns: [
        { urlPattern: '*', resourceType: 'Document' },
        ...foreign.map((urlPattern) => ({ urlPattern })),
      ],
    });
  }
}

interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}
interface WindowOptions extends Partial<Rectangle> {
  show?: boolean;
  backgroundColor?: string;
  webPreferences?: { preload?: string };
}

export class BrowserWindow extends EventEmitter {
  static readonly #all: BrowserWindow[] = [];
  static #focused: BrowserWindow | null = null;
  readonly webContents: WebContents;
  #bounds: Rectangle;
  #background: string;
  #visible: boolean;
  #maximized = false;
  #minimized = false;
  #fullScreen = false;
  #destroyed = false;

  static getAllWindows(): BrowserWindow[] {
    return [...BrowserWindow.#all];
  }
  static getFocusedWindow(): BrowserWindow | null {
    return BrowserWindow.#focused;
  }
  static fromWebContents(contents: WebContents): BrowserWindow | null {
    return BrowserWindow.#all.find((window) => window.webContents === contents) ?? null;
  }
  /** Another app is in front. */
  static blurAll(): void {
    BrowserWindow.#focused = null;
  }

  constructor({ x = 0, y = 0, width = 800, height = 600, ...options }: WindowOptions) {
    super();
    this.#bounds = { x, y, width, height };
    this.#background = options.backgroundColor ?? '#FFFFFF';
    this.#visible = options.show !== false;
    this.webContents = new WebContents(options.webPreferences?.preload ?? '');
    BrowserWindow.#all.push(this);
    this.webContents.once('dom-ready', () => this.emit('ready-to-show'));
    this.webContents.on('page-closed', () => this.close());
    app.emit('web-contents-created', {}, this.webContents);
    app.emit('browser-window-created', {}, this);
  }

  loadURL(url: string): Promise<void> {
    return this.webContents.loadURL(url).catch((error: unknown) => {
      if (!this.#destroyed) throw error;
    });
  }
  show(): void {
    this.#visible = true;
    this.focus();
  }
  focus(): void {
    BrowserWindow.#focused = this;
    this.emit('focus');
  }
  isFocused(): boolean {
    return BrowserWindow.#focused === this;
  }
  isVisible(): boolean {
    return this.#visible;
  }
  getBackgroundColor(): string {
    return this.#background.toUpperCase();
  }
  setBackgroundColor(color: string): void {
    this.#background = color;
  }
  getBounds(): Rectangle {
    return { ...this.#bounds };
  }
  setBounds(bounds: Partial<Rectangle>): void {
    this.#bounds = { ...this.#bounds, ...bounds };
  }
  getNormalBounds(): Rectangle {
    return { ...this.#bounds };
  }
  maximize(): void {
    this.#maximized = true;
  }
  isMaximized(): boolean {
    return this.#maximized;
  }
  minimize(): void {
    this.#minimized = true;
    if (BrowserWindow.#focused === this) BrowserWindow.#focused = null;
  }
  restore(): void {
    this.#minimized = false;
  }
  isMinimized(): boolean {
    return this.#minimized;
  }
  setFullScreen(flag: boolean): void {
    this.#fullScreen = flag;
  }
  isFullScreen(): boolean {
    return this.#fullScreen;
  }
  setProgressBar(progress: number): void {
    if (typeof progress !== 'number') throw new TypeError('setProgressBar takes a number');
  }
  reload(): void {
    void this.webContents.reload();
  }
  isDestroyed(): boolean {
    return this.#destroyed;
  }
  close(): void {
    if (this.#destroyed) return;
    const event = new Preventable();
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    BrowserWindow.#all.splice(BrowserWindow.#all.indexOf(this), 1);
    if (BrowserWindow.#focused === this) BrowserWindow.#focused = null;
    this.webContents.destroy();
    this.emit('closed');
    if (BrowserWindow.#all.length === 0 && !app.isQuitting) {
      if (app.listenerCount('window-all-closed') === 0) app.quit();
      else app.emit('window-all-closed');
    }
  }
}

app.windows = () => BrowserWindow.getAllWindows();

/** What the system says; the stand-in's own is light. */
export const nativeTheme = new (class extends EventEmitter {
  #source: 'system' | 'light' | 'dark' = 'system';
  get themeSource(): 'system' | 'light' | 'dark' {
    return this.#source;
  }
  set themeSource(source: 'system' | 'light' | 'dark') {
    this.#source = source;
    colours = this.shouldUseDarkColors ? 'dark' : 'light';
    for (const { webContents } of BrowserWindow.getAllWindows())
      void webContents.page.then((page) => page.emulateMedia({ colorScheme: colours }));
    this.emit('updated');
  }
  get shouldUseDarkColors(): boolean {
    return this.#source === 'dark';
  }
})();
