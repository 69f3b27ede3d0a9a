import type { Api, ApiParams, ApiResult, Explorer } from '../../src-shared/api.ts';
import { pictures } from '../../src-shared/api.ts';
import { AppError, fromErrorData, toErrorData } from '../../src-shared/errors.ts';
import type { LatentPoint } from '../../src-shared/latent-point.ts';
import type { RunDetails } from '../../src-shared/library.ts';
import type { Progress } from '../../src-shared/progress.ts';
import type { CallOptions } from '../../src-shared/rpc.ts';
import type { ApiClient } from './api-client.svelte.ts';
import { Live } from './live.ts';

/** A picture of points, and the generator that drew it. */
export interface Drawn {
  /** Address, relative to the page. */
  src: string;
  explorer: string;
  columns: number;
  points: readonly LatentPoint[];
}

type Asked = 'explore.draw' | 'explore.nearest' | 'explore.animate';
type Question<Name extends Asked> = Omit<ApiParams<Name>, 'explorer'>;
/** The answer, and who gave it. */
interface Answer<Name extends Asked> {
  of: string;
  result: ApiResult<Name>;
}

/**
 * The generator of a run, held ready to draw. It is opened at once, and again by itself when it was lost: with the connection, with its process,
 * or because another one needed its room. Ends with {@link close}.
 */
export class ExplorerState {
  readonly run: string;
  readonly #api: ApiClient;
  #held: Explorer | null = $state.raw(null);
  #opening: { step: number | null } | null = $state.raw(null);
  #progress: Progress | null = $state.raw(null);
  #problem: AppError | null = $state.raw(null);
  #following = $state(true);
  /** The checkpoint that is wanted; null: the newest. */
  #step: number | null = null;
  #checkpoints: readonly number[] = $state.raw([]);
  /** Resolves with what is being opened. */
  #opened: Promise<Explorer>;
  #cancel = new AbortController();
  /** A newer checkpoint came while one was being opened. */
  #outdated = false;
  /** How many answers each explorer still owes. */
  readonly #owed = new Map<string, number>();
  /** The run's checkpoints are read one at a time: news of them may come by the dozen a second. */
  readonly #live: Live<RunDetails>;
  readonly #ends: (() => void)[];
  #closed = false;

