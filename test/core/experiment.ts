/** An experiment whose images are prepared already, and calls of handlers as a window makes them. */
import type { App } from '../../src-main/core/app.ts';
import { startHistory } from '../../src-shared/gan/history.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import type { ExperimentDraft, OpenExperiment, Run } from '../../src-shared/library.ts';
import type { CallContext } from '../../src-shared/rpc.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { faces, tinyDesign, tinyImages } from './library.ts';

const { signal } = new AbortController();
export const context: CallContext = { onProgress: () => undefined, signal, connection: signal };

export const draft: ExperimentDraft = {
  history: packHistory(startHistory(tinyDesign)),
  hyperparameters: { ...defaultHyperparameters(), batch: 4, sampleCount: 4, keepCheckpoints: 2 },
  measuring: defaultMeasuring(),
  limits: { steps: 100, kimg: null, minutes: null },
  engine: 'onnx',
  imageSettings: tinyImages,
  source: 'sample:12x8',
};

/** Makes an experiment of drawn faces. */
export async function makeExperiment(
  app: App,
  changes: Partial<ExperimentDraft> = {},
): Promise<OpenExperiment> {
  await faces(app);
  return app.handlers['experiments.create']({ name: 'Faces', ...draft, ...changes }, context);
}

/** Starts a run of it. */
export async function startRun(app: App, experiment: string): Promise<Run> {
  return app.handlers['runs.start']({ experiment, name: 'A run', seed: 1 }, context);
}
