/** Experiments: what a person is working on. Its runs keep their own copies of everything, as it was when they started. */
import * as v from 'valibot';
import { ImageSettings } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import { Design } from '../../src-shared/gan/block.ts';
import { present } from '../../src-shared/gan/history.ts';
import { PackedHistory, shortened, unpackHistory } from '../../src-shared/gan/history-json.ts';
import type { Experiment, ExperimentDraft, OpenExperiment } from '../../src-shared/library.ts';
import { defaultMeasuring, Measuring } from '../../src-shared/measures.ts';
import { EngineName, Hyperparameters, Limits } from '../../src-shared/training.ts';
import { type Database, json, type Table, toJson } from './database.ts';
import { Id, newId } from './ids.ts';

/** Most characters of a history: hours of editing, and half of what a message to a window may hold. */
const historyLength = 4 * 2 ** 20;

const Tags = v.array(v.string());

const Row = v.object({
  id: Id,
  name: v.string(),
  tags: json(Tags),
  createdAt: v.number(),
  updatedAt: v.number(),
  revision: v.number(),
  design: json(Design),
  hyperparameters: json(Hyperparameters),
  measuring: json(Measuring),
  limits: json(Limits),
  engine: EngineName,
  imageSettings: v.nullable(json(ImageSettings)),
  source: v.nullable(v.string()),
  deletedAt: v.nullable(v.number()),
});
const OpenRow = v.object({ ...Row.entries, history: json(PackedHistory) });

type Content = { name: string; tags: string[] } & ExperimentDraft;

export interface Experiments {
  /** Makes an experiment: without what is not given. A history that is too long loses its oldest states. */
  create(content: Pick<Content, 'name' | 'history' | 'hyperparameters'> & Partial<Content>): OpenExperiment;
  /** @throws AppError `experiment.missing` */
  get(id: string): Experiment;
  /** With its history. @throws AppError `experiment.missing` */
  open(id: string): OpenExperiment;
  /** Whether one of them, a deleted one too, takes its images from this source. */
  uses(source: string): boolean;
  /** The last changed first, deleted ones too; with `tag`, only those that have it. */
  list(filter?: { tag?: string }): Experiment[];
  /**
   * Changes what is given and leaves the rest.
   * @param revision the one that the changes were made on
   * @throws AppError `experiment.missing`, `experiment.changed` (details: the present `revision`)
   */
  save(id: string, revision: number, changes: Partial<ExperimentDraft>): OpenExperiment;
  /** @throws AppError `experiment.missing` */
  rename(id: string, name: string): void;
  /** @throws AppError `experiment.missing` */
  tag(id: string, tags: string[]): void;
  /**
   * Deletes an experiment with its runs so that they can be brought back, or brings it back with the runs that were deleted with it.
   * @param at milliseconds since 1970; null brings it back
   * @returns ids of the runs that this has changed
   * @throws AppError `experiment.missing`, `run.active` when one of its runs is queued or running
   */
  setDeleted(id: string, at: number | null): string[];
}

