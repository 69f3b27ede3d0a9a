import { expect, test } from 'vitest';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import type { CallContext } from '../../src-shared/rpc.ts';
import type { draft } from './experiment.ts';
import { context } from './experiment.ts';
import { libraryFolder } from '../../src-main/store/library-folder.ts';
import { errorOf, faces, open, start, tinyDesign } from './library.ts';
import { ScriptedHost } from './scripted-trainer.ts';

const asked = {
  design: tinyDesign,
  hyperparameters: { ...defaultHyperparameters(), batch: 50 },
  engine: 'onnx',
} as const;

test('a design is tried once for its batch and engine, whatever else is set', async () => {
  const host = new ScriptedHost();
  const app = open(host);
  const measure = (changes: Partial<typeof draft.hyperparameters> = {}) =>
    app.handlers['system.stepTime'](
      { ...asked, hyperparameters: { ...asked.hyperparameters, ...changes } },
      context,
    );
  const first = measure();
  expect(host.newest.commands).toEqual([
    {
      type: 'trial',
      ...asked,
      trials: libraryFolder(app.libraryDir).engineTrials,
      graphs: libraryFolder(app.libraryDir).graphs,
    },
  ]);
  host.newest.say({ type: 'tried', stepSeconds: 0.25, engine: 'onnx' });
  expect(await first).toEqual({ kimgSeconds: 5, engine: 'onnx' });
  expect(host.newest.killed).toBe(true);
  expect(await measure({ keepCheckpoints: 7 })).toEqual({ kimgSeconds: 5, engine: 'onnx' });
  expect(host.trainers).toHaveLength(1);
  void errorOf(() => measure({ batch: 51 }));
  expect(host.trainers).toHaveLength(2);
});

test('a trial makes room: for a newer one, for whoever cancels it, and for a run', async () => {
  const host = new ScriptedHost();
  const app = open(host);
  const dataset = await faces(app);
  const controller = new AbortController();
  const measure = (batch: number, how: CallContext = context) =>
    errorOf(() =>
      app.handlers['system.stepTime'](
        { ...asked, hyperparameters: { ...asked.hyperparameters, batch } },
        how,
      ),
    );
  const first = measure(1);
  const [trainer] = host.trainers;
  const second = measure(2, { ...context, signal: controller.signal });
  expect((await first).code).toBe('cancelled');
  expect(trainer!.killed).toBe(true);
  controller.abort();
  expect((await second).code).toBe('cancelled');
  const third = measure(3);
  const trial = host.newest;
  start(app, dataset);
  expect((await third).code).toBe('cancelled');
  expect(trial.killed).toBe(true);
  expect((await measure(4)).code).toBe('trial.busy');
  expect(host.newest.commands[0]?.type).toBe('train');
  host.newest.say({ type: 'trained', as: 'done' });
  const after = measure(4);
  expect(host.newest.commands[0]?.type).toBe('trial');
  app.close();
  expect((await after).code).toBe('cancelled');
});
