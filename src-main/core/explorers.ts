/** Generators that are held ready, each in a process of its own beside whatever trains, and the pictures that they draw. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiHandlers } from '../../src-shared/api.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { OnProgress } from '../../src-shared/progress.ts';
import type { CallContext } from '../../src-shared/rpc.ts';
import type { ExploreRequest } from '../../src-shared/trainer-protocol.ts';
import { newId } from '../store/ids.ts';
import { remove } from '../store/trash.ts';
import type { AskOptions } from './ask-trainer.ts';
import { ExplorerProcess } from './explorer-process.ts';
import type { Files } from './files.ts';
import type { TrainerHost } from './trainer-host.ts';

/** Generators held at once: each takes two to four hundred megabytes. */
const mostExplorers = 4;
/** Bytes of pictures that an explorer keeps, the newest; far more than a window shows at once. */
const keptBytes = 64 * 2 ** 20;
/** What the smallest picture counts, so that there are at most a thousand. */
const leastBytes = 64 * 2 ** 10;
/** How often the newest checkpoint is looked up again when a training has replaced it meanwhile. */
const attempts = 3;

const types = { png: 'image/png', gif: 'image/gif', webp: 'image/webp' } as const;
type Ending = keyof typeof types;

export interface ExplorersOptions {
  trainerHost: TrainerHost;
  /** Where pictures go, in a folder for each explorer. */
  folder: string;
  /** A run's checkpoint, which stays until it is released; null: the newest. @throws AppError `run.missing`, `checkpoint.none`, `checkpoint.missing` */
  holdCheckpoint(run: string, step: number | null): { folder: string; release: () => void };
  /** A run's images. @throws AppError of what may be wrong with them */
  datasetOf(run: string, options: CallContext): Promise<PreparedDataset>;
}

export interface Explorers extends Pick<Files, 'explored'> {
  handlers: Pick<
    ApiHandlers,
    'explore.open' | 'explore.draw' | 'explore.nearest' | 'explore.animate' | 'explore.close'
  >;
  /** Ends them all at once. */
  close(): void;
}

interface Picture {
  name: string;
  type: (typeof types)[Ending];
  path: string;
  bytes: number;
}

/** An explorer as it is kept here. */
class Held {
  readonly id = newId();
  readonly run: string;
  readonly process: ExplorerProcess;
  readonly #folder: string;
  readonly #pictures: Picture[] = [];
  #drawn = 0;
  /** Whether the generator is loaded. */
  ready = false;

