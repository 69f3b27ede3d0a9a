/** Runs: one training each, with everything that is needed to repeat it, and what has become of it. */
import * as v from 'valibot';
import { ImageSettings } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import { Design } from '../../src-shared/gan/block.ts';
import type { NewRun, Reason, Run, StateChange } from '../../src-shared/library.ts';
import { Measuring } from '../../src-shared/measures.ts';
import { canBecome, EngineName, Hyperparameters, Limits, RunState } from '../../src-shared/training.ts';
import { type Database, json, type Parameters, type Table, toJson } from './database.ts';
import { Id, newId } from './ids.ts';
import type { Rewind } from './rewind.ts';
import type { Trash } from './trash.ts';

const Classes = v.array(v.string());

const Row = v.object({
  id: Id,
  number: v.number(),
  name: v.string(),
  experiment: Id,
  design: json(Design),
  hyperparameters: json(Hyperparameters),
  measuring: json(Measuring),
  limits: json(Limits),
  datasetKey: v.string(),
  datasetFingerprint: v.string(),
  datasetSource: v.string(),
  datasetCount: v.number(),
  datasetClasses: json(Classes),
  imageSettings: json(ImageSettings),
  seed: v.number(),
  engineWanted: EngineName,
  engine: v.nullable(v.string()),
  device: v.nullable(v.string()),
  state: RunState,
  step: v.number(),
  imagesSeen: v.number(),
  trainingSeconds: v.number(),
  createdAt: v.number(),
  startedAt: v.nullable(v.number()),
  endedAt: v.nullable(v.number()),
  reasonCode: v.nullable(v.string()),
  reasonMessage: v.nullable(v.string()),
  deletedAt: v.nullable(v.number()),
  forkedFromRun: v.nullable(Id),
  forkedFromStep: v.nullable(v.number()),
});

/** How far a run has come. */
export interface Progress {
  imagesSeen: number;
  trainingSeconds: number;
}

/** What a fork is made with beside the rest: where the run that it goes on from was. */
export interface ForkOrigin extends Progress {
  /** Chosen before, since its files are there before the run is. */
  id: string;
}

export interface Runs {
  /**
   * Makes a run in the state `queued`.
   * @param fork for one that goes on from another run's checkpoint: it stands where that stood
   * @throws AppError `experiment.missing`
   */
  create(run: NewRun, fork?: ForkOrigin): Run;
  /** @throws AppError `run.missing` */
  get(id: string): Run;
  /**
   * The run that a person means: by its id, its number, or its name where only one has it.
   * @throws AppError `run.missing`, `run.ambiguous`
   */
  find(text: string): Run;
  /** The newest first, deleted ones too. */
  list(filter?: { experiment?: string; state?: RunState }): Run[];
  /** @throws AppError `run.missing` */
  rename(id: string, name: string): void;
  /** Sets other learning rates: for going on with a run that has broken down. @throws AppError `run.missing` */
  setHyperparameters(id: string, hyperparameters: Hyperparameters): void;
  /** Sets when it is to end: for going on with a run. @throws AppError `run.missing` */
  setLimits(id: string, limits: Limits): void;
  /** Notes where its images lie now. @throws AppError `run.missing` */
  setSource(id: string, source: string): void;
  /** @throws AppError `run.missing` */
  setEngineWanted(id: string, engine: EngineName): void;
  /** Notes what really computes. @throws AppError `run.missing` */
  setEngine(id: string, engine: string, device: string): void;
  /**
   * Moves a run to another state and writes that into its history.
   * @param reason where nobody asked for it
   * @throws AppError `run.missing`, `run.state` when {@link canBecome} forbids it
   */
  setState(id: string, state: RunState, reason?: Reason): void;
  /** Where a run was after a step of its own. @throws AppError `run.missing` */
  progressAt(id: string, step: number): Progress;
  /** Every state it was in, the oldest first. */
  history(id: string): StateChange[];
  /**
   * Forgets everything after a step: losses, metrics, sample grids, checkpoints and their files. For going on from there.
   * @throws AppError `run.missing`
   */
  rewind(id: string, step: number): void;
  /**
   * Deletes a run so that it can be brought back; null brings it back.
   * @param at milliseconds since 1970
   * @throws AppError `run.missing`, `run.active` while it is queued or running
   */
  setDeleted(id: string, at: number | null): void;
  /**
   * Deletes a run for good, with its files and its exports in the library.
   * @throws AppError `run.missing`, `run.active` while it is queued or running
   */
  delete(id: string): void;
  /**
   * Marks runs that a process has left `queued` or `running` when it died as `interrupted`. `openStore` does this; later on it would
   * hit runs that are well alive.
   * @returns their ids
   */
  recover(): string[];
}

