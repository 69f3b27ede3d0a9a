import { flushSync } from 'svelte';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import { newestStretches, RunView } from '../../src-renderer/state/run-view.svelte.ts';
import { append, noCurves } from '../../src-renderer/charts/curves.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import type { Run, RunDetails, Series } from '../../src-shared/library.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import type { StepStats } from '../../src-shared/training.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { ScriptedCore } from './scripted-core.ts';

const stats = (step: number): StepStats => ({
  step,
  lossD: 1 / step,
  lossG: step,
  dReal: 0.8,
  dFake: 0.2,
  imagesPerSecond: 640,
});

const run: Run = {
  id: 'r1',
  number: 1,
  name: 'faces',
  experiment: 'e1',
  design: presets[0]!.design,
  hyperparameters: { ...defaultHyperparameters(), keepCheckpoints: 2 },
  measuring: defaultMeasuring(),
  limits: { steps: null, kimg: null, minutes: null },
  dataset: {
    key: 'k',
    fingerprint: 'f',
    source: 'sample',
    count: 64,
    classes: [],
    settings: { height: 28, width: 28, channels: 1, fit: 'crop' },
  },
  seed: 0,
  engineWanted: 'auto',
  forkedFrom: null,
  engine: 'onnx',
  device: 'CPU',
  state: 'running',
  step: 4,
  imagesSeen: 256,
  trainingSeconds: 0.4,
  createdAt: 0,
  startedAt: 0,
  endedAt: null,
  reason: null,
  deletedAt: null,
};

const details = (more: Partial<RunDetails> = {}): RunDetails => ({
  run,
  history: [{ state: 'queued', at: 0, reason: null }],
  last: stats(4),
  samples: [{ step: 0, count: 64, columns: 8 }],
  checkpoints: [{ step: 2, bytes: 10 }],
  exports: [],
  diskUse: 10,
  ...more,
});

function seriesOf(steps: readonly StepStats[]): Series {
  const { step, count, seconds, columns } = append(noCurves, steps, 64);
  return {
    step: [...step],
    count: [...count],
    seconds: [...seconds],
    columns: structuredClone(columns),
  };
}

/** A run that has trained four steps, looked at over a real connection. */
async function look() {
  const core = new ScriptedCore();
  core.script['runs.get'] = () => details();
  core.script['runs.metrics'] = () => [];
  core.script['runs.series'] = ({ from, to }) =>
    seriesOf([1, 2, 3, 4].filter((step) => step >= (from ?? 1) && step <= (to ?? 4)).map(stats));
  const view = new RunView(new ApiClient(core.openPort), 'r1');
  onTestFinished(() => view.close());
  await vi.waitFor(() => expect(view.details).not.toBeNull());
  return { core, view };
}