export function createExperiments(database: Database): Experiments {
  const table: Table<Experiment> = { name: 'experiments', key: ['id'], row: Row };
  const byId = database.query(table, 'SELECT * FROM experiments WHERE id = :id');
  const whole = database.query({ ...table, row: OpenRow }, 'SELECT * FROM experiments WHERE id = :id');
  const all = database.query(
    table,
    'SELECT id, name, tags, createdAt, updatedAt, revision, design, hyperparameters, measuring, limits, engine, imageSettings, ' +
      'source, deletedAt FROM experiments ' +
      'WHERE :tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag) ' +
      'ORDER BY updatedAt DESC, rowid DESC',
  );
  const deletion = database.query(
    { name: 'experiments', key: ['id'], row: v.object({ deletedAt: v.nullable(v.number()) }) },
    'SELECT id, deletedAt FROM experiments WHERE id = :id',
  );
  const runsOf = database.query(
    {
      name: 'runs',
      key: ['id'],
      row: v.object({ id: Id, active: v.number(), deletedAt: v.nullable(v.number()) }),
    },
    "SELECT id, state IN ('queued', 'running') AS active, deletedAt FROM runs WHERE experiment = :id ORDER BY number",
  );
  const using = database.query(
    { name: 'experiments', key: ['id'], row: v.object({ id: Id }) },
    'SELECT id FROM experiments WHERE source = :source LIMIT 1',
  );
  const insert = database.command(
    'INSERT INTO experiments (id, name, tags, createdAt, updatedAt, revision, design, history, hyperparameters, measuring, limits, ' +
      'engine, imageSettings, source) VALUES (:id, :name, :tags, :now, :now, 0, :design, :history, :hyperparameters, :measuring, ' +
      ':limits, :engine, :imageSettings, :source)',
  );
  const change = database.command(
    'UPDATE experiments SET name = :name, tags = :tags, updatedAt = :now, revision = :revision, design = :design, ' +
      'history = :history, hyperparameters = :hyperparameters, measuring = :measuring, limits = :limits, engine = :engine, ' +
      'imageSettings = :imageSettings, source = :source WHERE id = :id',
  );
  const updateName = database.command('UPDATE experiments SET name = :name, updatedAt = :now WHERE id = :id');
  const updateTags = database.command('UPDATE experiments SET tags = :tags, updatedAt = :now WHERE id = :id');
  const updateDeleted = database.command('UPDATE experiments SET deletedAt = :at WHERE id = :id');
  const updateRun = database.command('UPDATE runs SET deletedAt = :at WHERE id = :id');

  const cells = (content: Content) => {
    const history = shortened(content.history, historyLength);
    return {
      name: content.name,
      tags: toJson(Tags, content.tags),
      now: Date.now(),
      design: toJson(Design, present(unpackHistory(history)).design),
      history: toJson(PackedHistory, history),
      hyperparameters: toJson(Hyperparameters, content.hyperparameters),
      measuring: toJson(Measuring, content.measuring),
      limits: toJson(Limits, content.limits),
      engine: content.engine,
      imageSettings: content.imageSettings === null ? null : toJson(ImageSettings, content.imageSettings),
      source: content.source,
    };
  };
  const found = <Row>(row: Row | null, id: string): Row => {
    if (row === null) throw missingExperiment(id);
    return row;
  };
  const get = (id: string) => found(byId.one({ id }), id);
  const open = (id: string) => found(whole.one({ id }), id);

  return {
    create(content) {
      const id = newId();
      const none = {
        tags: [],
        measuring: defaultMeasuring(),
        limits: { steps: null, kimg: null, minutes: null },
        engine: 'auto',
        imageSettings: null,
        source: null,
      } as const;
      insert({ id, ...cells({ ...none, tags: [], ...content }) });
      return open(id);
    },
    get,
    open,
    uses: (source) => using.one({ source }) !== null,
    list: ({ tag } = {}) => all.all({ tag: tag ?? null }),
    save: (id, revision, changes) =>
      database.transaction(() => {
        const before = open(id);
        if (before.revision !== revision) {
          throw new AppError(
            'experiment.changed',
            `"${before.name}" has been changed elsewhere since. Load it again, then make your change on that.`,
            { experiment: id, revision: before.revision },
          );
        }
        change({ id, revision: revision + 1, ...cells({ ...before, ...changes }) });
        return open(id);
      }),
    rename(id, name) {
      if (updateName({ id, name, now: Date.now() }) === 0) throw missingExperiment(id);
    },
    tag(id, tags) {
      if (updateTags({ id, tags: toJson(Tags, tags), now: Date.now() }) === 0) throw missingExperiment(id);
    },
    setDeleted: (id, at) =>
      database.transaction(() => {
        const { deletedAt } = found(deletion.one({ id }), id);
        if ((at === null) === (deletedAt === null)) return [];
        const runs = runsOf.all({ id });
        if (at !== null && runs.some((run) => run.active === 1)) {
          throw new AppError(
            'run.active',
            'The experiment cannot be deleted while one of its runs is queued or running. Stop that run first.',
            { experiment: id },
          );
        }
        updateDeleted({ id, at });
        // Going: those that are there. Coming back: those that went with it.
        const along = runs.filter((run) => run.deletedAt === (at === null ? deletedAt : null));
        for (const run of along) updateRun({ id: run.id, at });
        return along.map((run) => run.id);
      }),
  };
}

function missingExperiment(id: string): AppError {
  return new AppError('experiment.missing', `There is no experiment ${id} in the library.`, {
    experiment: id,
  });
}
