import type { ApiEvent } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import { present } from '../../src-shared/gan/history.ts';
import { packHistory, shortened, unpackHistory } from '../../src-shared/gan/history-json.ts';
import type { Experiment, OpenExperiment } from '../../src-shared/library.ts';
import { maxMessage } from '../../src-shared/rpc.ts';
import type { ApiClient } from './api-client.svelte.ts';
import { DesignEditor } from './design-editor.svelte.ts';
import type { Drafts, Edits } from './drafts.ts';
import { Images } from './images.svelte.ts';
import { mergeHistories } from './merge.ts';
import type { Notices } from './notices.svelte.ts';

/** What is edited beside the design. */
export type Settings = Pick<
  Experiment,
  'hyperparameters' | 'measuring' | 'limits' | 'engine' | 'imageSettings' | 'source'
>;
type Field = keyof Settings | 'history';

const settingNames = ['hyperparameters', 'measuring', 'limits', 'engine', 'imageSettings', 'source'] as const;

/** How long nothing must have changed, in milliseconds, before it is saved. */
const rest = 300;

export interface ExperimentContext {
  api: ApiClient;
  notices: Notices;
  drafts: Drafts;
}

/**
 * An open experiment: its design and its settings, which save themselves. Another window's changes are taken over; edits of this window
 * that were not saved by then go on top of them.
 */
export class ExperimentState {
  readonly id: string;
  readonly editor: DesignEditor;
  readonly images: Images;
  #settings: Settings;
  #revision: number;
  /** The newest revision that was heard of. */
  #newest: number;
  #unsaved: ReadonlySet<Field> = $state.raw(new Set());
  #saving = $state(false);
  #problem: AppError | null = $state.raw(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #context: ExperimentContext;

