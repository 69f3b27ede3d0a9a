import { createContext } from 'svelte';
import type * as v from 'valibot';
import type { AppError } from '../../src-shared/errors.ts';
import type { ApiParams, SystemInfo, Wish } from '../../src-shared/api.ts';
import { fromErrorData, toErrorData } from '../../src-shared/errors.ts';
import type { EngineReport } from '../../src-shared/trainer-protocol.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import { startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import type { OpenExperiment, Run } from '../../src-shared/library.ts';
import { unnamed } from '../../src-shared/library.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters, defaultLimits } from '../../src-shared/training.ts';
import type { ApiClient } from './api-client.svelte.ts';
import { Drafts } from './drafts.ts';
import type { Settings } from './experiment.svelte.ts';
import { ExperimentState } from './experiment.svelte.ts';
import { Kept } from './kept.svelte.ts';
import { Library } from './library.svelte.ts';
import { Notices } from './notices.svelte.ts';
import type { PlaceName, Route } from './route.ts';
import { firstRoute, formatRoute, parseRoute } from './route.ts';
import { Task } from './task.svelte.ts';

/** The browser's things that the studio uses. */
export type Page = Pick<Window, 'location' | 'localStorage' | 'sessionStorage' | 'addEventListener'>;

const lastRoute = 'ganvas.route';

/** All that the window shows: what is open, and everything that places share. Places get it with `getStudio()`. */
export class Studio {
  readonly api: ApiClient;
  readonly notices = new Notices();
  readonly library: Library;
  readonly #page: Page;
  readonly #drafts: Drafts;
  #route: Route = $state.raw(firstRoute);
  #experiment: ExperimentState | null = $state.raw(null);
  /** Why the experiment of the route cannot be shown. */
  #problem: AppError | null = $state.raw(null);
  #info: SystemInfo | null = $state.raw(null);
  #engines: readonly EngineReport[] = $state.raw([]);
  /** Everything that was opened stays: its edits may still be on their way. */
  readonly #opened = new Map<string, ExperimentState>();
  #starting: Task<Run> | null = $state.raw(null);

