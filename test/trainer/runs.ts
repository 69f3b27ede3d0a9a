/** Commands for tiny runs. */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import type { LoopControl } from '../../src-main/trainer/training-loop.ts';
import { train } from '../../src-main/trainer/training-loop.ts';
import type { PreparedDataset } from '../../src-shared/dataset.ts';
import type { Design } from '../../src-shared/gan/block.ts';
import type { TrainCommand, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { Hyperparameters, Limits } from '../../src-shared/training.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import { design } from './designs.ts';

/** Dropout, spectral norm and batch norm in both networks: everything that could be forgotten between two steps. */
export const everything: Design = design([8, 8, 1], 3, [
  { outChannels: 3, spectralNorm: true, activation: { kind: 'leakyRelu', slope: 0.2 }, dropout: 0.2 },
  {
    outChannels: 4,
    norm: 'batch',
    activation: { kind: 'leakyRelu', slope: 0.2 },
    maxPool: [2, 1],
    mirror: { spectralNorm: true, norm: 'batch', dropout: 0.2 },
  },
  { outFeatures: 1, spectralNorm: true },
]);

export function settings(changed: Partial<Hyperparameters> = {}): Hyperparameters {
  return {
    ...defaultHyperparameters(),
    batch: 4,
    ema: { halfLifeKimg: 0.05, rampUp: 0.5 },
    initStddev: 0.2,
    sampleEvery: null,
    sampleCount: 4,
    checkpointEvery: null,
    ...changed,
  };
}

export function limits(changed: Partial<Limits>): Limits {
  return { steps: null, kimg: null, minutes: null, ...changed };
}

export function command(
  runDir: string,
  dataset: PreparedDataset,
  changed: Partial<Omit<TrainCommand, 'type'>> = {},
): TrainCommand {
  return {
    type: 'train',
    design: everything,
    hyperparameters: settings(),
    dataset,
    seed: 5,
    engine: 'onnx',
    limits: limits({ steps: 10 }),
    runDir,
    checkpoint: null,
    trials: `${runDir}-trials.json`,
    graphs: `${runDir}-graphs`,
    ...changed,
  };
}

/** Trains; gives what was told. `interrupt` is asked before each step with the number of steps told so far. */
export async function trained(
  given: TrainCommand,
  engine: Engine,
  interrupted: LoopControl['interrupted'] = () => null,
): Promise<TrainerEvent[]> {
  const events: TrainerEvent[] = [];
  await train(given, engine, { emit: (event) => events.push(event), interrupted });
  return events;
}

export function ofType<Type extends TrainerEvent['type']>(events: readonly TrainerEvent[], type: Type) {
  return events.filter((event): event is Extract<TrainerEvent, { type: Type }> => event.type === type);
}

/** The losses of every step, by step; speed, which differs from run to run, left out. */
export function lossesOf(events: readonly TrainerEvent[]): Record<number, number[]> {
  const steps = ofType(events, 'steps').flatMap((event) => event.steps);
  return Object.fromEntries(
    steps.map(({ step, lossD, lossG, dReal, dFake }) => [step, [lossD, lossG, dReal, dFake]]),
  );
}

export function folderOf(runDir: string, step: number): string {
  return join(runDir, 'checkpoints', String(step).padStart(8, '0'));
}

/** Fingerprint of a checkpoint's tensors. */
export async function fingerprint(runDir: string, step: number): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(folderOf(runDir, step), 'state.safetensors')))
    .digest('hex');
}

/** Names of a run's checkpoints, whole or not. */
export async function checkpointsIn(runDir: string): Promise<string[]> {
  return (await readdir(join(runDir, 'checkpoints'))).sort();
}
