import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import { ExplorerState } from '../../src-renderer/state/explorer.svelte.ts';
import type { Explorer } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { RunDetails } from '../../src-shared/library.ts';
import { ScriptedCore } from './scripted-core.ts';

const image = { height: 8, width: 8, channels: 1 };
const seed0 = [{ kind: 'seed' as const, seed: 0 }];

/** A core that holds explorers as the real one does, for a run with checkpoints. */
class Core extends ScriptedCore {
  checkpoints = [10, 20];
  /** Explorers by id, in the order in which they were opened. */
  readonly held = new Map<string, Explorer>();
  opened = 0;
  /** What openings and drawings wait for. */
  opening: Promise<unknown> = Promise.resolve();
  drawing: Promise<unknown> = Promise.resolve();

  constructor() {
    super();
    const ended = () => new AppError('explore.ended', 'This generator is not held any more.');
    this.script['runs.get'] = () =>
      ({ checkpoints: this.checkpoints.map((step) => ({ step, bytes: 1 })) }) as unknown as RunDetails;
    this.script['explore.open'] = async ({ run, step }, { connection, signal, onProgress }) => {
      const wanted = step ?? this.checkpoints.at(-1);
      if (wanted === undefined) throw new AppError('checkpoint.none', 'There is none yet.');
      if (!this.checkpoints.includes(wanted)) throw new AppError('checkpoint.missing', 'It is gone.');
      this.opened += 1;
      const explorer = { id: `x${this.opened}`, run, step: wanted, latentDim: 4, image, directions: 2 };
      const phase = 'measuring batch statistics';
      onProgress({ phase, done: 64, total: 1024, perSecond: 0, remainingSeconds: null });
      await Promise.race([this.opening, new Promise((resolve) => (signal.onabort = resolve))]);
      if (signal.aborted) throw new AppError('cancelled', 'Cancelled.');
      this.held.set(explorer.id, explorer);
      connection.addEventListener('abort', () => this.held.delete(explorer.id));
      return explorer;
    };
    this.script['explore.draw'] = async ({ explorer, points, columns }) => {
      if (!this.held.has(explorer)) throw ended();
      await this.drawing;
      if (!this.held.has(explorer)) throw ended();
      return { picture: '1.png', columns, count: points.length };
    };
    this.script['explore.close'] = ({ explorer }) => {
      this.held.delete(explorer);
      return null;
    };
  }

  /** The run has written another checkpoint. */
  checkpoint(step: number): void {
    this.checkpoints.push(step);
    this.broadcast({ type: 'checkpoint', run: 'r1', step, bytes: 1 });
  }
}

function explore(core = new Core()) {
  const api = new ApiClient(core.openPort);
  const state = new ExplorerState(api, 'r1');
  onTestFinished(() => state.close());
  return { core, api, state };
}

async function explored() {
  const all = explore();
  const { state } = all;
  await vi.waitFor(() => expect(state.explorer).not.toBeNull());
  return all;
}