  /** @param windowName a name that no other window has */
  constructor(api: ApiClient, page: Page, windowName: string) {
    this.api = api;
    this.#page = page;
    this.#drafts = new Drafts(page.localStorage, windowName);
    this.library = new Library(api);
    api.onEvent((event) => {
      for (const experiment of this.#opened.values()) experiment.hear(event);
      if (event.type === 'wish') void this.#grant(event.wish);
    });
    api.onOpen(() => void this.#read());
    page.addEventListener('hashchange', () => this.#follow());
    page.addEventListener('pagehide', () => this.#flush());
    this.#follow();
  }

  get place(): PlaceName {
    return this.#route.place;
  }
  /** Id of the run that is looked at; null: none was chosen. */
  get run(): string | null {
    return this.#route.run;
  }
  /** The open experiment; null while there is none, and while it is being read. */
  get experiment(): ExperimentState | null {
    return this.#experiment;
  }
  /** Whether an experiment is being read. */
  get opening(): boolean {
    return this.#route.experiment !== null && this.#experiment === null && this.#problem === null;
  }
  /** Why the wanted experiment is not open. */
  get problem(): AppError | null {
    return this.#problem;
  }
  /** Null until the core has answered for the first time. */
  get info(): SystemInfo | null {
    return this.#info;
  }
  /** What can compute on this machine, and what is missing; empty until it is known. */
  get engines(): readonly EngineReport[] {
    return this.#engines;
  }
  /** A run that is about to start: its images may still have to be prepared. */
  get starting(): Task<Run> | null {
    return this.#starting;
  }

  /** Goes to another place, experiment or run; what is not named stays (but another experiment looks at no run). */
  go(to: Partial<Route>): void {
    const run =
      to.experiment === undefined || to.experiment === this.#route.experiment ? this.#route.run : null;
    const hash = formatRoute({ ...this.#route, run, ...to });
    if (hash === this.#page.location.hash) return;
    this.#page.location.hash = hash;
    // The browser tells of it later; whoever goes on from here is to start from the new place.
    this.#follow();
  }

  /**
   * A new experiment, which is then open.
   * @param settings what is not as usual
   * @param place where it is shown
   * @throws AppError what `experiments.create` throws
   */
  async create(
    name: string,
    design: Design,
    settings: Partial<Settings> = {},
    place: PlaceName = this.place,
  ): Promise<ExperimentState> {
    const created = await this.api.call('experiments.create', {
      name,
      history: packHistory(startHistory(design)),
      hyperparameters: defaultHyperparameters(),
      measuring: defaultMeasuring(),
      limits: defaultLimits(),
      engine: 'auto',
      imageSettings: null,
      source: null,
      ...settings,
    } satisfies ApiParams<'experiments.create'>);
    const state = this.#keep(created);
    this.go({ experiment: created.id, place });
    return state;
  }

  /** How a place was left in this tab. @param key the place's own */
  kept<T extends object>(key: string, schema: v.GenericSchema<unknown, T>, usual: T): Kept<T> {
    return new Kept(this.#page.sessionStorage, `ganvas.${key}`, schema, usual);
  }

  /** A new experiment that starts from the first preset, without images. */
  createEmpty(place: PlaceName): Promise<ExperimentState> {
    return this.create(unnamed, presets[0]!.design, {}, place);
  }

  /** Trains an experiment as it is now and looks at the run; what goes wrong is said. */
  async startTraining(experiment: ExperimentState, seed: number | null = null): Promise<void> {
    if (this.#starting !== null) return;
    const name = this.library.experiment(experiment.id)?.name ?? 'Run';
    this.#starting = new Task(async (options) => {
      await experiment.saveNow();
      return this.api.call('runs.start', { experiment: experiment.id, name, seed }, options);
    });
    try {
      const run = await this.#starting.done;
      this.go({ place: 'Train', experiment: experiment.id, run: run.id });
    } catch (error) {
      this.notices.fail(error);
    } finally {
      this.#starting = null;
    }
  }

  /** Does what a person has chosen outside of the page; what goes wrong is said. */
  async #grant(wish: Wish): Promise<void> {
    try {
      switch (wish) {
        case 'new-experiment':
          await this.createEmpty('Design');
          return;
        case 'open-file': {
          const opened = await this.api.call('experiments.openFile', {});
          if (opened !== null) this.go({ place: 'Design', experiment: opened.id });
          return;
        }
        case 'save-file': {
          const { experiment } = this;
          if (experiment === null) {
            this.notices.say('No experiment is open that could be saved.');
            return;
          }
          await experiment.saveNow();
          if (await this.api.call('experiments.saveFile', { id: experiment.id }))
            this.notices.say('The experiment has been saved as a file.');
          return;
        }
        default:
          this.go(wish);
      }
    } catch (error) {
      this.notices.fail(error);
    }
  }

  /** The connection is open (again): events may have been missed. */
  async #read(): Promise<void> {
    await this.library.load();
    for (const [id, state] of this.#opened) state.catchUp(this.library.experiment(id)?.revision ?? 0);
    try {
      this.#info = await this.api.call('system.info', {});
      this.#engines = await this.api.call('system.engines', {});
    } catch (error) {
      this.notices.fail(error);
    }
  }

  #keep(opened: OpenExperiment): ExperimentState {
    const known = this.#opened.get(opened.id);
    known?.catchUp(opened.revision);
    const { api, notices } = this;
    const state = known ?? new ExperimentState(opened, { api, notices, drafts: this.#drafts });
    this.#opened.set(opened.id, state);
    return state;
  }

  /** To what the address says; without that, to what was last shown. */
  #follow(): void {
    const last = this.#page.localStorage.getItem(lastRoute) ?? '';
    this.#route = parseRoute(this.#page.location.hash) ?? parseRoute(last) ?? firstRoute;
    this.#page.localStorage.setItem(lastRoute, formatRoute(this.#route));
    void this.#open(this.#route.experiment);
  }

  async #open(id: string | null): Promise<void> {
    if (this.#experiment?.id === id) return;
    this.#problem = null;
    this.#experiment = id === null ? null : (this.#opened.get(id) ?? null);
    if (id === null || this.#experiment !== null) return;
    try {
      const opened = await this.api.call('experiments.get', { id });
      // Somebody may have gone elsewhere meanwhile.
      if (this.#route.experiment === id) this.#experiment = this.#keep(opened);
    } catch (error) {
      if (this.#route.experiment === id) this.#problem = fromErrorData(toErrorData(error));
    }
  }

  #flush(): void {
    for (const experiment of this.#opened.values()) experiment.flush();
  }
}

export const [getStudio, provideStudio] = createContext<Studio>();
