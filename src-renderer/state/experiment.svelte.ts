import type { ApiEvent } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { History } from '../../src-shared/gan/history.ts';
import { present } from '../../src-shared/gan/history.ts';
import { packHistory, shortened, unpackHistory } from '../../src-shared/gan/history-json.ts';
import type { OpenExperiment } from '../../src-shared/library.ts';
import { maxMessage } from '../../src-shared/rpc.ts';
import type { ApiClient } from './api-client.svelte.ts';
import { DesignEditor } from './design-editor.svelte.ts';
import type { Drafts, Edits } from './drafts.ts';
import { Images } from './images.svelte.ts';
import type { Content } from './merge.ts';
import { mergeContents, mergeHistories, same } from './merge.ts';
import type { Notices } from './notices.svelte.ts';
import type { Tasks } from './tasks.svelte.ts';

/** What is edited beside the design. */
export type Settings = Omit<Content, 'design'>;
type Field = keyof Settings | 'history';

const settingNames = ['hyperparameters', 'measuring', 'limits', 'engine', 'imageSettings', 'source'] as const;

/** How long nothing must have changed, in milliseconds, before it is saved. */
const rest = 300;

export interface ExperimentContext {
  api: ApiClient;
  notices: Notices;
  drafts: Drafts;
  tasks: Tasks;
}

/**
 * An open experiment: its design and its settings, which save themselves. Another window's changes are taken over; what was edited in this
 * window and not saved by then stays as it is.
 */
export class ExperimentState {
  readonly id: string;
  readonly editor: DesignEditor;
  readonly images: Images;
  #settings: Settings;
  #revision: number;
  /** What the core had at that revision. */
  #base: Content;
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
    this.#base = contentOf(opened);
    this.#settings = $state.raw(settingsOf(this.#base));
    this.images = new Images(context.api, context.tasks, () => this.#settings);
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

  /** `failed`: see {@link problem}; {@link save} and the next edit try again. */
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
      (name) => name in settings && !same(settings[name], this.#settings[name]),
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
    this.#problem = null;
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
    const settle = (saved: OpenExperiment) => {
      this.#isAt(saved);
      // What was edited once more while it was sent stays unsaved.
      const edited = fields.filter((field, i) => this.#value(field) !== sent[i]);
      const others = [...this.#unsaved].filter((field) => !fields.includes(field));
      this.#unsaved = new Set([...edited, ...others]);
    };
    try {
      const params = { id: this.id, revision: this.#revision, draft: edits };
      settle(await this.#context.api.call('experiments.save', params, { repeatable: true }));
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'experiment.changed') throw error;
      const theirs = await this.#read();
      // Sent twice, because the answer to the first was lost: it is our own change that is in the way.
      if (fields.every((field) => same(theirs[field], edits[field]))) settle(theirs);
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
    const draft = { revision: this.#revision, base: this.#base, at: Date.now(), edits: this.#edits() };
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
    // It has been brought back.
    if (this.#problem?.code === 'experiment.deleted' && event.experiment.deletedAt === null) void this.save();
  }

  /** There is a newer revision, perhaps our own: whatever is missing here is read. */
  catchUp(revision: number): void {
    this.#newest = Math.max(this.#newest, revision);
    if (this.#newest > this.#revision && this.#ongoing === null) void this.save();
  }

  #isAt(opened: OpenExperiment): void {
    this.#revision = opened.revision;
    this.#newest = Math.max(this.#newest, opened.revision);
    this.#base = contentOf(opened);
  }

  /** Another window has saved. */
  #takeOver(theirs: OpenExperiment): void {
    const ours = { ...this.#settings, design: this.editor.design };
    const base = this.#base;
    this.#isAt(theirs);
    const history = unpackHistory(theirs.history);
    this.#become(mergeContents(base, ours, this.#base), { theirs: history, ours: this.editor.history });
    const unsaved = settingNames.filter((name) => !same(this.#settings[name], this.#base[name]));
    this.#unsaved = new Set(this.editor.history === history ? unsaved : [...unsaved, 'history']);
  }

  #become(
    { content, conflicts }: ReturnType<typeof mergeContents>,
    { theirs, ours }: Record<'theirs' | 'ours', History>,
  ): void {
    this.#settings = settingsOf(content);
    this.editor.adopt(mergeHistories(theirs, ours, content.design));
    if (conflicts.length === 0) return;
    this.#context.notices.say(
      `Another window has changed ${inWords(conflicts)} too. The later edit, that of this window, was kept.`,
    );
  }

  #takeDrafts(): void {
    const drafts = this.#context.drafts.take(this.id);
    if (drafts.length === 0) return;
    const before = this.editor.design;
    for (const { base, edits } of drafts) {
      const theirs = this.editor.history;
      const ours = edits.history === undefined ? theirs : unpackHistory(edits.history);
      const design = edits.history === undefined ? base.design : present(ours).design;
      const merged = mergeContents(
        base,
        { ...base, ...definedSettings(edits), design },
        { ...this.#settings, design: present(theirs).design },
      );
      this.#become(merged, { theirs, ours });
    }
    const edited = (['history', ...settingNames] as const).filter((field) =>
      drafts.some(({ edits }) => field in edits),
    );
    if (drafts.some(({ revision }) => revision !== this.#revision) && !same(before, this.editor.design))
      this.#context.notices.say(
        'Edits that had not been saved were brought back. Undo leads to what was saved.',
      );
    this.#edited(edited);
    this.#keepDraft();
  }
}

function inWords(list: readonly string[]): string {
  return new Intl.ListFormat('en').format(list);
}

function contentOf(experiment: Content): Content {
  const { design } = experiment;
  return { ...settingsOf(experiment), design };
}

function settingsOf(experiment: Settings): Settings {
  const { hyperparameters, measuring, limits, engine, imageSettings, source } = experiment;
  return { hyperparameters, measuring, limits, engine, imageSettings, source };
}

function definedSettings(edits: Edits): Partial<Settings> {
  return Object.fromEntries(settingNames.filter((name) => name in edits).map((name) => [name, edits[name]]));
}
