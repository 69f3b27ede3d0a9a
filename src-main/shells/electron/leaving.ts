/** Quitting: what trains then is asked about, ends with a checkpoint, and goes on at the next start. */
import { app as electronApp, BrowserWindow, dialog } from 'electron';
import type { Run } from '../../../src-shared/library.ts';
import type { App } from '../../core/app.ts';
import { Ending } from '../ending.ts';
import type { Settings } from './settings.ts';

type State = 'staying' | 'asking' | 'ending' | 'left';

export class Leaving {
  readonly #app: App;
  readonly #settings: Settings;
  #state: State = 'staying';
  #ending: Ending | null = null;

  constructor(app: App, settings: Settings) {
    this.#app = app;
    this.#settings = settings;
    electronApp.on('before-quit', (event) => {
      if (this.#state === 'left') return;
      event.preventDefault();
      void this.#leave(true);
    });
    // The system or a terminal wants it: there is nobody to ask.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => void this.#leave(false));
  }

  /** To be called whenever a run has changed. */
  look(): void {
    this.#ending?.look();
  }

  /** Whether a window may close now; where it may not, the app is asked to quit, with the window still there. */
  mayClose(window: BrowserWindow): boolean {
    const isLast = BrowserWindow.getAllWindows().every((other) => other === window);
    // On a Mac an app without windows goes on.
    if (this.#state === 'left' || !isLast || process.platform === 'darwin' || this.#active().length === 0)
      return true;
    electronApp.quit();
    return false;
  }

  #active(): Run[] {
    return this.#app.runs.list().filter(({ state }) => state === 'running' || state === 'queued');
  }

  async #leave(ask: boolean): Promise<void> {
    if (this.#state === 'asking') return;
    // Asked again while it waits for checkpoints: it ends at once, and the runs go on from the last ones.
    if (this.#state === 'ending') return this.#go();
    const active = this.#active();
    if (ask && active.length > 0) {
      this.#state = 'asking';
      const wanted = await confirmed(active);
      this.#state = 'staying';
      if (!wanted) return;
    }
    this.#state = 'ending';
    // Some may have ended while the question stood there.
    this.#settings.change({ resume: this.#active().map(({ id }) => id) });
    this.#ending = new Ending(this.#app);
    this.#ending.look();
    await this.#ending.done;
    this.#go();
  }

  #go(): void {
    if (this.#state === 'left') return;
    this.#state = 'left';
    this.#app.close();
    electronApp.quit();
  }
}

async function confirmed(active: readonly Run[]): Promise<boolean> {
  const [first] = active as [Run];
  const names = active.length === 1 ? `“${first.name}”` : `“${first.name}” and ${active.length - 1} more`;
  const options = {
    type: 'question',
    message: `${names} is still training.`,
    detail: 'Ganvas can end it with a checkpoint now, and go on exactly there the next time it is started.',
    buttons: ['Quit and Go On Next Time', 'Keep Training'],
    defaultId: 0,
    cancelId: 1,
  } as const;
  const [window] = BrowserWindow.getAllWindows();
  const question = { ...options, buttons: [...options.buttons] };
  const { response } = await (window === undefined
    ? dialog.showMessageBox(question)
    : dialog.showMessageBox(window, question));
  return response === 0;
}

/** Goes on with the runs that the app was quit in. Where that cannot be, the run says so itself: it is paused. */
export async function goOn(app: App, settings: Settings): Promise<void> {
  const { resume } = settings.content;
  if (resume.length === 0) return;
  settings.change({ resume: [] });
  for (const id of resume) await app.runs.resume(id, null).catch(() => undefined);
}
