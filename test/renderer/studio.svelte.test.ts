/** What is open, where one is, and what the library holds, over a scripted core and a page that is only an address and a storage. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import type { Page } from '../../src-renderer/state/studio.svelte.ts';
import { Studio } from '../../src-renderer/state/studio.svelte.ts';
import type { Run } from '../../src-shared/library.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { AppError } from '../../src-shared/errors.ts';
import { browserStorage } from './browser-storage.ts';
import { ScriptedCore } from './scripted-core.ts';

const { design } = presets[0]!;

function page(hash = '', storage = browserStorage()) {
  const listeners = new Map<string, () => void>();
  const shown = {
    location: { hash },
    localStorage: storage,
    sessionStorage: browserStorage(),
    addEventListener: (name: string, listen: () => void) => listeners.set(name, listen),
  };
  return { ...shown, as: shown as unknown as Page, tell: (name: string) => listeners.get(name)?.() };
}

const run = (part: Partial<Run>): Run =>
  ({ id: 'r1', number: 1, state: 'running', deletedAt: null, ...part }) as Run;

describe('the studio', () => {
  const open = (core: ScriptedCore, at: ReturnType<typeof page>, name = 'w') =>
    new Studio(new ApiClient(core.openPort), at.as, name);
  const settled = <T>(look: () => T) => vi.waitFor(look);

  it('begins with the Data place, and nothing open', async () => {
    const studio = open(new ScriptedCore(), page());
    expect([studio.place, studio.experiment, studio.opening]).toEqual(['Data', null, false]);
    await settled(() => expect(studio.library.state).toBe('ready'));
    expect(studio.info?.shell).toBe('server');
  });

  it('opens what it has made, says so in the address, and comes back to it', async () => {
    const core = new ScriptedCore();
    const at = page();
    const studio = open(core, at);
    const made = await studio.create('Faces', design);
    studio.go({ place: 'Design' });
    expect(studio.experiment).toBe(made);
    expect(at.location.hash).toBe(`#/design/${made.id}`);
    const later = open(core, page('', at.localStorage), 'v');
    expect(later.opening).toBe(true);
    await settled(() => expect(later.experiment?.id).toBe(made.id));
    expect(later.place).toBe('Design');
  });

  it('goes twice in a row, and follows the address when it is changed by Back', async () => {
    const core = new ScriptedCore();
    const at = page();
    const studio = open(core, at);
    const [one, two] = [await studio.create('One', design), await studio.create('Two', design)];
    studio.go({ experiment: one.id });
    studio.go({ place: 'Train', run: 'r1' });
    expect(at.location.hash).toBe(`#/train/${one.id}/r1`);
    studio.go({ experiment: two.id });
    expect([studio.experiment, studio.run]).toEqual([two, null]);
    at.location.hash = `#/train/${one.id}/r1`;
    at.tell('hashchange');
    expect([studio.experiment, studio.run]).toEqual([one, 'r1']);
  });

  it('says why an experiment cannot be opened', async () => {
    const studio = open(new ScriptedCore(), page('#/design/gone'));
    await settled(() => expect(studio.problem?.code).toBe('experiment.missing'));
    expect([studio.experiment, studio.opening]).toEqual([null, false]);
  });

  it('closes an experiment that is gone for good, whether it hears of it or finds out later', async () => {
    for (const hears of [true, false]) {
      const core = new ScriptedCore();
      const studio = open(core, page());
      const { id } = await studio.create('Faces', design);
      const other = await studio.create('Other', design, {}, 'Design');
      studio.go({ experiment: id });
      core.experiments.delete(id);
      if (hears) core.broadcast({ type: 'purged', experiments: [id], runs: [] });
      else {
        core.cut();
        studio.api.retryNow();
      }
      await settled(() => expect(studio.problem?.code).toBe('experiment.missing'));
      expect([studio.experiment, studio.opening]).toEqual([null, false]);
      studio.go({ experiment: other.id });
      expect(studio.experiment).toBe(other);
    }
  });

  it('reads again what it missed while the connection was lost, also in experiments that are not shown', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const core = new ScriptedCore();
    const studio = open(core, page());
    const hidden = await studio.create('Hidden', design);
    await studio.create('Shown', design);
    core.reachable = false;
    core.cut();
    const kept = core.experiments.get(hidden.id)!;
    core.put({ ...kept, name: 'Renamed', engine: 'onnx', revision: 4 });
    core.reachable = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(studio.library.experiment(hidden.id)?.name).toBe('Renamed');
    expect(hidden.engine).toBe('onnx');
  });

  it('sends what is unsaved when the page goes', async () => {
    const core = new ScriptedCore();
    const at = page();
    const studio = open(core, at);
    const { id, editor } = await studio.create('Faces', design);
    editor.edit({ ...design, name: 'last' }, 'rename');
    at.tell('pagehide');
    expect(at.localStorage.length).toBe(2);
    await settled(() => expect(core.experiments.get(id)!.design.name).toBe('last'));
  });

  it('saves before it trains, then looks at the run; what is in the way is said', async () => {
    const core = new ScriptedCore();
    const studio = open(core, page());
    const experiment = await studio.create('Faces', design);
    let trained = '';
    core.script['runs.start'] = ({ experiment: id, name }) => {
      trained = `${name}: ${core.experiments.get(id)!.design.name}`;
      return run({ experiment: id });
    };
    experiment.editor.edit({ ...design, name: 'newest' }, 'rename');
    await studio.startTraining(experiment);
    expect(trained).toBe('Faces: newest');
    expect([studio.place, studio.run, studio.starting]).toEqual(['Train', 'r1', null]);
    core.script['runs.start'] = () => {
      throw new AppError('dataset.wrong-shape', 'The images have another size.');
    };
    await studio.startTraining(experiment);
    expect(studio.notices.list.map(({ text }) => text)).toEqual(['The images have another size.']);
  });
});

describe('the library', () => {
  it('is kept in step by events: runs, their progress, what is deleted, what is gone', async () => {
    const core = new ScriptedCore();
    core.script['runs.list'] = () => [run({ id: 'r1', number: 1, state: 'done', experiment: 'e1' })];
    const { library } = new Studio(new ApiClient(core.openPort), page().as, 'w');
    await vi.waitFor(() => expect(library.state).toBe('ready'));
    core.broadcast({ type: 'run', run: run({ id: 'r2', number: 2, state: 'queued', experiment: 'e1' }) });
    core.broadcast({ type: 'run', run: run({ id: 'r3', number: 3, experiment: 'e2' }) });
    const step = { step: 8, lossD: 1, lossG: 1, dReal: 0.5, dFake: 0.5, imagesPerSecond: 100 };
    core.broadcast({
      type: 'steps',
      run: 'r3',
      steps: [{ ...step, step: 7 }, step],
      imagesSeen: 512,
      trainingSeconds: 1,
      remainingSeconds: null,
    });
    await vi.waitFor(() => expect(library.progress.get('r3')?.last).toEqual(step));
    expect(library.runs.map(({ id }) => id)).toEqual(['r3', 'r2', 'r1']);
    expect(library.runsOf('e1').map(({ id }) => id)).toEqual(['r2', 'r1']);
    expect(library.active.map(({ id }) => id)).toEqual(['r2', 'r3']);
    core.broadcast({ type: 'run', run: run({ id: 'r2', number: 2, deletedAt: 5 }) });
    core.broadcast({ type: 'purged', experiments: [], runs: ['r1'] });
    await vi.waitFor(() => expect(library.runs.map(({ id }) => id)).toEqual(['r3']));
    expect(library.run('r2')?.deletedAt).toBe(5);
    expect(library.run('r1')).toBeUndefined();
  });

  it('forgets what has gone while the connection was lost', async () => {
    const core = new ScriptedCore();
    const studio = new Studio(new ApiClient(core.openPort), page().as, 'w');
    core.script['runs.list'] = () => [run({ id: 'r1' }), run({ id: 'r2' })];
    await studio.create('Faces', design);
    await vi.waitFor(() => expect(studio.library.run('r2')).toBeDefined());
    expect(studio.library.experiments).toHaveLength(1);
    core.script['runs.list'] = () => [run({ id: 'r1' })];
    core.experiments.clear();
    core.cut();
    studio.api.retryNow();
    await vi.waitFor(() => expect(studio.library.run('r2')).toBeUndefined());
    expect(studio.library.experiments).toEqual([]);
    expect(studio.library.run('r1')).toBeDefined();
  });

  it('believes an event that comes while the lists are read', async () => {
    const core = new ScriptedCore();
    const answer = Promise.withResolvers<Run[]>();
    core.script['runs.list'] = () => answer.promise;
    const { library } = new Studio(new ApiClient(core.openPort), page().as, 'w');
    await vi.waitFor(() => expect(core.calls).toContain('runs.list'));
    core.broadcast({ type: 'run', run: run({ state: 'done' }) });
    answer.resolve([run({ state: 'running' })]);
    await vi.waitFor(() => expect(library.state).toBe('ready'));
    expect(library.run('r1')?.state).toBe('done');
  });

  it('says why it cannot be read, and reads again when asked', async () => {
    const core = new ScriptedCore();
    core.script['runs.list'] = () => {
      throw new AppError('database.damaged', 'The library is damaged.');
    };
    const { library } = new Studio(new ApiClient(core.openPort), page().as, 'w');
    await vi.waitFor(() => expect(library.problem?.code).toBe('database.damaged'));
    delete core.script['runs.list'];
    await library.load();
    expect([library.state, library.problem]).toEqual(['ready', null]);
  });
});
