import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import type { ApiEvent } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import { ScriptedCore } from './scripted-core.ts';

const code = (call: Promise<unknown>) =>
  call.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

describe('the connection', () => {
  let core: ScriptedCore;
  let client: ApiClient;
  const opened = () => vi.waitFor(() => expect(client.link.is).toBe('open'));
  const lost = async () => {
    await vi.advanceTimersByTimeAsync(0);
    expect(client.link.is).toBe('lost');
  };

  beforeEach(() => {
    vi.useFakeTimers();
    core = new ScriptedCore();
    client = new ApiClient(core.openPort);
  });
  afterEach(() => vi.useRealTimers());

  it('opens by itself, and calls wait for it', async () => {
    client = new ApiClient(core.openPort);
    expect(client.link.is).toBe('connecting');
    expect(await client.call('experiments.list', {})).toEqual([]);
    expect(client.link.is).toBe('open');
  });

  it('refuses a change that was wanted before the first attempt to connect failed', async () => {
    core.reachable = false;
    client = new ApiClient(core.openPort);
    expect(await code(client.call('experiments.rename', { id: 'e', name: 'n' }))).toBe('connection.lost');
  });

  it('says since when it is lost, tries again ever more rarely, and tells when it is back', async () => {
    const openings = vi.fn();
    client.onOpen(openings);
    await opened();
    core.reachable = false;
    vi.setSystemTime(1_000_000);
    core.cut();
    await lost();
    expect(client.link).toEqual({ is: 'lost', since: 1_000_000 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.link).toEqual({ is: 'lost', since: 1_000_000 });
    core.reachable = true;
    await vi.advanceTimersByTimeAsync(8000);
    await opened();
    expect(openings).toHaveBeenCalledTimes(2);
  });

  it('asks whether the other end is still there; a connection that does not answer is ended, and made anew', async () => {
    await opened();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.link.is).toBe('open');
    // Gone without a word: nothing is answered any more.
    core.script['system.info'] = () => new Promise(() => undefined);
    core.reachable = false;
    core.script['experiments.list'] = () => new Promise(() => undefined);
    const look = code(client.call('experiments.list', {}));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(client.link.is).toBe('open');
    await vi.advanceTimersByTimeAsync(15_000);
    await lost();
    delete core.script['experiments.list'];
    core.reachable = true;
    await vi.advanceTimersByTimeAsync(8000);
    expect(client.link.is).toBe('open');
    expect(await look).toBe('done');
  });

  it('tries at once when a person asks for it', async () => {
    await opened();
    core.reachable = false;
    core.cut();
    await lost();
    await vi.advanceTimersByTimeAsync(10_000);
    core.reachable = true;
    client.retryNow();
    await vi.advanceTimersByTimeAsync(0);
    await opened();
  });

  it('is refused where the server does not know the key, and goes on trying', async () => {
    let known = false;
    client = new ApiClient(() => {
      if (!known) throw new AppError('connection.refused', 'unknown');
      return core.openPort();
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(client.link.is).toBe('refused');
    known = true;
    await vi.advanceTimersByTimeAsync(8000);
    await opened();
  });

  it('lets what only looks wait while it is lost; refuses what changes something, unless that is repeatable', async () => {
    await opened();
    core.reachable = false;
    core.cut();
    await lost();
    const read = client.call('experiments.list', {});
    const repeated = code(client.call('experiments.rename', { id: 'e', name: 'n' }, { repeatable: true }));
    expect(await code(client.call('experiments.rename', { id: 'e', name: 'n' }))).toBe('connection.lost');
    core.reachable = true;
    await vi.advanceTimersByTimeAsync(8000);
    expect(await read).toEqual([]);
    expect(await repeated).toBe('experiment.missing');
    expect(core.calls.filter((name) => name === 'experiments.rename')).toHaveLength(1);
  });

  it('asks again what only looks when it breaks before the answer, and says that a change may have been done', async () => {
    await opened();
    let asked = 0;
    core.script['runs.list'] = () => (++asked === 1 ? new Promise(() => undefined) : []);
    core.script['runs.rename'] = () => new Promise(() => undefined);
    const read = client.call('runs.list', {});
    const change = code(client.call('runs.rename', { id: 'r', name: 'n' }));
    await vi.advanceTimersByTimeAsync(0);
    core.cut();
    expect(await change).toBe('connection.lost-meanwhile');
    await vi.advanceTimersByTimeAsync(8000);
    expect(await read).toEqual([]);
    expect(asked).toBe(2);
  });

  it('ends a call that waits for it when it is cancelled', async () => {
    await opened();
    core.reachable = false;
    core.cut();
    await lost();
    const controller = new AbortController();
    const read = code(client.call('runs.list', {}, { signal: controller.signal }));
    controller.abort();
    expect(await read).toBe('cancelled');
    expect(await code(client.call('runs.list', {}, { signal: controller.signal }))).toBe('cancelled');
  });

  it('hands events to everyone who listens, on every connection, until they have heard enough', async () => {
    const heard: ApiEvent[] = [];
    const end = client.onEvent((event) => heard.push(event));
    await opened();
    core.broadcast({ type: 'datasets' });
    await vi.advanceTimersByTimeAsync(0);
    core.cut();
    await lost();
    await vi.advanceTimersByTimeAsync(8000);
    core.broadcast({ type: 'exports' });
    await vi.advanceTimersByTimeAsync(0);
    end();
    core.broadcast({ type: 'datasets' });
    await vi.advanceTimersByTimeAsync(0);
    expect(heard).toEqual([{ type: 'datasets' }, { type: 'exports' }]);
  });

  it('sends what is reactive as plain data', async () => {
    const limits = $state({ steps: 5, kimg: null, minutes: null });
    core.script['runs.resume'] = ({ limits: given }) => {
      throw new AppError('seen', JSON.stringify(given));
    };
    await opened();
    await expect(client.call('runs.resume', { id: 'r', step: null, limits })).rejects.toThrow(
      '{"steps":5,"kimg":null,"minutes":null}',
    );
  });
});
