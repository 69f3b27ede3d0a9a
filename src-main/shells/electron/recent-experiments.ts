import type { ApiEvent } from '../../../src-shared/api.ts';
import type { Experiment } from '../../../src-shared/library.ts';

const shown = 10;

/** The experiments that were changed last, kept up to date by what happens. */
export class RecentExperiments {
  readonly #all: Map<string, Experiment>;

  constructor(experiments: readonly Experiment[]) {
    this.#all = new Map(experiments.map((experiment) => [experiment.id, experiment]));
  }

  /** @returns whether the list may be another one now */
  hear(event: ApiEvent): boolean {
    if (event.type === 'experiment') this.#all.set(event.experiment.id, event.experiment);
    else if (event.type === 'purged') for (const id of event.experiments) this.#all.delete(id);
    else return false;
    return true;
  }

  /** The last changed first. */
  get list(): { id: string; name: string }[] {
    return [...this.#all.values()]
      .filter(({ deletedAt }) => deletedAt === null)
      .sort((a, b) => b.updatedAt - a.updatedAt)
      .slice(0, shown)
      .map(({ id, name }) => ({ id, name }));
  }
}