describe('a run that is looked at', () => {
  it('has what the core has, then what events add', async () => {
    const { core, view } = await look();
    expect(view.curves.step).toEqual([1, 2, 3, 4]);
    core.broadcast({
      type: 'steps',
      run: 'r1',
      steps: [stats(5), stats(6)],
      imagesSeen: 384,
      trainingSeconds: 0.6,
      remainingSeconds: null,
    });
    core.broadcast({ type: 'sample', run: 'r1', step: 6, count: 64, columns: 8 });
    core.broadcast({ type: 'checkpoint', run: 'r1', step: 6, bytes: 11 });
    core.broadcast({ type: 'resources', run: 'r1', cpu: 0.9, memoryBytes: 5 });
    await vi.waitFor(() => expect(view.resources).toEqual({ cpu: 0.9, memoryBytes: 5 }));
    expect(view.curves.step).toEqual([1, 2, 3, 4, 5, 6]);
    expect(view.curves.seconds.at(-1)).toBeCloseTo(0.6, 9);
    expect(view.samples.map(({ step }) => step)).toEqual([0, 6]);
    expect(view.checkpoints.map(({ step }) => step)).toEqual([2, 6]);
  });

  it('forgets checkpoints that have made room for others', async () => {
    const { core, view } = await look();
    for (const step of [4, 6]) core.broadcast({ type: 'checkpoint', run: 'r1', step, bytes: 11 });
    core.broadcast({ type: 'pruned', run: 'r1', steps: [2] });
    await vi.waitFor(() => expect(view.checkpoints.map(({ step }) => step)).toEqual([4, 6]));
  });

  it('hears what is measured, while it is and when it is; the best is one that is there', async () => {
    const { core, view } = await look();
    const swd = (step: number, value: number) => ({ step, name: 'swd', value, protocol: { images: 32 } });
    core.broadcast({ type: 'checkpoint', run: 'r1', step: 4, bytes: 11 });
    core.broadcast({ type: 'measuring', run: 'r1', step: 4, phase: 'drawing images', problem: null });
    await vi.waitFor(() =>
      expect(view.measuring).toEqual({ step: 4, phase: 'drawing images', problem: null }),
    );
    core.broadcast({ type: 'metrics', run: 'r1', metrics: [swd(4, 30)] });
    core.broadcast({ type: 'metrics', run: 'r1', metrics: [swd(2, 20)] });
    core.broadcast({ type: 'metrics', run: 'r1', metrics: [swd(4, 25)] });
    core.broadcast({ type: 'measuring', run: 'r1', step: 4, phase: null, problem: null });
    await vi.waitFor(() => expect(view.measuring).toBeNull());
    expect(view.metrics).toEqual([swd(2, 20), swd(4, 25)]);
    expect(view.best).toBe(2);
    core.broadcast({ type: 'pruned', run: 'r1', steps: [2] });
    await vi.waitFor(() => expect(view.best).toBe(4));
  });

  it('does not take over what happens to other runs', async () => {
    const { core, view } = await look();
    core.broadcast({ type: 'sample', run: 'r2', step: 9, count: 64, columns: 8 });
    core.broadcast({
      type: 'steps',
      run: 'r2',
      steps: [stats(9)],
      imagesSeen: 1,
      trainingSeconds: 0.1,
      remainingSeconds: null,
    });
    core.broadcast({ type: 'sample', run: 'r1', step: 5, count: 64, columns: 8 });
    await vi.waitFor(() => expect(view.samples).toHaveLength(2));
    expect(view.samples.at(-1)?.step).toBe(5);
    expect(view.curves.step.at(-1)).toBe(4);
  });

  it('is read again when it is resumed from an earlier step: what came later is gone', async () => {
    const { core, view } = await look();
    core.script['runs.get'] = () =>
      details({ run: { ...run, state: 'queued' }, samples: [], checkpoints: [] });
    core.script['runs.series'] = () => seriesOf([stats(1)]);
    core.broadcast({ type: 'run', run: { ...run, state: 'queued', step: 1 } });
    await vi.waitFor(() => expect(view.curves.step).toEqual([1]));
    expect(view.samples).toEqual([]);
    expect(view.checkpoints).toEqual([]);
  });

  it('is read again when the connection comes back', async () => {
    const { core, view } = await look();
    core.script['runs.series'] = () => seriesOf([1, 2, 3, 4, 5, 6, 7].map(stats));
    core.cut();
    await vi.waitFor(() => expect(view.curves.step.at(-1)).toBe(7));
  });

  it('shows a range at full detail as soon as it is there, and what it knows of it until then', async () => {
    const { view } = await look();
    const looking = view.look({ from: 2, to: 3 });
    flushSync();
    expect(view.closeUp?.step).toEqual([2, 3]);
    await looking;
    expect(view.closeUp?.columns.lossG.mean).toEqual([2, 3]);
    await view.look(null);
    expect(view.closeUp).toBeNull();
  });

  it('asks for one range at a time, and leaves out those that were passed by', async () => {
    const { core, view } = await look();
    const asked: unknown[] = [];
    const answers: (() => void)[] = [];
    core.script['runs.series'] = async ({ from, to }) => {
      asked.push([from, to]);
      await new Promise<void>((resolve) => answers.push(resolve));
      return seriesOf([1, 2, 3, 4].filter((step) => step >= from! && step <= to!).map(stats));
    };
    const looking = [1, 2, 3].map((from) => view.look({ from, to: from + 1 }));
    expect(view.closeUp?.step).toEqual([3, 4]);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    answers[0]!();
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[1]!();
    await Promise.all(looking);
    expect(asked).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(view.closeUp?.step).toEqual([3, 4]);
    expect(view.known.step).toEqual([1, 2, 3, 4]);
  });

  it('says why it cannot be read', async () => {
    const core = new ScriptedCore();
    const view = new RunView(new ApiClient(core.openPort), 'r1');
    onTestFinished(() => view.close());
    await vi.waitFor(() => expect(view.problem?.code).toBe('test.not-scripted'));
  });
});

describe('the newest stretches of a run', () => {
  it('are means over equal numbers of steps up to the last one', () => {
    const steps = Array.from({ length: 1200 }, (_, i) => stats(i + 1));
    const newest = newestStretches(append(noCurves, steps, 64));
    expect(newest.map(({ step }) => step)).toEqual([700, 800, 900, 1000, 1100, 1200]);
    expect(newest[0]?.lossG).toBeCloseTo(650.5, 9);
  });

  it('are none where nothing was trained', () => expect(newestStretches(noCurves)).toEqual([]));
});
