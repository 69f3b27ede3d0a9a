/** Runs whose engine is not named, and runs that go from one engine to another. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseEngine } from '../../src-main/trainer/engines/choose.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { runEngine, stepTrial } from '../../src-main/trainer/run-engine.ts';
import { temporaryFolder, writeDataset } from './folders.ts';
import { webgpu } from './graphics.ts';
import { difference } from './measure.ts';
import { command, everything, folderOf, limits, lossesOf, trained } from './runs.ts';

const card = await webgpu();

test.skipIf(card.engine === null)(
  'the engine is measured; a run goes on with the one it began with, or with another that is asked for',
  async () => {
    const folder = await temporaryFolder();
    const dataset = await writeDataset(folder, everything, 10);
    const begun = command(join(folder, 'run'), dataset, { limits: limits({ steps: 2 }) });
    const both = [card.engine!, onnxEngine(1)];
    const chosen = await chooseEngine(both, 'step', join(folder, 'trials.json'), () => stepTrial(begun));
    expect(both).toContain(chosen.engine);
    expect(chosen.why).toMatch(/^the fastest here: \S+ ms a step, (onnx|webgpu) \S+ ms$/);

    await trained({ ...begun, engine: 'webgpu' }, card.engine!);
    const checkpoint = folderOf(begun.runDir, 2);
    const resumed = { ...begun, checkpoint, limits: limits({ steps: 4 }) };
    const same = await runEngine({ ...resumed, engine: 'auto' });
    expect(same).toMatchObject({ engine: { name: 'webgpu' }, why: null });
    const another = await runEngine({ ...resumed, engine: 'onnx' });
    expect(another).toMatchObject({ engine: { name: 'onnx' }, why: null });

    const onCard = lossesOf(await trained({ ...resumed, runDir: join(folder, 'a') }, same.engine));
    const onProcessor = lossesOf(await trained({ ...resumed, runDir: join(folder, 'b') }, onnxEngine(1)));
    for (const step of [3, 4]) expect(difference(onProcessor[step]!, onCard[step]!)).toBeLessThan(1e-3);
  },
);
