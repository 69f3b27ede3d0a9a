/** The page's end of the connection to the core: it comes back by itself, and says how it stands. */
import type { Api, ApiEvent, ApiName, ApiParams, ApiResult } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { CallOptions, Connection, Port } from '../../src-shared/rpc.ts';
import { connect } from '../../src-shared/rpc.ts';

export type Link =
  | { is: 'connecting' }
  | { is: 'open' }
  /** `since`: milliseconds since 1970. */
  | { is: 'lost'; since: number }
  /** The server does not know this page's key. */
  | { is: 'refused'; since: number };

/** What only looks, and may be asked again. */
const reads: ReadonlySet<ApiName> = new Set([
  'system.info',
  'system.engines',
  'system.resources',
  'datasets.list',
  'datasets.browse',
  'datasets.preview',
  'datasets.find',
  'experiments.list',
  'experiments.get',
  'runs.list',
  'runs.get',
  'runs.series',
  'runs.metrics',
  'exports.list',
] satisfies ApiName[]);

export interface ApiCallOptions extends CallOptions {
  /** The call may be done twice without harm: it waits for a lost connection and is sent again, as everything that only looks is. */
  repeatable?: boolean;
}

/** The page's end of a connection, which it can end: the other end may be gone without a word, as with a tunnel that broke. */
export interface OpenPort extends Port {
  /** `onClose` is told before this returns. */
  close(): void;
}

/** Milliseconds between two questions whether the core is still there, and how long an answer may take. */
const beat = 15_000;
const patience = 10_000;

/** Milliseconds between two attempts to connect. */
const firstPause = 250;
const longestPause = 8000;

export class ApiClient {
  #link: Link = $state.raw({ is: 'connecting' });
  #connection: Connection<Api> | null = null;
  #opened = Promise.withResolvers<undefined>();
  /** Resolves when it is known whether the first attempt to connect succeeded. */
  readonly #tried = Promise.withResolvers<undefined>();
  #hurry: () => void = () => undefined;
  readonly #openPort: () => Promise<OpenPort>;
  readonly #eventListeners = new Set<(event: ApiEvent) => void>();
  readonly #openListeners = new Set<() => void>();

  /** Connects at once. @param openPort makes a new connection; rejects with `connection.refused` where trying again is of little use */
  constructor(openPort: () => Promise<OpenPort>) {
    this.#openPort = openPort;
    void this.#stayConnected();
  }

  get link(): Link {
    return this.#link;
  }

  /** Hears every event of the core. @returns a function that ends it */
  onEvent(listener: (event: ApiEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /**
   * Hears each time that the connection opens, and at once when it is open: then everything live is read (again), because events were
   * missed. @returns a function that ends it
   */
  onOpen(listener: () => void): () => void {
    this.#openListeners.add(listener);
    if (this.#connection !== null) listener();
    return () => this.#openListeners.delete(listener);
  }

  /** The next attempt to connect is made now. */
  retryNow(): void {
    this.#hurry();
  }

  /**
   * Calls a method of the core. What is sent is JSON, made at once where there is a connection: `params` may hold reactive state. While the connection is lost, what only looks or is `repeatable` waits for it; anything else is refused.
   * @throws AppError what the method throws; `connection.lost` (not done), `connection.lost-meanwhile` (perhaps done), `cancelled`
   */
  async call<Name extends ApiName>(
    name: Name,
    params: ApiParams<Name>,
    { repeatable = reads.has(name), ...options }: ApiCallOptions = {},
  ): Promise<ApiResult<Name>> {
    for (;;) {
      const connection = this.#connection;
      if (connection === null) {
        if (this.#link.is === 'connecting') {
          await this.#unlessAborted(this.#tried.promise, options.signal);
          continue;
        }
        if (!repeatable) {
          throw new AppError(
            'connection.lost',
            'There is no connection to Ganvas, so this was not done. Do it again when the connection is back.',
            { method: name },
          );
        }
        await this.#unlessAborted(this.#opened.promise, options.signal);
        continue;
      }
      try {
        return await connection.call(name, params, options);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'rpc.closed') throw error;
        if (!repeatable) {
          throw new AppError(
            'connection.lost-meanwhile',
            'The connection to Ganvas was lost before the answer came: look whether it was done before you do it again.',
            { method: name },
          );
        }
      }
    }
  }

  async #unlessAborted(waiting: Promise<undefined>, signal: CallOptions['signal']): Promise<void> {
    const cancelled = () => new AppError('cancelled', 'This was cancelled while there was no connection.');
    if (signal?.aborted === true) throw cancelled();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(cancelled());
    signal?.addEventListener('abort', abort);
    try {
      await Promise.race([waiting, aborted.promise]);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async #stayConnected(): Promise<never> {
    let pause = firstPause;
    for (;;) {
      try {
        const port = await this.#openPort();
        pause = firstPause;
        await this.#useUntilClosed(port);
        this.#link = { is: 'lost', since: Date.now() };
      } catch (error) {
        const refused = error instanceof AppError && error.code === 'connection.refused';
        const since = 'since' in this.#link ? this.#link.since : Date.now();
        this.#link = { is: refused ? 'refused' : 'lost', since };
        this.#tried.resolve(undefined);
      }
      const passed = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => passed.resolve(undefined), pause);
      this.#hurry = () => passed.resolve(undefined);
      await passed.promise;
      clearTimeout(timer);
      pause = Math.min(2 * pause, longestPause);
    }
  }

  async #useUntilClosed(port: OpenPort): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      // Heard before the calls under way are refused: what is called again then waits for the next connection.
      port.onClose(() => {
        this.#connection = null;
        this.#opened = Promise.withResolvers();
        resolve();
      });
    });
    this.#connection = connect<Api>(port, (event) => {
      for (const listener of this.#eventListeners) listener(event as ApiEvent);
    });
    this.#link = { is: 'open' };
    this.#tried.resolve(undefined);
    this.#opened.resolve(undefined);
    for (const listener of this.#openListeners) listener();
    const heartbeat = setInterval(() => this.#ask(port), beat);
    await closed;
    clearInterval(heartbeat);
  }

  /** Ends a connection that does not answer. */
  #ask(port: OpenPort): void {
    const timer = setTimeout(() => port.close(), patience);
    const answered = () => clearTimeout(timer);
    // Refused is answered, too.
    this.#connection?.call('system.info', {}).then(answered, answered);
  }
}
