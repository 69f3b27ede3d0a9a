/** Experiments and runs as the core tells of them, for tests of the page. */
import { presets } from '../../src-shared/gan/presets.ts';
import type { Experiment, Run } from '../../src-shared/library.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';

export function anExperiment(more: Partial<Experiment>): Experiment {
  return {
    id: 'e1',
    name: 'experiment',
    tags: [],
    createdAt: 0,
    updatedAt: 0,
    revision: 0,
    design: presets[0]!.design,
    hyperparameters: defaultHyperparameters(),
    measuring: defaultMeasuring(),
    limits: { steps: null, kimg: null, minutes: null },
    engine: 'auto',
    imageSettings: null,
    source: null,
    deletedAt: null,
    ...more,
  };
}

export function aRun(more: Partial<Run>): Run {
  return {
    id: 'r1',
    number: 1,
    name: 'run',
    experiment: 'e1',
    design: presets[0]!.design,
    hyperparameters: defaultHyperparameters(),
    measuring: defaultMeasuring(),
    limits: { steps: null, kimg: null, minutes: null },
    dataset: {
      key: 'k',
      fingerprint: 'f0f0f0f0f0',
      source: 'sample:64x28',
      count: 64,
      classes: [],
      settings: { height: 28, width: 28, channels: 1, fit: 'crop' },
    },
    seed: 0,
    engineWanted: 'auto',
    forkedFrom: null,
    engine: 'onnx',
    device: 'CPU',
    state: 'done',
    step: 4,
    imagesSeen: 256,
    trainingSeconds: 1,
    createdAt: 0,
    startedAt: 0,
    endedAt: null,
    reason: null,
    deletedAt: null,
    ...more,
  };
}
