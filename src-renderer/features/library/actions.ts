/** What can be done with experiments and runs in the library. What goes wrong is said in a notice. */
import type { Experiment, Run } from '../../../src-shared/library.ts';
import type { Studio } from '../../state/studio.svelte.ts';

/** Longest name that the core takes. */
export const longestName = 200;

export interface LibraryActions {
  /** An experiment in the place where it stands: Design before its first run, Train after it. */
  openExperiment(experiment: Experiment): void;
  openRun(run: Run): void;
  renameExperiment(experiment: Experiment, name: string): Promise<void>;
  renameRun(run: Run, name: string): Promise<void>;
  tag(experiment: Experiment, tags: string[]): Promise<void>;
  /** A new experiment with the same content, or with the settings of one of its runs. */
  duplicate(experiment: Experiment, run: Run | null): Promise<void>;
  deleteExperiment(experiment: Experiment): Promise<void>;
  deleteRun(run: Run): Promise<void>;
  restoreExperiment(experiment: Experiment): Promise<void>;
  restoreRun(run: Run): Promise<void>;
}

export function libraryActions(studio: Studio): LibraryActions {
  const { api, library, notices } = studio;
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      notices.fail(error);
    }
  };
  const restoreExperiment = ({ id, name }: Experiment) =>
    attempt(async () => {
      await api.call('experiments.restore', { id });
      notices.say(`"${name}" is back.`);
    });
  const restoreRun = ({ id, number }: Run) =>
    attempt(async () => {
      await api.call('runs.restore', { id });
      notices.say(`Run ${number} is back.`);
    });

  return {
    openExperiment: ({ id }) =>
      studio.go({ place: library.runsOf(id).length > 0 ? 'Train' : 'Design', experiment: id }),
    openRun: ({ id, experiment }) => studio.go({ place: 'Train', experiment, run: id }),
    renameExperiment: ({ id, name: before }, name) =>
      attempt(async () => {
        if (name !== before) await api.call('experiments.rename', { id, name });
      }),
    renameRun: ({ id, name: before }, name) =>
      attempt(async () => {
        if (name !== before) await api.call('runs.rename', { id, name });
      }),
    tag: ({ id }, tags) =>
      attempt(async () => {
        await api.call('experiments.tag', { id, tags });
      }),
    duplicate: ({ id, name }, run) =>
      attempt(async () => {
        const ending = run === null ? ', copy' : `, from run ${run.number}`;
        const copied = `${name.slice(0, longestName - ending.length)}${ending}`;
        const made = await api.call('experiments.duplicate', { id, run: run?.id ?? null, name: copied });
        const open = () => studio.go({ place: 'Design', experiment: made.id });
        notices.say(`"${copied}" is a new experiment.`, { label: 'Open it', act: open });
      }),
    deleteExperiment: (experiment) =>
      attempt(async () => {
        await api.call('experiments.delete', { id: experiment.id });
        if (studio.experiment?.id === experiment.id) studio.go({ experiment: null });
        notices.say(`"${experiment.name}" was deleted.`, {
          label: 'Undo',
          act: () => void restoreExperiment(experiment),
        });
      }),
    deleteRun: (run) =>
      attempt(async () => {
        await api.call('runs.delete', { id: run.id });
        notices.say(`Run ${run.number} was deleted.`, { label: 'Undo', act: () => void restoreRun(run) });
      }),
    restoreExperiment,
    restoreRun,
  };
}