  constructor(
    run: string,
    { trainerHost, folder }: ExplorersOptions,
    checkpoint: string,
    onProgress: OnProgress,
    onEnd: (held: Held) => void,
  ) {
    this.run = run;
    this.#folder = join(folder, this.id);
    mkdirSync(this.#folder, { recursive: true });
    try {
      this.process = new ExplorerProcess(trainerHost, checkpoint, onProgress, () => {
        remove(this.#folder);
        onEnd(this);
      });
    } catch (error) {
      remove(this.#folder);
      throw error;
    }
  }

  /** Has the process write a picture, and forgets old ones for it. */
  async draw(
    ending: Ending,
    options: AskOptions,
    request: (id: number, file: string) => ExploreRequest,
  ): Promise<{ picture: string; columns: number }> {
    this.#drawn += 1;
    const name = `${this.#drawn}.${ending}`;
    const path = join(this.#folder, name);
    const { columns, bytes } = await this.process.ask((id) => request(id, path), 'drawn', options);
    this.#pictures.push({ name, type: types[ending], path, bytes: Math.max(bytes, leastBytes) });
    let kept = this.#pictures.reduce((sum, picture) => sum + picture.bytes, 0);
    while (kept > keptBytes && this.#pictures.length > 1) {
      const old = this.#pictures.shift()!;
      kept -= old.bytes;
      remove(old.path);
    }
    return { picture: name, columns };
  }

  find(name: string): Picture | undefined {
    return this.#pictures.find((picture) => picture.name === name);
  }
}

export function createExplorers(options: ExplorersOptions): Explorers {
  /** By id, the one that was used last at the end. */
  const all = new Map<string, Held>();

  const find = (id: string): Held => {
    const held = all.get(id);
    if (held === undefined) {
      throw new AppError('explore.ended', 'This generator is not held any more. Open it again.', {
        explorer: id,
      });
    }
    all.delete(id);
    all.set(id, held);
    return held;
  };

  const makeRoom = (): void => {
    if (all.size < mostExplorers) return;
    const oldest = [...all.values()].find(({ ready, process }) => ready && process.idle);
    if (oldest === undefined) {
      throw new AppError(
        'explore.too-many',
        `${mostExplorers} generators are being explored, and all of them are at work. Close one, or wait.`,
      );
    }
    oldest.process.end(
      new AppError('explore.ended', 'This generator made room for another one. Open it again.'),
    );
  };

  const closed = () => new AppError('explore.ended', 'This generator was closed. Open it again.');

  const open = async (run: string, step: number | null, context: CallContext) => {
    makeRoom();
    const { folder, release } = options.holdCheckpoint(run, step);
    try {
      return await openFrom(folder, run, context);
    } finally {
      release();
    }
  };

  const openFrom = async (folder: string, run: string, context: CallContext) => {
    const { signal, connection, onProgress } = context;
    const held = new Held(run, options, folder, onProgress, ({ id }) => {
      all.delete(id);
      connection.removeEventListener('abort', leave);
    });
    const leave = () => held.process.end(closed());
    const cancel = () =>
      held.process.end(new AppError('cancelled', 'This was cancelled before it was done.'));
    all.set(held.id, held);
    connection.addEventListener('abort', leave);
    signal.addEventListener('abort', cancel);
    try {
      if (signal.aborted) cancel();
      const { type: _, ...description } = await held.process.opened;
      held.ready = true;
      return { id: held.id, run, ...description };
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };

  return {
    handlers: {
      async 'explore.open'({ run, step }, context) {
        for (let attempt = 1; ; attempt += 1) {
          try {
            return await open(run, step, context);
          } catch (error) {
            // A training may have replaced the newest checkpoint between looking it up and reading it.
            const replaced =
              error instanceof AppError && error.code === 'checkpoint.missing' && step === null;
            if (!replaced || attempt === attempts) throw error;
          }
        }
      },
      async 'explore.draw'({ explorer, points, columns }, context) {
        const drawn = await find(explorer).draw('png', context, (id, file) => ({
          type: 'draw',
          id,
          points,
          columns,
          file,
        }));
        return { ...drawn, count: points.length };
      },
      async 'explore.animate'({ explorer, points, framesPerSecond, format }, context) {
        const drawn = await find(explorer).draw(format, context, (id, file) => ({
          type: 'animate',
          id,
          points,
          framesPerSecond,
          format,
          file,
        }));
        return { ...drawn, count: points.length };
      },
      async 'explore.nearest'({ explorer, point, count }, context) {
        const { run, process } = find(explorer);
        const dataset = await options.datasetOf(run, context);
        const request = (id: number) => ({ type: 'nearest' as const, id, point, dataset, count });
        const { images } = await process.ask(request, 'nearest', context);
        return { dataset: dataset.key, images };
      },
      'explore.close'({ explorer }) {
        all.get(explorer)?.process.end(closed());
        return null;
      },
    },
    async explored(explorer, picture) {
      const found = all.get(explorer)?.find(picture);
      if (found === undefined) {
        throw new AppError('picture.missing', 'This picture is not kept any more. Draw it again.', {
          explorer,
          picture,
        });
      }
      return { kind: 'file', type: found.type, path: found.path };
    },
    close() {
      for (const { process } of all.values()) process.end(closed());
    },
  };
}
