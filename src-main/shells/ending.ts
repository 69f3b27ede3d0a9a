import type { App } from '../core/app.ts';

/** Ends all that trains, with checkpoints; resolves when nothing does any more. */
export class Ending {
  readonly #app: App;
  readonly #done = Promise.withResolvers<null>();
  readonly #asked = new Set<string>();

  constructor(app: App) {
    this.#app = app;
  }

  /** To be called at once, and whenever a run has changed. @returns how many runs it waits for */
  look(): number {
    const active = this.#app.runs.list().filter(({ state }) => state === 'running' || state === 'queued');
    for (const { id } of active.filter((run) => !this.#asked.has(run.id))) {
      // Before it is asked, since the answer may come at once.
      this.#asked.add(id);
      this.#app.runs.interrupt(id, 'paused');
    }
    if (active.length === 0) this.#done.resolve(null);
    return active.length;
  }

  get done(): Promise<null> {
    return this.#done.promise;
  }
}