  /** @param opened as the core has it; drafts that an earlier page left behind are taken over */
  constructor(opened: OpenExperiment, context: ExperimentContext) {
    this.id = opened.id;
    this.#context = context;
    this.#revision = opened.revision;
    this.#newest = opened.revision;
    this.#settings = $state.raw(settingsOf(opened));
    this.images = new Images(context.api, () => this.#settings);
    this.editor = new DesignEditor(unpackHistory(opened.history), () => this.#edited(['history']));
    this.#takeDrafts();
  }

  get hyperparameters(): Settings['hyperparameters'] {
    return this.#settings.hyperparameters;
  }
  get measuring(): Settings['measuring'] {
    return this.#settings.measuring;
  }
  get limits(): Settings['limits'] {
    return this.#settings.limits;
  }
  get engine(): Settings['engine'] {
    return this.#settings.engine;
  }
  /** Null until images have been chosen. */
  get imageSettings(): Settings['imageSettings'] {
    return this.#settings.imageSettings;
  }
  /** Null until images have been chosen. */
  get source(): Settings['source'] {
    return this.#settings.source;
  }

  /** `failed`: see {@link problem}; the next edit tries again. */
  get saved(): 'saved' | 'unsaved' | 'failed' {
    if (this.#problem !== null) return 'failed';
    return this.#unsaved.size > 0 || this.#saving ? 'unsaved' : 'saved';
  }
  get problem(): AppError | null {
    return this.#problem;
  }

  /** Changes settings; the values are taken as they are and must not be changed afterwards. */
  change(settings: Partial<Settings>): void {
    const changed = settingNames.filter(
      (name) => name in settings && JSON.stringify(settings[name]) !== JSON.stringify(this.#settings[name]),
    );
    if (changed.length === 0) return;
    this.#settings = { ...this.#settings, ...settings };
    this.#edited(changed);
  }

  #edited(fields: readonly Field[]): void {
    this.#unsaved = new Set([...this.#unsaved, ...fields]);
    this.#problem = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.save(), rest);
  }

  /** Keeps what is unsaved in the browser, and sends it; the page may be going. */
  flush(): void {
    if (this.#unsaved.size > 0) void this.save();
  }

  /** Saves what is unsaved. @throws AppError why it could not be saved */
  async saveNow(): Promise<void> {
    await this.save();
    if (this.#problem !== null) throw this.#problem;
  }

  #ongoing: Promise<void> | null = null;

  /** Resolves when everything is saved, or cannot be: see {@link saved}. Waits for a lost connection. */
  async save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#keepDraft();
    this.#ongoing ??= this.#saveAll().finally(() => (this.#ongoing = null));
    await this.#ongoing;
  }

  async #saveAll(): Promise<void> {
    this.#saving = true;
    try {
      while (this.#unsaved.size > 0 || this.#newest > this.#revision) {
        if (this.#newest > this.#revision) this.#takeOver(await this.#read());
        if (this.#unsaved.size > 0) await this.#saveOnce();
      }
      this.#context.drafts.forget(this.id);
    } catch (error) {
      this.#problem = error instanceof AppError ? error : new AppError('internal', String(error));
      this.#context.notices.fail(error);
    } finally {
      this.#saving = false;
    }
  }

  #read(): Promise<OpenExperiment> {
    return this.#context.api.call('experiments.get', { id: this.id });
  }

  async #saveOnce(): Promise<void> {
    const fields = [...this.#unsaved];
    const sent = fields.map((field) => this.#value(field));
    const edits = this.#edits();
    const settle = (revision: number) => {
      this.#revision = revision;
      this.#newest = Math.max(this.#newest, revision);
      // What was edited once more while it was sent stays unsaved.
      const edited = fields.filter((field, i) => this.#value(field) !== sent[i]);
      const others = [...this.#unsaved].filter((field) => !fields.includes(field));
      this.#unsaved = new Set([...edited, ...others]);
    };
    try {
      const params = { id: this.id, revision: this.#revision, draft: edits };
      settle((await this.#context.api.call('experiments.save', params, { repeatable: true })).revision);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'experiment.changed') throw error;
      const theirs = await this.#read();
      // Sent twice, because the answer to the first was lost: it is our own change that is in the way.
      if (fields.every((field) => JSON.stringify(theirs[field]) === JSON.stringify(edits[field])))
        settle(theirs.revision);
      else this.#takeOver(theirs);
    }
  }

  #value(field: Field): unknown {
    return field === 'history' ? this.editor.history : this.#settings[field];
  }

  #edits(): Edits {
    const settings = Object.fromEntries(
      settingNames.filter((name) => this.#unsaved.has(name)).map((name) => [name, this.#settings[name]]),
    );
    if (!this.#unsaved.has('history')) return settings;
    return { ...settings, history: shortened(packHistory(this.editor.history), maxMessage / 2) };
  }

  #keepDraft(): void {
    if (this.#unsaved.size === 0) return;
    const draft = { revision: this.#revision, at: Date.now(), edits: this.#edits() };
    try {
      this.#context.drafts.keep(this.id, draft);
    } catch {
      // The browser has no room: the core is about to have it.
    }
  }

  /** To be called when the core tells something. */
  hear(event: ApiEvent): void {
    if (event.type === 'datasets') this.images.lookAgain();
    if (event.type !== 'experiment' || event.experiment.id !== this.id) return;
    this.catchUp(event.experiment.revision);
  }

  /** There is a newer revision, perhaps our own: whatever is missing here is read. */
  catchUp(revision: number): void {
    this.#newest = Math.max(this.#newest, revision);
    if (this.#newest > this.#revision && this.#ongoing === null) void this.save();
  }

  /** Another window has saved. */
  #takeOver(theirs: OpenExperiment): void {
    this.#revision = theirs.revision;
    this.#newest = Math.max(this.#newest, theirs.revision);
    this.#become(theirs, this.#unsaved.size === 0 ? null : this.#edits());
    if (this.#unsaved.size === 0) return;
    this.#context.notices.say(
      'Another window has changed this experiment too. Your edits were put on top of its; Undo leads back to them.',
    );
  }

  /** Theirs, with our edits on top. */
  #become(theirs: OpenExperiment, edits: Edits | null): void {
    const history = unpackHistory(theirs.history);
    this.#settings = { ...settingsOf(theirs), ...definedSettings(edits ?? {}) };
    this.editor.adopt(edits?.history === undefined ? history : mergeHistories(history, this.editor.history));
  }

  #takeDrafts(): void {
    const drafts = this.#context.drafts.take(this.id);
    const fields = new Set<Field>();
    const before = JSON.stringify(present(this.editor.history).design);
    for (const { revision, edits } of drafts) {
      const first = fields.size === 0 && revision === this.#revision;
      this.#settings = { ...this.#settings, ...definedSettings(edits) };
      if (edits.history !== undefined) {
        const history = unpackHistory(edits.history);
        this.editor.adopt(first ? history : mergeHistories(this.editor.history, history));
      }
      for (const field of ['history', ...settingNames] as const) if (field in edits) fields.add(field);
    }
    if (fields.size === 0) return;
    if (
      drafts.some(({ revision }) => revision !== this.#revision) &&
      before !== JSON.stringify(this.editor.design)
    )
      this.#context.notices.say(
        'Edits that had not been saved were brought back. Undo leads to what was saved.',
      );
    this.#edited([...fields]);
    this.#keepDraft();
  }
}

function settingsOf(experiment: Experiment): Settings {
  const { hyperparameters, measuring, limits, engine, imageSettings, source } = experiment;
  return { hyperparameters, measuring, limits, engine, imageSettings, source };
}

function definedSettings(edits: Edits): Partial<Settings> {
  return Object.fromEntries(settingNames.filter((name) => name in edits).map((name) => [name, edits[name]]));
}
