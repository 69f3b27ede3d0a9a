/** Where people know runs alone, as on the command line: a run is renamed and deleted together with an experiment that has no other. */
import type { Experiment, Run } from '../../src-shared/library.ts';
import type { Store } from '../store/open-store.ts';
import type { Experiments } from './experiments.ts';
import type { Runs } from './runs.ts';

export interface RunAndExperiment {
  /**
   * @returns the experiment under its new name; null when it has other runs, and keeps its own
   * @throws AppError `run.missing`, `run.no-name`
   */
  rename(id: string, name: string): { run: Run; experiment: Experiment | null };
  /**
   * Marks them as deleted.
   * @returns the experiment that went along; null when it has other runs
   * @throws AppError `run.missing`, `run.active`
   */
  delete(id: string): Experiment | null;
}

export function createRunAndExperiment(store: Store, experiments: Experiments, runs: Runs): RunAndExperiment {
  /** The run's experiment, where it has no other runs. */
  const ownExperiment = (id: string): Experiment | null => {
    const { experiment } = store.runs.get(id);
    const others = store.runs.list({ experiment }).filter((run) => run.id !== id && run.deletedAt === null);
    return others.length === 0 ? store.experiments.get(experiment) : null;
  };

  return {
    rename(id, name) {
      const own = ownExperiment(id);
      const run = runs.rename(id, name);
      if (own === null) return { run, experiment: null };
      experiments.rename(own.id, run.name);
      return { run, experiment: store.experiments.get(own.id) };
    },
    delete(id) {
      const own = ownExperiment(id);
      runs.delete(id);
      if (own !== null) experiments.delete(own.id);
      return own;
    },
  };
}
