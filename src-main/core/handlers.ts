/** The contract's methods, each in terms of what the application can do. */
import type { ApiHandlers } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { RunDetails } from '../../src-shared/library.ts';
import type { Store } from '../store/open-store.ts';
import type { Datasets } from './datasets.ts';
import type { Experiments } from './experiments.ts';
import type { Exports } from './exports.ts';
import { withoutPath } from './exports.ts';
import type { Explorers } from './explorers.ts';
import type { Intake } from './intake.ts';
import type { Measurements } from './measurements.ts';
import { measuringSeed } from '../../src-shared/measures.ts';
import type { Runs } from './runs.ts';
import type { System } from './system.ts';
import type { Trials } from './trials.ts';

export interface HandlerParts {
  store: Store;
  system: System;
  datasets: Datasets;
  experiments: Experiments;
  runs: Runs;
  exports: Exports;
  intake: Intake;
  explorers: Explorers;
  measurements: Measurements;
  trials: Trials;
  /** Deletes for good what was deleted. */
  purge: () => void;
  /** Shows a file or folder in the system's file browser; null where there is none. */
  reveal: ((path: string) => void) | null;
}

export function createHandlers({
  store,
  system,
  datasets,
  experiments,
  runs,
  exports,
  intake,
  explorers,
  measurements,
  trials,
  purge,
  reveal,
}: HandlerParts): ApiHandlers {
  /** For methods that give nothing. */
  const after = (_: unknown) => null;
  /** For what a shell with windows of its own does itself. */
  const notHere = () => {
    throw new AppError('shell.not-here', 'Only the desktop app can do this.');
  };
  return {
    ...intake.handlers,
    ...explorers.handlers,

    'system.info': () => system.info(),
    'system.engines': (_, { signal }) => system.engines(signal),
    'system.stepTime': (asked, { signal }) => trials.measure(asked, signal),
    'system.resources': () => system.resources(),
    'system.purge': () => {
      purge();
      return system.resources();
    },
    'system.setTheme': notHere,

    'datasets.list': () => datasets.list(),
    'datasets.choose': notHere,
    'datasets.prepare': async ({ source, settings }, context) =>
      datasets.view(await datasets.prepare(source, settings, context)),
    'datasets.find': async ({ source, settings }) => {
      const found = await datasets.find(source, settings);
      return found === null ? null : datasets.view(found);
    },
    'datasets.delete': ({ key }) => after(datasets.delete(key)),

    'experiments.list': () => experiments.list(),
    'experiments.get': ({ id }) => experiments.get(id),
    'experiments.create': ({ name, ...draft }) => experiments.create(name, draft),
    'experiments.save': ({ id, revision, draft }) => experiments.save(id, revision, draft),
    'experiments.rename': ({ id, name }) => after(experiments.rename(id, name)),
    'experiments.tag': ({ id, tags }) => after(experiments.tag(id, tags)),
    'experiments.duplicate': ({ id, run, name }) => experiments.duplicate(id, run, name),
    'experiments.delete': ({ id }) => after(experiments.delete(id)),
    'experiments.restore': ({ id }) => after(experiments.restore(id)),
    'experiments.openFile': notHere,
    'experiments.saveFile': notHere,

    'runs.list': () => store.runs.list(),
    'runs.get': ({ id }) => detailsOf(store, id),
    'runs.start': ({ experiment, name, seed }, context) => runs.start(experiment, name, seed, context),
    'runs.pause': ({ id }) => after(runs.interrupt(id, 'paused')),
    'runs.stop': ({ id }) => after(runs.interrupt(id, 'stopped')),
    'runs.resume': ({ id, step, limits, ...engine }, context) =>
      runs.resume(id, step, limits, { ...context, ...engine }),
    'runs.fork': ({ id, step, ...settings }, context) => runs.fork(id, step, settings, context),
    'runs.rename': ({ id, name }) => after(runs.rename(id, name)),
    'runs.delete': ({ id }) => after(runs.delete(id)),
    'runs.restore': ({ id }) => after(runs.restore(id)),
    'runs.series': ({ id, ...options }) => {
      store.runs.get(id);
      return store.steps.series(id, options);
    },
    'runs.measure': ({ id, step, images }, context) =>
      measurements.measure(id, step, { images, seed: measuringSeed, inception: null }, context),
    'runs.metrics': ({ id }) => {
      store.runs.get(id);
      return store.metrics.list(id);
    },

    'exports.list': () => exports.list(),
    'exports.create': ({ run, step, format }, context) => exports.create(run, step, format, context),
    'exports.delete': ({ id }) => after(exports.delete(id)),
    'exports.reveal': ({ id }) => {
      if (reveal === null) {
        throw new AppError(
          'shell.not-here',
          'Files can be shown in a file browser only by the desktop app. Save the export instead.',
        );
      }
      return after(reveal(exports.pathOf(id)));
    },
  };
}

/** A run with what is wanted beside it, without any path. */
function detailsOf(store: Store, id: string): RunDetails {
  return {
    run: store.runs.get(id),
    history: store.runs.history(id),
    last: store.steps.last(id),
    samples: store.samples.list(id).map(({ step, count, columns }) => ({ step, count, columns })),
    checkpoints: store.checkpoints.list(id).map(({ step, bytes }) => ({ step, bytes })),
    exports: store.exports.list({ run: id }).map(withoutPath),
    diskUse: store.diskUse(id),
  };
}