  constructor(api: ApiClient, run: string) {
    this.run = run;
    this.#api = api;
    this.#opened = Promise.reject(new AppError('explore.not-open', 'No generator is open yet.'));
    this.#opened.catch(() => undefined);
    this.#live = new Live({
      read: () => api.call('runs.get', { id: run }),
      take: ({ checkpoints }) => {
        this.#checkpoints = checkpoints.map(({ step }) => step);
      },
      hear: () => undefined,
    });
    this.#ends = [
      api.onEvent((event) => {
        if (event.type === 'checkpoint' && event.run === run) this.#newer();
        // Resumed from an earlier step, it has lost the later ones.
        if (event.type === 'run' && event.run.id === run) this.#readCheckpoints();
      }),
      // With a connection ends what it has opened.
      api.onOpen(() => {
        this.#readCheckpoints();
        this.reopen();
      }),
    ];
  }

  /** What draws; null while none was ever open, and when it cannot be opened. It stays while another one is being opened. */
  get explorer(): Explorer | null {
    return this.#held;
  }
  /** The checkpoint that is being opened, null being the newest; null while none is. */
  get opening(): { step: number | null } | null {
    return this.#opening;
  }
  /** How far opening it is; null before the first news. */
  get progress(): Progress | null {
    return this.#progress;
  }
  /** Why it could not be opened. */
  get problem(): AppError | null {
    return this.#problem;
  }
  /** Whether every new checkpoint of the run is opened as soon as it is there. */
  get following(): boolean {
    return this.#following;
  }
  /** Steps of the checkpoints that can be opened, in their order. */
  get checkpoints(): readonly number[] {
    return this.#checkpoints;
  }

  /** Opens the newest checkpoint, and each one that comes. */
  follow(): void {
    this.#following = true;
    this.#open(null);
  }

  /** Opens a checkpoint and stays with it. */
  look(step: number): void {
    if (step === this.#held?.step) this.stay();
    else {
      this.#following = false;
      this.#open(step);
    }
  }

  /** Stays with what is open; where nothing is yet, with what is being opened. */
  stay(): void {
    this.#following = false;
    if (this.#held !== null) this.cancelOpening();
  }

  /** Does not wait for what is being opened. */
  cancelOpening(): void {
    this.#following = false;
    this.#step = this.#held?.step ?? null;
    this.#cancel.abort();
  }

  /** Opens once more what was wanted last. */
  reopen(): void {
    this.#open(this.#step);
  }

  /** @throws AppError what `explore.draw` throws, and why there is no generator */
  async draw(points: readonly LatentPoint[], columns: number, options: CallOptions = {}): Promise<Drawn> {
    const { of, result } = await this.#ask('explore.draw', { points: [...points], columns }, options);
    return {
      src: pictures.explored(of, result.picture),
      explorer: of,
      columns: result.columns,
      points,
    };
  }

  /** @returns the address of an animated picture, there for as long as its explorer @throws AppError as {@link draw} does */
  async animate(
    question: Question<'explore.animate'>,
    options: CallOptions,
  ): Promise<{ src: string; explorer: string }> {
    const { of, result } = await this.#ask('explore.animate', question, options);
    return { src: pictures.explored(of, result.picture), explorer: of };
  }

  /** @throws AppError as {@link draw} does */
  async nearest(
    question: Question<'explore.nearest'>,
    options: CallOptions,
  ): Promise<ApiResult<'explore.nearest'>> {
    return (await this.#ask('explore.nearest', question, options)).result;
  }

  close(): void {
    this.#closed = true;
    for (const end of this.#ends) end();
    this.#cancel.abort();
    if (this.#held !== null) this.#letGo(this.#held.id);
  }

  #newer(): void {
    this.#readCheckpoints();
    if (!this.#following) return;
    if (this.#opening === null) this.#open(null);
    // Not at once: where checkpoints come faster than they are opened, none would ever be.
    else this.#outdated = true;
  }

  #readCheckpoints(): void {
    // Whatever is wrong with the run, opening its generator says so.
    this.#live.load().catch(() => undefined);
  }

  #open(step: number | null): void {
    this.#cancel.abort();
    const cancel = new AbortController();
    this.#cancel = cancel;
    this.#step = step;
    this.#opening = { step };
    this.#progress = null;
    this.#outdated = false;
    this.#opened = this.#call(step, cancel.signal);
    // Who draws is told, too.
    this.#opened.catch(() => undefined);
  }

  async #call(step: number | null, signal: AbortSignal): Promise<Explorer> {
    const before = this.#held;
    try {
      const params = { run: this.run, step };
      const onProgress = (progress: Progress) => {
        if (!signal.aborted) this.#progress = progress;
      };
      const options = { signal, onProgress, repeatable: true };
      const opened = await this.#api.call('explore.open', params, options);
      if (signal.aborted) {
        this.#letGo(opened.id);
        throw new AppError('cancelled', 'This was cancelled before it was done.');
      }
      this.#held = opened;
      if (!this.#following) this.#step = opened.step;
      this.#problem = null;
      if (before !== null && !this.#owed.has(before.id)) this.#letGo(before.id);
      return opened;
    } catch (error) {
      if (!signal.aborted) this.#problem = fromErrorData(toErrorData(error));
      throw error;
    } finally {
      // Another one may be under way by now.
      if (this.#cancel.signal === signal) this.#settle();
    }
  }

  #settle(): void {
    this.#opening = null;
    if (this.#outdated && this.#following && !this.#closed) this.#open(null);
  }

  /** Ends an explorer. It may be gone already. */
  #letGo(id: string): void {
    this.#api.call('explore.close', { explorer: id }).catch(() => undefined);
  }

  async #ask<Name extends Asked>(
    name: Name,
    question: Question<Name>,
    options: CallOptions,
  ): Promise<Answer<Name>> {
    const first = this.#held ?? (await this.#opened);
    try {
      return await this.#askOne(first.id, name, question, options);
    } catch (error) {
      const ended = error instanceof AppError && error.code === 'explore.ended';
      if (!ended || this.#closed) throw error;
      // Several may have found out at once.
      if (this.#held?.id === first.id && this.#opening === null) this.reopen();
      const again = this.#opening === null ? this.#held! : await this.#opened;
      return this.#askOne(again.id, name, question, options);
    }
  }

  async #askOne<Name extends Asked>(
    id: string,
    name: Name,
    question: Question<Name>,
    options: CallOptions,
  ): Promise<Answer<Name>> {
    this.#owed.set(id, (this.#owed.get(id) ?? 0) + 1);
    try {
      const params = { ...question, explorer: id } as ApiParams<Name>;
      const result = await this.#api.call<keyof Api & Name>(name, params, { ...options, repeatable: true });
      return { of: id, result };
    } finally {
      const left = this.#owed.get(id)! - 1;
      if (left > 0) this.#owed.set(id, left);
      else {
        this.#owed.delete(id);
        if (!this.#closed && this.#held !== null && this.#held.id !== id) this.#letGo(id);
      }
    }
  }
}