describe('a generator that is explored', () => {
  it('is the newest one, and says what it is and which others there are', async () => {
    const { state } = await explored();
    expect(state.explorer).toMatchObject({ run: 'r1', step: 20, latentDim: 4, directions: 2 });
    expect(state.opening).toBeNull();
    await vi.waitFor(() => expect(state.checkpoints).toEqual([10, 20]));
  });

  it('draws, and gives the address of its picture', async () => {
    const { state } = await explored();
    expect(await state.draw(seed0, 1)).toEqual({
      src: 'files/explored/x1/1.png',
      explorer: 'x1',
      columns: 1,
      points: seed0,
    });
  });

  it('follows new checkpoints of its run, and lets the old one go', async () => {
    const { core, state } = await explored();
    core.broadcast({ type: 'checkpoint', run: 'r2', step: 99, bytes: 1 });
    core.checkpoint(30);
    await vi.waitFor(() => expect(state.explorer?.step).toBe(30));
    await vi.waitFor(() => expect([...core.held.keys()]).toEqual(['x2']));
    expect(state.checkpoints).toEqual([10, 20, 30]);
  });

  it('stays with a checkpoint that was chosen, until it is to follow again', async () => {
    const { core, state } = await explored();
    state.look(10);
    await vi.waitFor(() => expect(state.explorer?.step).toBe(10));
    expect(state.following).toBe(false);
    core.checkpoint(30);
    await vi.waitFor(() => expect(state.checkpoints).toContain(30));
    expect(state.explorer?.step).toBe(10);
    state.follow();
    await vi.waitFor(() => expect(state.explorer?.step).toBe(30));
  });

  it('stays with the first one when it is told so while that is opened', async () => {
    const core = new Core();
    const opening = Promise.withResolvers<undefined>();
    core.opening = opening.promise;
    const { state } = explore(core);
    await vi.waitFor(() => expect(core.opened).toBe(1));
    state.stay();
    opening.resolve(undefined);
    await vi.waitFor(() => expect(state.explorer?.step).toBe(20));
    core.checkpoints = [20, 30];
    core.cut();
    await vi.waitFor(() => expect(state.explorer).toMatchObject({ id: 'x2', step: 20 }));
  });

  it('opens one after the other where checkpoints come faster than they are opened', async () => {
    const { core, state } = await explored();
    const first = Promise.withResolvers<undefined>();
    core.opening = first.promise;
    core.checkpoint(30);
    await vi.waitFor(() => expect(core.opened).toBe(2));
    core.checkpoint(40);
    core.checkpoint(50);
    await vi.waitFor(() => expect(state.checkpoints).toContain(50));
    expect(core.opened).toBe(2);
    first.resolve(undefined);
    await vi.waitFor(() => expect(state.explorer?.step).toBe(50));
    expect(core.opened).toBe(3);
    await vi.waitFor(() => expect(core.held.size).toBe(1));
  });

  it('shows what is open while another one is opened, and stays with it when that is cancelled', async () => {
    const { core, state } = await explored();
    core.opening = new Promise(() => undefined);
    state.look(10);
    expect(state.opening).toEqual({ step: 10 });
    expect(state.explorer?.step).toBe(20);
    await vi.waitFor(() => expect(state.progress).toMatchObject({ done: 64, total: 1024 }));
    state.stay();
    await vi.waitFor(() => expect(state.opening).toBeNull());
    expect(state.problem).toBeNull();
    expect((await state.draw(seed0, 1)).explorer).toBe('x1');
  });

  it('is opened again when it has ended, once for all that ask it', async () => {
    const { core, state } = await explored();
    state.look(20);
    core.held.clear();
    core.checkpoints.push(30);
    const drawn = await Promise.all([state.draw(seed0, 1), state.draw(seed0, 1)]);
    expect(drawn.map(({ explorer }) => explorer)).toEqual(['x2', 'x2']);
    expect(state.explorer).toMatchObject({ id: 'x2', step: 20 });
    expect(core.opened).toBe(2);
  });

  it('is opened again by itself when the connection comes back; what was asked is answered then', async () => {
    const { core, state } = await explored();
    core.drawing = new Promise(() => undefined);
    const drawn = state.draw(seed0, 1);
    core.drawing = Promise.resolve();
    core.cut();
    expect((await drawn).explorer).toBe('x2');
    expect(state.explorer?.id).toBe('x2');
  });

  it('answers what it was asked before it makes room for a newer one', async () => {
    const { core, state } = await explored();
    const drawing = Promise.withResolvers<undefined>();
    core.drawing = drawing.promise;
    const drawn = state.draw(seed0, 1);
    core.checkpoint(30);
    await vi.waitFor(() => expect(state.explorer?.step).toBe(30));
    expect(core.held.has('x1')).toBe(true);
    drawing.resolve(undefined);
    expect((await drawn).explorer).toBe('x1');
    await vi.waitFor(() => expect([...core.held.keys()]).toEqual(['x2']));
  });

  it('waits for the first checkpoint', async () => {
    const core = new Core();
    core.checkpoints = [];
    const { state } = explore(core);
    await vi.waitFor(() => expect(state.problem?.code).toBe('checkpoint.none'));
    core.checkpoint(10);
    await vi.waitFor(() => expect(state.explorer?.step).toBe(10));
    expect(state.problem).toBeNull();
  });

  it('says why it cannot be opened, keeps what is open, and tries the same again', async () => {
    const { core, state } = await explored();
    core.checkpoints = [20];
    state.look(10);
    await vi.waitFor(() => expect(state.problem?.code).toBe('checkpoint.missing'));
    expect(state.explorer?.step).toBe(20);
    core.checkpoints = [10, 20];
    state.reopen();
    await vi.waitFor(() => expect(state.explorer?.step).toBe(10));
    expect(state.problem).toBeNull();
  });

  it('passes on what else goes wrong', async () => {
    const { core, state } = await explored();
    core.script['explore.nearest'] = () => {
      throw new AppError('dataset.missing', 'The images are gone.');
    };
    const question = { point: seed0[0]!, count: 3 };
    await expect(state.nearest(question, {})).rejects.toMatchObject({ code: 'dataset.missing' });
    expect(core.opened).toBe(1);
  });

  it('ends with its place: what is held, and what is being opened', async () => {
    const { core, api, state } = await explored();
    core.opening = new Promise(() => undefined);
    core.checkpoint(30);
    await vi.waitFor(() => expect(core.opened).toBe(2));
    state.close();
    await vi.waitFor(() => expect(core.held.size).toBe(0));
    core.checkpoint(40);
    // What comes after the news has heard it.
    await api.call('system.engines', {});
    await api.call('system.engines', {});
    expect(core.opened).toBe(2);
  });
});
