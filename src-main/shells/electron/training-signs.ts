/** What the system shows and does while something trains: progress on the taskbar or dock, no sleep, a word when it has ended. */
import { BrowserWindow, Notification, powerSaveBlocker } from 'electron';
import type { ApiEvent } from '../../../src-shared/api.ts';
import type { Run } from '../../../src-shared/library.ts';

/** Values of Electron's progress bar beside 0 to 1. */
const none = -1;
const withoutEnd = 2;

/** How a run ended, in words, where that is worth telling somebody who looks elsewhere. */
function ended(run: Run): { title: string; body: string } | null {
  switch (run.state) {
    case 'done':
      return {
        title: `${run.name} has been trained`,
        body: `It ended after step ${run.step.toLocaleString('en')}.`,
      };
    case 'failed':
      return { title: `${run.name} has failed`, body: run.reason?.message ?? '' };
    case 'interrupted':
      return { title: `${run.name} was interrupted`, body: run.reason?.message ?? '' };
    default:
      return null;
  }
}

export class TrainingSigns {
  readonly #open: (run: Run) => void;
  #trains: string | null = null;
  #blocker: number | null = null;
  #progress = none;
  /** Kept while they can be clicked: garbage collection would close them. */
  readonly #told = new Set<Notification>();

  /** @param open shows a run, when its notification was clicked */
  constructor(open: (run: Run) => void) {
    this.#open = open;
  }

  /** Hears all that happens. */
  hear(event: ApiEvent): void {
    if (event.type === 'run') this.#hearRun(event.run);
    if (event.type === 'steps' && event.run === this.#trains) {
      const { trainingSeconds, remainingSeconds } = event;
      this.#show(
        remainingSeconds === null
          ? withoutEnd
          : trainingSeconds / Math.max(trainingSeconds + remainingSeconds, Number.EPSILON),
      );
    }
  }

  /** For a window that is new. */
  dress(window: BrowserWindow): void {
    window.setProgressBar(this.#progress);
  }

  #hearRun(run: Run): void {
    if (run.state === 'running') {
      if (this.#trains === run.id) return;
      this.#trains = run.id;
      this.#blocker ??= powerSaveBlocker.start('prevent-app-suspension');
      this.#show(withoutEnd);
    } else if (run.id === this.#trains) {
      this.#trains = null;
      if (this.#blocker !== null) powerSaveBlocker.stop(this.#blocker);
      this.#blocker = null;
      this.#show(none);
      this.#tell(run);
    }
  }

  #show(progress: number): void {
    this.#progress = progress;
    for (const window of BrowserWindow.getAllWindows()) window.setProgressBar(progress);
  }

  #tell(run: Run): void {
    const words = ended(run);
    if (words === null || BrowserWindow.getFocusedWindow() !== null || !Notification.isSupported()) return;
    const notification = new Notification(words);
    this.#told.add(notification);
    const forget = () => this.#told.delete(notification);
    notification.on('close', forget);
    notification.on('click', () => {
      forget();
      this.#open(run);
    });
    notification.show();
  }
}
