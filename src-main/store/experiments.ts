/** Experiments: what a person is working on. Its runs keep their own copies of everything, as it was when they started. */
import * as v from 'valibot';
import { ImageSettings } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import { Design } from '../../src-shared/gan/block.ts';
import { Hyperparameters } from '../../src-shared/training.ts';
import { type Database, json, type Table, toJson } from './database.ts';
import { Id, newId } from './ids.ts';
import type { Trash } from './trash.ts';

const Tags = v.array(v.string());

const Row = v.object({
  id: Id,
  name: v.string(),
  tags: json(Tags),
  /** Milliseconds since 1970. */
  createdAt: v.number(),
  /** When anything but its runs was last changed. */
  updatedAt: v.number(),
  design: json(Design),
  hyperparameters: json(Hyperparameters),
  /** Null until images have been chosen. */
  imageSettings: v.nullable(json(ImageSettings)),
  /** Where the images come from, as the person gave it; null until they have been chosen. */
  source: v.nullable(v.string()),
});
export type Experiment = v.InferOutput<typeof Row>;

/** What a person can set in an experiment. */
export type ExperimentContent = Omit<Experiment, 'id' | 'createdAt' | 'updatedAt'>;

export interface Experiments {
  /** Makes an experiment; without tags, image settings and source unless given. */
  create(
    content: Pick<ExperimentContent, 'name' | 'design' | 'hyperparameters'> & Partial<ExperimentContent>,
  ): Experiment;
  /** @throws AppError `experiment.missing` */
  get(id: string): Experiment;
  /** The last changed first; with `tag`, only those that have it. */
  list(filter?: { tag?: string }): Experiment[];
  /** Changes what is given and leaves the rest. @throws AppError `experiment.missing` */
  update(id: string, changes: Partial<ExperimentContent>): Experiment;
  /**
   * Deletes the experiment with its runs and their files.
   * @throws AppError `experiment.missing`, `run.active` when one of its runs is queued or running
   */
  delete(id: string): void;
}

export function createExperiments(database: Database, trash: Trash): Experiments {
  const table: Table<Experiment> = { name: 'experiments', key: ['id'], row: Row };
  const byId = database.query(table, 'SELECT * FROM experiments WHERE id = :id');
  const all = database.query(
    table,
    'SELECT * FROM experiments ' +
      'WHERE :tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag) ' +
      'ORDER BY updatedAt DESC, rowid DESC',
  );
  const known = database.query(
    { name: 'experiments', key: ['id'], row: v.object({ id: Id }) },
    'SELECT id FROM experiments WHERE id = :id',
  );
  const runsOf = database.query(
    { name: 'runs', key: ['id'], row: v.object({ id: Id, active: v.number() }) },
    "SELECT id, state IN ('queued', 'running') AS active FROM runs WHERE experiment = :id",
  );
  const insert = database.command(
    'INSERT INTO experiments (id, name, tags, createdAt, updatedAt, design, hyperparameters, imageSettings, source) ' +
      'VALUES (:id, :name, :tags, :now, :now, :design, :hyperparameters, :imageSettings, :source)',
  );
  const change = database.command(
    'UPDATE experiments SET name = :name, tags = :tags, updatedAt = :now, design = :design, ' +
      'hyperparameters = :hyperparameters, imageSettings = :imageSettings, source = :source WHERE id = :id',
  );
  const remove = database.command('DELETE FROM experiments WHERE id = :id');

  const cells = (content: ExperimentContent) => ({
    name: content.name,
    tags: toJson(Tags, content.tags),
    now: Date.now(),
    design: toJson(Design, content.design),
    hyperparameters: toJson(Hyperparameters, content.hyperparameters),
    imageSettings: content.imageSettings === null ? null : toJson(ImageSettings, content.imageSettings),
    source: content.source,
  });
  const get = (id: string): Experiment => {
    const experiment = byId.one({ id });
    if (experiment === null) throw missingExperiment(id);
    return experiment;
  };

  return {
    create(content) {
      const id = newId();
      insert({ id, ...cells({ tags: [], imageSettings: null, source: null, ...content }) });
      return get(id);
    },
    get,
    list: ({ tag } = {}) => all.all({ tag: tag ?? null }),
    update(id, changes) {
      return database.transaction(() => {
        change({ id, ...cells({ ...get(id), ...changes }) });
        return get(id);
      });
    },
    delete(id) {
      if (known.one({ id }) === null) throw missingExperiment(id);
      const runs = runsOf.all({ id });
      if (runs.some((run) => run.active === 1)) {
        throw new AppError(
          'run.active',
          'The experiment cannot be deleted while one of its runs is queued or running. Stop that run first.',
          { experiment: id },
        );
      }
      trash.discard(
        runs.map((run) => ({ kind: 'run', run: run.id })),
        () => remove({ id }),
      );
    },
  };
}

function missingExperiment(id: string): AppError {
  return new AppError('experiment.missing', `There is no experiment ${id} in the library.`, {
    experiment: id,
  });
}
