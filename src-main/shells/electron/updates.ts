/** New versions of the packaged app, from the releases of its project: found at the start, fetched when asked for, put in place at quitting. */

/** What this needs of electron-updater. */
export interface Updater {
  autoDownload: boolean;
  autoInstallOnAppQuit: boolean;
  logger: object | null;
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** Null where this copy of the app cannot replace itself. */
  checkForUpdates(): Promise<{ isUpdateAvailable: boolean; updateInfo: { version: string } } | null>;
  downloadUpdate(): Promise<unknown>;
}

/** How a person is told, and what changes for them. */
export interface UpdateTalk {
  /** The menu entry is another now. */
  changed: () => void;
  /** What they asked for has come to this. */
  tell: (message: string, detail: string) => unknown;
  /** Ends the app as a person does, which asks about what trains. */
  quit: () => void;
}

/** The entry of the menu. */
export interface UpdateEntry {
  label: string;
  enabled: boolean;
  click: () => void;
}

type State =
  | { is: 'unknown' | 'checking' | 'newest' | 'fixed' }
  | { is: 'found' | 'loading' | 'ready'; version: string }
  | { is: 'failed'; why: string };

/** Where new versions are found by hand. */
const byHand = 'New versions are where this one came from.';

function label(state: State): string {
  switch (state.is) {
    case 'checking':
      return 'Looking for Updates…';
    case 'found':
      return `Download Version ${state.version}`;
    case 'loading':
      return `Downloading Version ${state.version}…`;
    case 'ready':
      return `Quit and Install Version ${state.version}`;
    case 'failed':
      return 'Updates Failed: Try Again…';
    default:
      return 'Check for Updates…';
  }
}

/** Errors of electron-updater bring whole answers of servers along. */
const firstLine = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!;

export class Updates {
  readonly #open: () => Promise<Updater>;
  readonly #talk: UpdateTalk;
  #updater: Updater | null = null;
  #state: State = { is: 'unknown' };

  /** @param open gives the updater when it is first needed; that it cannot is told like any other failure */
  constructor(open: () => Promise<Updater>, talk: UpdateTalk) {
    this.#open = open;
    this.#talk = talk;
  }

  get entry(): UpdateEntry {
    const { is } = this.#state;
    return {
      label: label(this.#state),
      enabled: is !== 'checking' && is !== 'loading',
      click: () => void this.goOn(),
    };
  }

  /** Looks whether there is a new version; the menu entry says what came of it, also that it failed. */
  async look(): Promise<void> {
    this.#become({ is: 'checking' });
    try {
      const found = await (await this.#opened()).checkForUpdates();
      if (found === null) this.#become({ is: 'fixed' });
      else if (found.isUpdateAvailable) this.#become({ is: 'found', version: found.updateInfo.version });
      else this.#become({ is: 'newest' });
    } catch (error) {
      this.#become({ is: 'failed', why: firstLine(error) });
    }
  }

  /** What a person wants who chooses the menu entry: the next step, and a word about how it went. */
  async goOn(): Promise<void> {
    if (this.#state.is === 'checking' || this.#state.is === 'loading') return;
    if (this.#state.is === 'ready') {
      this.#talk.quit();
      return;
    }
    if (this.#state.is === 'found') await this.#load(this.#state.version);
    else await this.look();
    this.#tell();
  }

  async #load(version: string): Promise<void> {
    this.#become({ is: 'loading', version });
    try {
      await (await this.#opened()).downloadUpdate();
      this.#become({ is: 'ready', version });
    } catch (error) {
      this.#become({ is: 'failed', why: firstLine(error) });
    }
  }

  async #opened(): Promise<Updater> {
    if (this.#updater !== null) return this.#updater;
    const updater = await this.#open();
    updater.autoDownload = false;
    updater.autoInstallOnAppQuit = true;
    updater.logger = null;
    // What goes wrong later than a call, while Ganvas quits for instance.
    updater.on('error', (error) => this.#become({ is: 'failed', why: firstLine(error) }));
    this.#updater = updater;
    return updater;
  }

  #become(state: State): void {
    this.#state = state;
    this.#talk.changed();
  }

  #tell(): void {
    const state = this.#state;
    switch (state.is) {
      case 'newest':
        return void this.#talk.tell('This is the newest version of Ganvas.', '');
      case 'fixed':
        return void this.#talk.tell('This copy of Ganvas does not replace itself.', byHand);
      case 'found':
        return void this.#talk.tell(
          `Version ${state.version} of Ganvas is there.`,
          'The Help menu downloads it; it takes the place of this one when you quit.',
        );
      case 'ready':
        return void this.#talk.tell(
          `Version ${state.version} has been downloaded.`,
          'It takes the place of this one when you quit Ganvas. What trains then ends with a checkpoint and goes on at the next start.',
        );
      case 'failed':
        return void this.#talk.tell(
          'Looking for a new version of Ganvas has failed.',
          `${state.why}\n\nNothing has been changed. ${byHand}`,
        );
      default:
    }
  }
}

/** The updater of a packaged app. */
export async function packagedUpdater(): Promise<Updater> {
  const { default: electronUpdater } = await import('electron-updater');
  return electronUpdater.autoUpdater;
}
