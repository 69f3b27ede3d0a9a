/** Which engines this machine has. Never falls back in silence: what was asked for runs, or an error says why not. */
import * as tf from '@tensorflow/tfjs';
import { AppError } from '../../../src-shared/errors.ts';
import type { EngineReport } from '../../../src-shared/trainer-protocol.ts';
import type { EngineName } from '../../../src-shared/training.ts';
import { eagerEngine } from './eager.ts';
import type { Engine } from './engine.ts';
import { onnxEngine } from './onnx/engine.ts';
import { loadCuda } from './cuda.ts';

type Found = { engine: Engine; note: string } | { engine: null; note: string };

async function find(name: EngineReport['name'], threads?: number): Promise<Found> {
  switch (name) {
    case 'cuda':
      return loadCuda();
    case 'onnx':
      return {
        engine: onnxEngine(threads),
        note: 'Records a whole training step as one graph and runs it on all cores.',
      };
    case 'reference': {
      // Else it prints an advertisement for another package at its first operation.
      tf.enableProdMode();
      const engine = await eagerEngine('reference', 'cpu', 'CPU, plain JavaScript');
      return {
        engine,
        note: 'Hundreds of times slower: the yardstick that the other engines are tested against.',
      };
    }
  }
}

const names = ['cuda', 'onnx', 'reference'] as const;

/** Every engine that Ganvas knows, here or not. */
export async function listEngines(): Promise<EngineReport[]> {
  const reports: EngineReport[] = [];
  for (const name of names) {
    const { engine, note } = await find(name);
    reports.push({ name, available: engine !== null, device: engine?.device ?? null, note });
  }
  return reports;
}

/**
 * @param name `auto` takes the first of cuda and onnx that is here
 * @param threads of the processor, where the engine computes on it; all when absent
 * @throws AppError `engine.missing` with the reason and how to get it
 */
export async function openEngine(name: EngineName, threads?: number): Promise<Engine> {
  if (name === 'auto') {
    const cuda = await find('cuda');
    return cuda.engine ?? openEngine('onnx', threads);
  }
  const { engine, note } = await find(name, threads);
  if (engine === null)
    throw new AppError('engine.missing', `The engine ${name} is not here. ${note}`, { engine: name });
  return engine;
}
