/** What the core has under way, as a window sees that did not ask for it. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import type { Page } from '../../src-renderer/state/studio.svelte.ts';
import { Studio } from '../../src-renderer/state/studio.svelte.ts';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import type { LongTask } from '../../src-shared/long-task.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import { browserStorage } from './browser-storage.ts';
import { ScriptedCore } from './scripted-core.ts';

const settings: ImageSettings = { height: 8, width: 8, channels: 3, fit: 'crop' };
const about = { name: 'Faces', begunAt: 1, progress: null, cancelled: false };
const progress = { phase: 'reading images', done: 1, total: 2, perSecond: 1, remainingSeconds: 1 };

describe('what is under way', () => {
  let core: ScriptedCore;
  let listed: LongTask[];
  let cancelled: string[];

  beforeEach(() => {
    core = new ScriptedCore();
    listed = [];
    cancelled = [];
    core.script['tasks.list'] = () => listed;
    core.script['tasks.cancel'] = ({ id }) => {
      cancelled.push(id);
      return null;
    };
  });

  async function open() {
    const page = {
      location: { hash: '' },
      localStorage: browserStorage(),
      sessionStorage: browserStorage(),
      addEventListener: () => undefined,
    } as unknown as Page;
    const studio = new Studio(new ApiClient(core.openPort), page, 'w');
    const imageSettings = settings;
    const experiment = await studio.create('Faces', presets[0]!.design, { source: 'sample', imageSettings });
    return { studio, experiment };
  }

  it('is known to a window that opens, and again to one that was away', async () => {
    listed = [{ ...about, id: 't1', kind: 'fork', run: 'r' }];
    const { studio } = await open();
    await vi.waitFor(() => expect(studio.tasks.list).toEqual(listed));
    listed = [{ ...about, id: 't2', kind: 'export', run: 'r' }];
    core.cut();
    studio.api.retryNow();
    await vi.waitFor(() => expect(studio.tasks.list).toEqual(listed));
  });

  it('is the start of the open experiment, with its progress; another one is not begun, and Cancel is for all', async () => {
    const { studio, experiment } = await open();
    const task = { ...about, id: 't1', kind: 'start', experiment: experiment.id } as const;
    core.broadcast({ type: 'task', task: { ...task, id: 't0', experiment: 'another' } });
    core.broadcast({ type: 'task', task });
    core.broadcast({ type: 'task', task: { ...task, progress } });
    await vi.waitFor(() => expect(studio.starting?.progress).toEqual(progress));
    await studio.startTraining(experiment);
    expect(core.calls).not.toContain('runs.start');
    studio.starting?.cancel();
    await vi.waitFor(() => expect(cancelled).toEqual(['t1']));
    core.broadcast({ type: 'task', task: { ...task, cancelled: true } });
    await vi.waitFor(() => expect(studio.starting?.cancelled).toBe(true));
    core.broadcast({ type: 'task-ended', task: 't1', error: null, told: true });
    await vi.waitFor(() => expect(studio.starting).toBeNull());
  });

  it('is the preparation of the images as they are chosen, and of no others', async () => {
    const { images } = (await open()).experiment;
    const task = { ...about, id: 't1', kind: 'prepare', source: 'sample', settings } as const;
    core.broadcast({ type: 'task', task: { ...task, settings: { ...settings, height: 9 } } });
    core.broadcast({ type: 'task', task: { ...task, id: 't2', source: 'other' } });
    await vi.waitFor(() => expect(core.calls).toContain('experiments.create'));
    expect(images.preparing).toBeNull();
    core.broadcast({ type: 'task', task: { ...task, id: 't3', progress } });
    await vi.waitFor(() => expect(images.preparing?.progress).toEqual(progress));
  });

  it('is said when it fails and nobody is left who waits for it, and then only', async () => {
    const { studio } = await open();
    const error = { code: 'disk.full', message: 'The disk is full.', details: {} };
    core.broadcast({ type: 'task-ended', task: 't1', error, told: true });
    core.broadcast({ type: 'task-ended', task: 't2', error: { ...error, message: 'No room.' }, told: false });
    await vi.waitFor(() => expect(studio.notices.list.map(({ text }) => text)).toEqual(['No room.']));
  });
});
