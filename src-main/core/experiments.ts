/** What people work on. Every change is told to all windows, as it then is in the library. */
import type { ApiEvent } from '../../src-shared/api.ts';
import { startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import type { Experiment, ExperimentDraft, OpenExperiment } from '../../src-shared/library.ts';
import { namedAfter, unnamed } from '../../src-shared/library.ts';
import type { Store } from '../store/open-store.ts';
import { requireExperiment } from './deleted.ts';
import type { Intake } from './intake.ts';

/** Everything throws AppError `experiment.missing`; what changes one, `experiment.deleted`. */
export interface Experiments {
  list(): Experiment[];
  get(id: string): OpenExperiment;
  /** @throws AppError `dataset.not-allowed` */
  create(name: string, draft: ExperimentDraft): Promise<OpenExperiment>;
  /** The first images name an experiment that nobody has named. @throws AppError `experiment.changed`, `dataset.not-allowed` */
  save(id: string, revision: number, changes: Partial<ExperimentDraft>): Promise<OpenExperiment>;
  rename(id: string, name: string): void;
  tag(id: string, tags: string[]): void;
  /** A new experiment with the same content, or with that of one of its runs. @throws AppError `run.missing` */
  duplicate(id: string, run: string | null, name: string): OpenExperiment;
  /** Deletes it with its runs, until it is restored. @throws AppError `run.active` */
  delete(id: string): void;
  /** Brings it back with the runs that were deleted with it. */
  restore(id: string): void;
}

export function createExperiments(
  store: Store,
  intake: Intake,
  broadcast: (event: ApiEvent) => void,
): Experiments {
  const { experiments, runs } = store;
  const tell = (id: string) => broadcast({ type: 'experiment', experiment: experiments.get(id) });
  const made = (experiment: OpenExperiment) => {
    tell(experiment.id);
    return experiment;
  };
  const setDeleted = (id: string, at: number | null) => {
    const along = experiments.setDeleted(id, at);
    tell(id);
    for (const run of along) broadcast({ type: 'run', run: runs.get(run) });
  };
  const requireSource = async ({ source }: Partial<ExperimentDraft>) => {
    if (source !== undefined && source !== null) await intake.require(source);
  };

  return {
    list: () => experiments.list(),
    get: (id) => experiments.open(id),
    async create(name, draft) {
      await requireSource(draft);
      return made(experiments.create({ name, ...draft }));
    },
    async save(id, revision, changes) {
      await requireSource(changes);
      const before = experiments.get(id);
      requireExperiment(before);
      const { source } = changes;
      const saved = store.transaction(() => {
        const { name } = experiments.save(id, revision, changes);
        if (name === unnamed && typeof source === 'string')
          experiments.rename(id, namedAfter(intake.sourceName(source)));
        return experiments.open(id);
      });
      tell(id);
      if (before.source !== null && before.source !== saved.source) void intake.release(before.source);
      return saved;
    },
    rename(id, name) {
      requireExperiment(experiments.get(id));
      experiments.rename(id, name);
      tell(id);
    },
    tag(id, tags) {
      requireExperiment(experiments.get(id));
      experiments.tag(id, tags);
      tell(id);
    },
    duplicate(id, run, name) {
      const original = experiments.open(id);
      if (run === null) return made(experiments.create({ ...original, name }));
      const { design, hyperparameters, measuring, limits, engineWanted, dataset } = runs.get(run);
      const { settings, source } = dataset;
      return made(
        experiments.create({
          name,
          tags: original.tags,
          history: packHistory(startHistory(design)),
          hyperparameters,
          measuring,
          limits,
          engine: engineWanted,
          imageSettings: settings,
          source,
        }),
      );
    },
    delete: (id) => setDeleted(id, Date.now()),
    restore: (id) => setDeleted(id, null),
  };
}
