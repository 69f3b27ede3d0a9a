/** An open experiment against a core that counts revisions: autosaving, other windows, lost connections, pages that vanish. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import { Drafts } from '../../src-renderer/state/drafts.ts';
import { ExperimentState } from '../../src-renderer/state/experiment.svelte.ts';
import { Notices } from '../../src-renderer/state/notices.svelte.ts';
import { AppError } from '../../src-shared/errors.ts';
import { startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { browserStorage } from './browser-storage.ts';
import { ScriptedCore } from './scripted-core.ts';

const limits = { steps: null, kimg: null, minutes: null };

describe('an open experiment', () => {
  let core: ScriptedCore;
  let storage: ReturnType<typeof browserStorage>;
  let windows: number;
  let id: string;

  interface Opened {
    state: ExperimentState;
    notices: Notices;
    api: ApiClient;
  }

  async function open(): Promise<Opened> {
    const api = new ApiClient(core.openPort);
    const notices = new Notices();
    windows += 1;
    const drafts = new Drafts(storage, `w${windows}`);
    const state = new ExperimentState(await api.call('experiments.get', { id }), { api, notices, drafts });
    api.onEvent((event) => state.hear(event));
    return { state, notices, api };
  }

  const kept = () => core.experiments.get(id)!;
  const rename = ({ state }: Opened, name: string) =>
    state.editor.edit({ ...state.editor.design, name }, `call it ${name}`);
  const settled = () => vi.advanceTimersByTimeAsync(20_000);

  beforeEach(async () => {
    vi.useFakeTimers();
    core = new ScriptedCore();
    storage = browserStorage();
    windows = 0;
    const made = await new ApiClient(core.openPort).call('experiments.create', {
      name: 'Faces',
      history: packHistory(startHistory(presets[0]!.design)),
      hyperparameters: defaultHyperparameters(),
      measuring: defaultMeasuring(),
      limits,
      engine: 'auto',
      imageSettings: null,
      source: null,
    });
    id = made.id;
  });
  afterEach(() => vi.useRealTimers());

  it('saves edits when they rest, once, with the history and only what was edited', async () => {
    const opened = await open();
    rename(opened, 'a');
    rename(opened, 'ab');
    opened.state.change({ limits: { ...limits, steps: 100 } });
    expect(opened.state.saved).toBe('unsaved');
    await settled();
    expect(opened.state.saved).toBe('saved');
    expect(core.calls.filter((name) => name === 'experiments.save')).toHaveLength(1);
    expect(kept()).toMatchObject({ revision: 1, limits: { steps: 100 }, design: { name: 'ab' } });
    expect(kept().history.entries.map(({ what }) => what)).toEqual(['start', 'call it a', 'call it ab']);
    expect(storage.length).toBe(0);
  });

  it('does not save what changes nothing', async () => {
    const opened = await open();
    opened.state.change({ limits: { ...limits }, engine: 'auto' });
    await settled();
    expect(core.calls).not.toContain('experiments.save');
  });

  it('saves what is edited while a save is under way', async () => {
    const opened = await open();
    const answered = Promise.withResolvers<undefined>();
    const { promise } = answered;
    const real = core.experiments;
    core.script['experiments.save'] = async ({ revision, draft }) => {
      await promise;
      delete core.script['experiments.save'];
      const saved = { ...real.get(id)!, history: draft.history!, revision: revision + 1 };
      core.put(saved);
      return saved;
    };
    rename(opened, 'first');
    await vi.advanceTimersByTimeAsync(400);
    rename(opened, 'second');
    answered.resolve(undefined);
    await settled();
    expect(kept()).toMatchObject({ revision: 2, design: { name: 'second' } });
    expect(opened.state.saved).toBe('saved');
  });

  it('takes over what another window has saved, undo included', async () => {
    const [one, two] = [await open(), await open()];
    rename(one, 'from one');
    one.state.change({ engine: 'reference' });
    await settled();
    expect(two.state.editor.design.name).toBe('from one');
    expect(two.state.engine).toBe('reference');
    two.state.editor.undo();
    await settled();
    expect(one.state.editor.design.name).toBe('small-32');
    expect(one.state.editor.canRedo).toBe(true);
    expect([one, two].map(({ notices }) => notices.list)).toEqual([[], []]);
  });

  it('puts its edits on top of what another window has saved meanwhile, and says so', async () => {
    const [one, two] = [await open(), await open()];
    rename(one, 'theirs');
    one.state.change({ limits: { ...limits, steps: 7 } });
    rename(two, 'ours');
    two.state.change({ engine: 'onnx' });
    await vi.advanceTimersByTimeAsync(1000);
    for (const { state } of [one, two]) {
      expect(state.editor.design.name).toBe('ours');
      expect(state.limits.steps).toBe(7);
      expect(state.engine).toBe('onnx');
      expect(state.saved).toBe('saved');
    }
    expect(kept().design.name).toBe('ours');
    expect(two.notices.list.map(({ text }) => text).join()).toContain('Another window');
    two.state.editor.undo();
    expect(two.state.editor.design.name).toBe('theirs');
  });

  it('keeps every edit while the connection is lost, and sends them when it is back', async () => {
    const opened = await open();
    core.reachable = false;
    core.cut();
    rename(opened, 'offline');
    await settled();
    rename(opened, 'still offline');
    await settled();
    expect(opened.state.saved).toBe('unsaved');
    expect(kept().revision).toBe(0);
    core.reachable = true;
    await settled();
    expect(kept().design.name).toBe('still offline');
    expect(opened.state.saved).toBe('saved');
  });

  it('knows its own change again when the answer to it was lost', async () => {
    const opened = await open();
    const save = vi.fn();
    core.script['experiments.save'] = ({ revision, draft }) => {
      save();
      delete core.script['experiments.save'];
      core.put({ ...kept(), history: draft.history!, revision: revision + 1 });
      core.cut();
      throw new AppError('never', 'heard');
    };
    rename(opened, 'once');
    await settled();
    expect(opened.state.saved).toBe('saved');
    expect(kept().history.entries).toHaveLength(2);
    expect(opened.notices.list).toEqual([]);
  });

  it('is brought back with its undo steps after a page that vanished before it could save', async () => {
    const first = await open();
    core.reachable = false;
    core.cut();
    rename(first, 'one');
    rename(first, 'two');
    first.state.flush();
    core.reachable = true;
    // The first page is gone; only the browser's storage is left of it.
    core.experiments.set(id, { ...kept() });
    const later = await open();
    expect(later.state.editor.design.name).toBe('two');
    later.state.editor.undo();
    expect(later.state.editor.design.name).toBe('one');
    expect(later.notices.list).toEqual([]);
    await settled();
    expect(kept().design.name).toBe('one');
    expect(storage.length).toBe(0);
  });

  it('puts a draft on top of what was saved since, and loses neither of two windows that vanished', async () => {
    const [one, two] = [await open(), await open()];
    core.reachable = false;
    core.cut();
    rename(one, 'of one');
    one.state.flush();
    vi.advanceTimersByTime(1000);
    rename(two, 'of two');
    two.state.flush();
    core.put({ ...kept(), revision: 5, engine: 'onnx' });
    core.reachable = true;
    const later = await open();
    expect(later.state.editor.design.name).toBe('of two');
    expect(later.state.engine).toBe('onnx');
    later.state.editor.undo();
    expect(later.state.editor.design.name).toBe('of one');
    expect(later.notices.list.map(({ text }) => text).join()).toContain('brought back');
  });

  it('says why it cannot be saved, keeps the edits in the browser, and tries again with the next one', async () => {
    const opened = await open();
    core.script['experiments.save'] = () => {
      throw new AppError('disk.full', 'The disk is full.');
    };
    rename(opened, 'kept');
    await settled();
    expect(opened.state.saved).toBe('failed');
    expect(opened.state.problem?.code).toBe('disk.full');
    expect(opened.notices.list.map(({ error }) => error?.code)).toEqual(['disk.full']);
    expect(storage.length).toBe(1);
    await expect(opened.state.saveNow()).rejects.toThrow('The disk is full.');
    delete core.script['experiments.save'];
    rename(opened, 'kept and saved');
    await settled();
    expect(opened.state.saved).toBe('saved');
    expect(kept().design.name).toBe('kept and saved');
  });
});
