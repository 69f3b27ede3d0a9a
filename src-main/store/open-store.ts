/** A library: everything that Ganvas keeps, in one folder that can be copied as it is. */
import { existsSync } from 'node:fs';
import { AppError } from '../../src-shared/errors.ts';
import { type Checkpoints, createCheckpoints } from './checkpoints.ts';
import { type Access, type Database, isDiskFull, openDatabase } from './database.ts';
import { createDatasets, type Datasets } from './datasets.ts';
import { createExperiments, type Experiments } from './experiments.ts';
import { createExports, type Exports } from './exports.ts';
import {
  createLibraryFolder,
  diskUse,
  type LibraryFolder,
  libraryFolder,
  missingLibrary,
  requireLibrary,
} from './library-folder.ts';
import { takeLock } from './lock.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { checkVersion, migrate, newestVersion } from './migrations.ts';
import { createPurge, type Purge } from './purge.ts';
import { keepReserve, withReserve } from './reserve.ts';
import { createRewind } from './rewind.ts';
import { createRuns, type Runs } from './runs.ts';
import { createSamples, type Samples } from './samples.ts';
import { createSteps, type Steps } from './steps.ts';
import { createTrash, type Trash } from './trash.ts';

/**
 * An open library. All its functions finish before they return. Beside the errors that they name, all of them throw AppError
 * `disk.full`, `library.busy`, `library.damaged`, `library.damaged-row`, `library.io`, and, where they would change
 * something with access `read`, `library.read-only`.
 */
export interface Store {
  readonly access: Access;
  readonly paths: LibraryFolder;
  readonly experiments: Experiments;
  readonly runs: Runs;
  readonly steps: Steps;
  readonly metrics: Metrics;
  readonly samples: Samples;
  readonly checkpoints: Checkpoints;
  readonly datasets: Datasets;
  readonly exports: Exports;
  /** Ids of the runs that were found `queued` or `running` on opening, and are `interrupted` now. */
  readonly recovered: readonly string[];
  /** Deletes for good what has been deleted up to a time; see purge.ts. */
  readonly purge: Purge;
  /** Gives the space of deleted rows back to the disk: seconds for a large library. A disk too full even for that stays as it is. */
  compact(): void;
  /** Bytes of the run's files. */
  diskUse(run: string): number;
  /** Everything that `work` writes, or nothing of it. `work` must not wait for anything, nor delete, prune or rewind. */
  transaction<Result>(work: () => Result): Result;
  /** Lets the library go; the store must not be used any more. */
  close(): void;
}

/**
 * Opens the library in `libraryDir`.
 *
 * `write` makes it where there is none, brings it up to this version, finishes deletions, deletes for good what was deleted before, and
 * marks runs that a dead process has left behind. One process at a time. `read` only looks, beside the writer or without one.
 * @param options `mustExist`: none is made where there is none
 * @throws AppError `library.in-use` (write), `library.missing` (read, `mustExist`), `library.older` (read), `library.newer`, `library.foreign`,
 * `library.damaged`, `library.not-a-folder`, `library.not-writable`, `library.busy`, `library.io`, `disk.full`
 */
export function openStore(
  libraryDir: string,
  { access, mustExist = false }: { access: Access; mustExist?: boolean },
): Store {
  const folder = libraryFolder(libraryDir);
  if (mustExist) requireLibrary(folder);
  // On a full disk SQLite cannot even read: it makes an index of its log.
  const open = access === 'write' ? openToWrite : openToRead;
  const store = withReserve(folder.reserve, () => open(folder));
  if (access === 'write') keepReserve(folder.reserve);
  return store;
}

function openToWrite(folder: LibraryFolder): Store {
  // Before anything is made or locked: a library of a newer Ganvas stays as it is.
  if (existsSync(folder.database)) inspect(folder.database);
  createLibraryFolder(folder);
  const unlock = takeLock(folder.lock, folder.dir);
  try {
    const database = openDatabase(folder.database, 'write');
    return closingOnError(database, () => {
      // With a write-ahead log readers and the writer do not wait for each other. NORMAL: a power cut may take back the
      // last transactions, never break the file.
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = NORMAL');
      database.pragma('foreign_keys = ON');
      migrate(database);
      const trash = createTrash(database, folder);
      trash.sweep();
      const store = assemble(database, folder, trash, unlock);
      store.purge(Date.now());
      store.exports.sweep();
      return store;
    });
  } catch (error) {
    unlock();
    throw error;
  }
}

function openToRead(folder: LibraryFolder): Store {
  requireLibrary(folder);
  const database = openDatabase(folder.database, 'read');
  return closingOnError(database, () => {
    const version = checkVersion(database);
    if (version === null) throw missingLibrary(folder.dir);
    if (version < newestVersion()) {
      throw new AppError(
        'library.older',
        `The library ${folder.dir} was last used with an older Ganvas. Train or change something in it once with this one, then it can be read.`,
        { library: folder.dir, version },
      );
    }
    return assemble(database, folder, createTrash(database, folder), () => undefined);
  });
}

/** Checks whose file it is and which version, and changes no byte of it. */
function inspect(file: string): void {
  // The last connection that may write moves a write-ahead log into the file when it closes; one that may only read leaves
  // an empty log behind. So: only read where there is a log already.
  const database = openDatabase(file, existsSync(`${file}-wal`) ? 'read' : 'write');
  try {
    checkVersion(database);
  } finally {
    database.close();
  }
}

function closingOnError<Result>(database: Database, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    database.close();
    throw error;
  }
}

function assemble(database: Database, folder: LibraryFolder, trash: Trash, unlock: () => void): Store {
  const runs = createRuns(database, trash, createRewind(database, folder, trash));
  const experiments = createExperiments(database);
  return {
    access: database.access,
    paths: folder,
    experiments: {
      ...experiments,
      setDeleted: (id, at) => withReserve(folder.reserve, () => experiments.setDeleted(id, at)),
    },
    runs: {
      ...runs,
      setDeleted: (id, at) => withReserve(folder.reserve, () => runs.setDeleted(id, at)),
    },
    steps: createSteps(database),
    metrics: createMetrics(database),
    samples: createSamples(database, folder),
    checkpoints: createCheckpoints(database, folder, trash),
    datasets: createDatasets(database, folder, trash),
    exports: createExports(database, folder, trash),
    recovered: database.access === 'write' ? runs.recover() : [],
    purge: createPurge(database, runs),
    compact() {
      try {
        database.script('VACUUM');
        database.pragma('wal_checkpoint(TRUNCATE)');
      } catch (error) {
        if (!isDiskFull(error)) throw error;
      }
    },
    diskUse: (run) => diskUse(folder.runFolder(run)),
    transaction: (work) => database.transaction(work),
    close() {
      database.close();
      unlock();
    },
  };
}
