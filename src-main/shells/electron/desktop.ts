/** The open app: its library, its windows, and what joins them. */
import { app as electronApp, BrowserWindow, dialog, shell } from 'electron';
import type { ApiEvent, Wish } from '../../../src-shared/api.ts';
import { api } from '../../../src-shared/api.ts';
import { toErrorData } from '../../../src-shared/errors.ts';
import type { CallContext } from '../../../src-shared/rpc.ts';
import type { App } from '../../core/app.ts';
import { Pages } from '../pages.ts';
import { acceptConnections } from './connections.ts';
import { readExperiment } from './experiment-files.ts';
import { goOn, Leaving } from './leaving.ts';
import { ApplicationMenu } from './menu.ts';
import { chooseLibrary } from './open-library.ts';
import { RecentExperiments } from './recent-experiments.ts';
import type { Settings } from './settings.ts';
import { TrainingSigns } from './training-signs.ts';
import type { Updater } from './updates.ts';
import { Updates } from './updates.ts';
import { windowHandlers } from './window-handlers.ts';
import { WindowTalk } from './window-talk.ts';
import { openWindow, showWindow } from './window.ts';

/** For calls that no page makes. */
const { signal } = new AbortController();
const alone: CallContext = { onProgress: () => undefined, signal, connection: signal };

export class Desktop {
  readonly #app: App;
  readonly #settings: Settings;
  readonly #pages = new Pages();
  readonly #talk = new WindowTalk();
  readonly #menu = new ApplicationMenu();
  readonly #leaving: Leaving;
  #updates: Updates | null = null;
  readonly #recent: RecentExperiments;
  readonly #signs = new TrainingSigns(({ experiment, id }) =>
    this.ask({ place: 'Train', experiment, run: id }),
  );

  constructor(app: App, settings: Settings) {
    this.#app = app;
    this.#settings = settings;
    this.#leaving = new Leaving(app, settings);
    this.#recent = new RecentExperiments(app.experiments.list());
    acceptConnections((port, window) => {
      const tell = this.#pages.connect(port, api, windowHandlers(app, window, settings));
      this.#talk.connected(window, tell);
    });
    this.#showMenu();
  }

  /** Hears all that happens in the library. */
  hear(event: ApiEvent): void {
    this.#pages.broadcast(event);
    this.#signs.hear(event);
    if (event.type === 'run') this.#leaving.look();
    if (this.#recent.hear(event)) this.#showMenu();
  }

  /** Trains on what trained when the app was quit. */
  goOn(): Promise<void> {
    return goOn(this.#app, this.#settings);
  }

  /** Looks for new versions, now and when a person asks. */
  async update(open: () => Promise<Updater>): Promise<void> {
    this.#updates = new Updates(open, {
      changed: () => this.#showMenu(),
      tell: (message, detail) => dialog.showMessageBox(this.show(), { message, detail }),
      quit: () => electronApp.quit(),
    });
    await this.#updates.look();
  }

  openWindow(): BrowserWindow {
    const window = openWindow(this.#settings);
    this.#signs.dress(window);
    window.on('close', (event) => {
      if (!this.#leaving.mayClose(window)) event.preventDefault();
    });
    return window;
  }

  /** Brings a window to the front; opens one where there is none. */
  show(): BrowserWindow {
    const window = BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0] ?? this.openWindow();
    showWindow(window);
    return window;
  }

  /** Asks the page in front. */
  ask(wish: Wish): void {
    this.#talk.ask(this.show(), wish);
  }

  /** New experiments from files, open in the window in front; what goes wrong is said in boxes of the system, one after the other. */
  async openExperiments(paths: readonly string[]): Promise<void> {
    for (const path of paths) await this.#openExperiment(path);
  }

  async #openExperiment(path: string): Promise<void> {
    try {
      const { id } = await this.#app.handlers['experiments.create'](await readExperiment(path), alone);
      electronApp.addRecentDocument(path);
      this.ask({ place: 'Design', experiment: id });
    } catch (error) {
      const { message } = toErrorData(error);
      await dialog.showMessageBox(this.show(), {
        type: 'error',
        message: 'The experiment could not be opened.',
        detail: message,
      });
    }
  }

  #showMenu(): void {
    this.#menu.show({
      platform: process.platform,
      recent: this.#recent.list,
      ask: (wish) => this.ask(wish),
      newWindow: () => this.openWindow(),
      chooseLibrary: () => void this.#changeLibrary(),
      // Never opened: on a Mac a folder may be a program.
      showLibrary: () => shell.showItemInFolder(this.#app.libraryDir),
      updates: this.#updates?.entry ?? null,
    });
  }

  async #changeLibrary(): Promise<void> {
    if (!(await chooseLibrary(this.#settings))) return;
    electronApp.relaunch();
    electronApp.quit();
  }
}
