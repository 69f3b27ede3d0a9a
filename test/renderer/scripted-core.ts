/** The other end of the page's connection, in memory: the real calls and events, over the methods that a test writes. */
import type { ApiEvent, ApiHandlers, ApiName } from '../../src-shared/api.ts';
import type { OpenPort } from '../../src-renderer/state/api-client.svelte.ts';
import { api } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import { unpackHistory } from '../../src-shared/gan/history-json.ts';
import { present } from '../../src-shared/gan/history.ts';
import type { OpenExperiment } from '../../src-shared/library.ts';
import type { Port } from '../../src-shared/rpc.ts';
import { serve } from '../../src-shared/rpc.ts';

interface Wire {
  /** Two ends; what one posts the other hears, a turn later and in order. */
  ends: [Port, Port];
  /** Ends the connection for both. */
  cut: () => void;
}

function wire(): Wire {
  const listeners: [((message: string) => void)[], ((message: string) => void)[]] = [[], []];
  const closers: (() => void)[] = [];
  let open = true;
  const end = (mine: 0 | 1, theirs: 0 | 1): Port => ({
    post: (message) =>
      queueMicrotask(() => {
        if (open) for (const listen of listeners[theirs]) listen(message);
      }),
    onMessage: (listen) => listeners[mine].push(listen),
    onClose: (listen) => closers.push(listen),
  });
  return {
    ends: [end(0, 1), end(1, 0)],
    cut() {
      open = false;
      for (const close of closers.splice(0)) close();
    },
  };
}

/** A core with a list of experiments, and whatever else a test scripts. It counts revisions as the real one does. */
export class ScriptedCore {
  readonly experiments = new Map<string, OpenExperiment>();
  /** Names of the methods that were called, in order. */
  readonly calls: ApiName[] = [];
  readonly script: Partial<ApiHandlers> = {};
  readonly #tell = new Set<(event: unknown) => void>();
  readonly #wires = new Set<Wire>();
  /** Milliseconds after which it answers. */
  delay = 0;
  /** Whether new connections are taken. */
  reachable = true;

  /** To be given to an `ApiClient`. */
  readonly openPort = async (): Promise<OpenPort> => {
    if (!this.reachable) throw new AppError('connection.failed', 'Ganvas does not answer.');
    const made = wire();
    this.#wires.add(made);
    this.serve(made.ends[1]);
    return { ...made.ends[0], close: () => made.cut() };
  };

  serve(port: Port): void {
    const tell = serve(port, api, this.#handlers());
    this.#tell.add(tell);
    port.onClose(() => this.#tell.delete(tell));
  }

  /** Ends every connection. */
  cut(): void {
    for (const made of this.#wires) made.cut();
    this.#wires.clear();
  }

  broadcast(event: ApiEvent): void {
    for (const tell of this.#tell) tell(event);
  }

  /** A change that another window makes. */
  put(experiment: OpenExperiment): void {
    this.experiments.set(experiment.id, experiment);
    const { history: _history, ...plain } = experiment;
    this.broadcast({ type: 'experiment', experiment: plain });
  }

  #get(id: string): OpenExperiment {
    const experiment = this.experiments.get(id);
    if (experiment === undefined) throw new AppError('experiment.missing', 'There is no such experiment.');
    return experiment;
  }

  #handlers(): ApiHandlers {
    const own: Partial<ApiHandlers> = {
      'system.info': () => ({
        version: '0',
        shell: 'server',
        platform: 'linux',
        library: 'library',
        canBrowse: false,
        dialogs: false,
        cores: 2,
        memoryBytes: 2e9,
      }),
      'system.engines': () => [],
      'tasks.list': () => [],
      'datasets.list': () => [],
      'runs.list': () => [],
      'experiments.list': () => [...this.experiments.values()],
      'experiments.get': ({ id }) => this.#get(id),
      'experiments.create': (made) => {
        const at = 1_000_000 + this.experiments.size;
        const experiment = {
          ...made,
          id: `e${this.experiments.size + 1}`,
          tags: [],
          createdAt: at,
          updatedAt: at,
          revision: 0,
          design: present(unpackHistory(made.history)).design,
          deletedAt: null,
        };
        this.put(experiment);
        return experiment;
      },
      'experiments.save': ({ id, revision, draft }) => {
        const known = this.#get(id);
        if (known.revision !== revision)
          throw new AppError('experiment.changed', 'Somebody else has changed it.');
        const { history = known.history } = draft;
        const saved = {
          ...known,
          ...draft,
          design: present(unpackHistory(history)).design,
          revision: revision + 1,
        };
        this.put(saved);
        return saved;
      },
      'experiments.rename': ({ id, name }) => {
        this.put({ ...this.#get(id), name });
        return null;
      },
    };
    const handlers = Object.keys(api).map((name) => {
      const known = name as ApiName;
      return [
        known,
        async (params: never, context: never) => {
          this.calls.push(known);
          if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
          const handler = (this.script[known] ?? own[known]) as
            ((params: never, context: never) => unknown) | undefined;
          if (handler === undefined) throw new AppError('test.not-scripted', `${known} is not scripted`);
          return handler(params, context);
        },
      ];
    });
    return Object.fromEntries(handlers) as ApiHandlers;
  }
}