export function createRuns(database: Database, trash: Trash, rewind: Rewind): Runs {
  const table: Table<v.InferOutput<typeof Row>> = { name: 'runs', key: ['id'], row: Row };
  const byId = database.query(table, 'SELECT * FROM runs WHERE id = :id');
  const byText = database.query(
    { name: 'runs', key: ['id'], row: v.object({ id: Id, number: v.number() }) },
    'SELECT id, number FROM runs WHERE id = :text OR number = CAST(:text AS INTEGER) AND CAST(number AS TEXT) = :text ' +
      // Digits alone are always a number: the same word must not mean one run today and another when that is gone.
      "OR name = :text AND :text GLOB '*[^0-9]*' AND deletedAt IS NULL " +
      'ORDER BY id = :text DESC, CAST(number AS TEXT) = :text DESC, number',
  );
  const all = database.query(
    table,
    'SELECT * FROM runs WHERE (:experiment IS NULL OR experiment = :experiment) AND (:state IS NULL OR state = :state) ' +
      'ORDER BY number DESC',
  );
  const stateOf = database.query(
    { name: 'runs', key: ['id'], row: v.object({ id: Id, state: RunState, step: v.number() }) },
    'SELECT id, state, step FROM runs WHERE id = :id',
  );
  const active = database.query(
    { name: 'runs', key: ['id'], row: v.object({ id: Id, step: v.number() }) },
    "SELECT id, step FROM runs WHERE state IN ('queued', 'running') ORDER BY number",
  );
  const experiment = database.query(
    { name: 'experiments', key: ['id'], row: v.object({ id: Id }) },
    'SELECT id FROM experiments WHERE id = :id',
  );
  const states = database.query(
    {
      name: 'runStates',
      key: ['run', 'number'],
      row: v.object({
        state: RunState,
        at: v.number(),
        reasonCode: v.nullable(v.string()),
        reasonMessage: v.nullable(v.string()),
      }),
    },
    'SELECT * FROM runStates WHERE run = :id ORDER BY number',
  );
  const insert = database.command(
    'INSERT INTO runs (id, name, experiment, design, hyperparameters, measuring, limits, datasetKey, datasetFingerprint, ' +
      'datasetSource, datasetCount, datasetClasses, imageSettings, seed, engineWanted, state, createdAt, step, imagesSeen, trainingSeconds, ' +
      'forkedFromRun, forkedFromStep, forkedFromImages, forkedFromSeconds) ' +
      'VALUES (:id, :name, :experiment, :design, :hyperparameters, :measuring, :limits, :datasetKey, :datasetFingerprint, ' +
      ":datasetSource, :datasetCount, :datasetClasses, :imageSettings, :seed, :engineWanted, 'queued', :now, coalesce(:step, 0), " +
      'coalesce(:images, 0), coalesce(:seconds, 0), :parent, :step, :images, :seconds)',
  );
  const insertState = database.command(
    'INSERT INTO runStates (run, state, at, reasonCode, reasonMessage) VALUES (:id, :state, :now, :code, :message)',
  );
  const updateState = database.command(
    'UPDATE runs SET state = :state, reasonCode = :code, reasonMessage = :message, ' +
      "startedAt = CASE WHEN :state = 'running' THEN coalesce(startedAt, :now) ELSE startedAt END, " +
      "endedAt = CASE WHEN :state IN ('queued', 'running') THEN NULL ELSE :now END WHERE id = :id",
  );
  const updateName = database.command('UPDATE runs SET name = :name WHERE id = :id');
  const updateDeleted = database.command('UPDATE runs SET deletedAt = :at WHERE id = :id');
  const progress = database.query(
    { name: 'runs', key: ['id'], row: v.object({ imagesSeen: v.number(), trainingSeconds: v.number() }) },
    'SELECT id, coalesce(forkedFromImages, 0) + ' +
      "CAST(:step - coalesce(forkedFromStep, 0) AS INTEGER) * (hyperparameters ->> '$.batch') * " +
      "coalesce(hyperparameters ->> '$.discriminatorSteps', 1) AS imagesSeen, " +
      'coalesce((SELECT seconds FROM steps WHERE run = :id AND step = :step), forkedFromSeconds, 0) AS trainingSeconds ' +
      'FROM runs WHERE id = :id',
  );
  const exportsOf = database.query(
    { name: 'exports', key: ['run'], row: v.object({ folder: v.string() }) },
    "SELECT run, substr(path, 9, 10) AS folder FROM exports WHERE run = :id AND substr(path, 1, 8) = 'exports/'",
  );
  const updateHyperparameters = database.command(
    'UPDATE runs SET hyperparameters = :hyperparameters WHERE id = :id',
  );
  const updateLimits = database.command('UPDATE runs SET limits = :limits WHERE id = :id');
  const updateSource = database.command('UPDATE runs SET datasetSource = :source WHERE id = :id');
  const updateEngineWanted = database.command('UPDATE runs SET engineWanted = :engine WHERE id = :id');
  const updateEngine = database.command('UPDATE runs SET engine = :engine, device = :device WHERE id = :id');

  const get = (id: string): Run => {
    const row = byId.one({ id });
    if (row === null) throw missingRun(id);
    return toRun(row);
  };
  const change = (update: (parameters: Parameters) => number, parameters: Parameters & { id: string }) => {
    if (update(parameters) === 0) throw missingRun(parameters.id);
  };
  const requireIdle = (id: string) => {
    const run = stateOf.one({ id });
    if (run === null) throw missingRun(id);
    if (run.state === 'queued' || run.state === 'running') {
      throw new AppError('run.active', `The run is ${run.state}. Stop it before you delete it.`, { run: id });
    }
  };
  const writeState = (id: string, state: RunState, reason: Reason | undefined) => {
    const cells = {
      id,
      state,
      now: Date.now(),
      code: reason?.code ?? null,
      message: reason?.message ?? null,
    };
    updateState(cells);
    insertState(cells);
  };

  return {
    create(run, fork) {
      return database.transaction(() => {
        if (experiment.one({ id: run.experiment }) === null) {
          throw new AppError(
            'experiment.missing',
            `There is no experiment ${run.experiment} in the library.`,
            {
              experiment: run.experiment,
            },
          );
        }
        const id = fork?.id ?? newId();
        const now = Date.now();
        insert({
          id,
          name: run.name,
          experiment: run.experiment,
          design: toJson(Design, run.design),
          hyperparameters: toJson(Hyperparameters, run.hyperparameters),
          measuring: toJson(Measuring, run.measuring),
          limits: toJson(Limits, run.limits),
          datasetKey: run.dataset.key,
          datasetFingerprint: run.dataset.fingerprint,
          datasetSource: run.dataset.source,
          datasetCount: run.dataset.count,
          datasetClasses: toJson(Classes, run.dataset.classes),
          imageSettings: toJson(ImageSettings, run.dataset.settings),
          seed: run.seed,
          engineWanted: run.engineWanted,
          now,
          parent: run.forkedFrom?.run ?? null,
          step: run.forkedFrom?.step ?? null,
          images: fork?.imagesSeen ?? null,
          seconds: fork?.trainingSeconds ?? null,
        });
        insertState({ id, state: 'queued', now, code: null, message: null });
        return get(id);
      });
    },
    get,
    find(text) {
      const [first, ...others] = byText.all({ text });
      if (first === undefined) throw missingRun(text);
      if (first.id === text || String(first.number) === text || others.length === 0) return get(first.id);
      const numbers = [first, ...others].map((run) => run.number);
      throw new AppError(
        'run.ambiguous',
        `${numbers.length} runs are called "${text}": the numbers ${numbers.join(', ')}. Say which by its number.`,
        { name: text, numbers },
      );
    },
    list: (filter = {}) =>
      all.all({ experiment: filter.experiment ?? null, state: filter.state ?? null }).map(toRun),
    rename(id, name) {
      change(updateName, { id, name });
    },
    setHyperparameters(id, hyperparameters) {
      change(updateHyperparameters, { id, hyperparameters: toJson(Hyperparameters, hyperparameters) });
    },
    setLimits(id, limits) {
      change(updateLimits, { id, limits: toJson(Limits, limits) });
    },
    setSource(id, source) {
      change(updateSource, { id, source });
    },
    setEngineWanted(id, engine) {
      change(updateEngineWanted, { id, engine });
    },
    setEngine(id, engine, device) {
      change(updateEngine, { id, engine, device });
    },
    setState(id, state, reason) {
      database.transaction(() => {
        const run = stateOf.one({ id });
        if (run === null) throw missingRun(id);
        if (!canBecome(run.state, state)) {
          throw new AppError('run.state', `The run is ${run.state}; from there it cannot become ${state}.`, {
            run: id,
            from: run.state,
            to: state,
          });
        }
        writeState(id, state, reason);
      });
    },
    history: (id) =>
      states.all({ id }).map(({ state, at, ...row }) => ({ state, at, reason: toReason(row) })),
    rewind(id, step) {
      if (stateOf.one({ id }) === null) throw missingRun(id);
      rewind(id, step);
    },
    progressAt(id, step) {
      const row = progress.one({ id, step });
      if (row === null) throw missingRun(id);
      return row;
    },
    setDeleted(id, at) {
      requireIdle(id);
      updateDeleted({ id, at });
    },
    delete(id) {
      requireIdle(id);
      const folders = new Set(exportsOf.all({ id }).map(({ folder }) => folder));
      trash.discard([
        ...[...folders].map((folder) => ({ kind: 'export', folder }) as const),
        { kind: 'run', run: id },
      ]);
    },
    recover() {
      return database.transaction(() =>
        active.all().map(({ id, step }) => {
          writeState(id, 'interrupted', {
            code: 'run.interrupted',
            message: `Ganvas ended without warning when this run had reached step ${step}. Resume it to go on from its last checkpoint.`,
          });
          return id;
        }),
      );
    },
  };
}

/** The error for a run that is not in the library. */
export function missingRun(run: string): AppError {
  return new AppError(
    'run.missing',
    `There is no run "${run}" in the library. Look which there are in the list of runs.`,
    { run },
  );
}

function toRun(row: v.InferOutput<typeof Row>): Run {
  const {
    datasetKey,
    datasetFingerprint,
    datasetSource,
    datasetCount,
    datasetClasses,
    imageSettings,
    forkedFromRun,
    forkedFromStep,
    ...rest
  } = row;
  const { reasonCode, reasonMessage, ...run } = rest;
  return {
    ...run,
    dataset: {
      key: datasetKey,
      fingerprint: datasetFingerprint,
      source: datasetSource,
      count: datasetCount,
      classes: datasetClasses,
      settings: imageSettings,
    },
    reason: toReason({ reasonCode, reasonMessage }),
    forkedFrom:
      forkedFromRun === null || forkedFromStep === null ? null : { run: forkedFromRun, step: forkedFromStep },
  };
}

function toReason(row: { reasonCode: string | null; reasonMessage: string | null }): Reason | null {
  return row.reasonCode === null ? null : { code: row.reasonCode, message: row.reasonMessage ?? '' };
}
