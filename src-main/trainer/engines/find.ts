/** Which engines this machine has. Never falls back in silence: what was asked for runs, or an error says why not. */
import * as tf from '@tensorflow/tfjs';
import { AppError } from '../../../src-shared/errors.ts';
import type { EngineReport } from '../../../src-shared/trainer-protocol.ts';
import type { EngineName } from '../../../src-shared/training.ts';
import { machineMemory } from '../memory.ts';
import type { Card } from './cards.ts';
import { findCards } from './cards.ts';
import { eagerEngine } from './eager.ts';
import type { Engine } from './engine.ts';
import { onnxEngine } from './onnx/engine.ts';
import type { Recordings } from './onnx/recordings.ts';
import { findWebgpu } from './onnx/webgpu.ts';
import { findTensorFlow } from './tensorflow.ts';

type Found = { engine: Engine; note: string } | { engine: null; note: string };

/** Every engine, the likely fastest first. */
const names = ['cuda', 'webgpu', 'onnx', 'tensorflow-cpu', 'reference'] as const;

export interface EngineOptions {
  /** Of the processor, where the engine computes on it; all when absent. */
  threads?: number;
  /** Where recorded graphs are kept; nowhere when absent. */
  recordings?: Recordings;
}

async function find(
  name: EngineReport['name'],
  cards: readonly Card[],
  { threads, recordings }: EngineOptions = {},
): Promise<Found> {
  switch (name) {
    case 'cuda':
      return findTensorFlow('cuda', cards.find(({ name }) => name.includes('NVIDIA')) ?? null);
    case 'tensorflow-cpu':
      return findTensorFlow('tensorflow-cpu', null);
    case 'webgpu':
      return findWebgpu(cards, recordings);
    case 'onnx':
      return {
        engine: onnxEngine(threads, recordings),
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

const onCard: readonly string[] = ['cuda', 'webgpu'];

/** Every engine that Ganvas knows, here or not. */
export async function listEngines(): Promise<EngineReport[]> {
  const reports: EngineReport[] = [];
  const cards = await findCards();
  for (const name of names) {
    const { engine, note } = await find(name, cards);
    const memory = onCard.includes(name) ? null : machineMemory();
    reports.push({
      name,
      available: engine !== null,
      device: engine?.device ?? null,
      memoryBytes: engine === null ? null : (engine.memoryBytes ?? memory),
      note,
    });
  }
  return reports;
}

/** Those of which one is chosen when none is named; the yardstick and the slow are not among them. */
const candidates = ['cuda', 'webgpu', 'onnx'] as const;

/** What the machine can train with, the likely fastest first. Without a card no engine for cards is asked: it would compute on the processor. */
export async function trainingEngines(options: EngineOptions): Promise<Engine[]> {
  const cards = await findCards();
  const found: Engine[] = [];
  for (const name of candidates) {
    if (cards.length === 0 && onCard.includes(name)) continue;
    const { engine } = await find(name, cards, options);
    if (engine !== null) found.push(engine);
  }
  return found;
}

/**
 * @param name `auto` is the processor's engine: what is done with a trained generator is over before a card has got ready
 * @throws AppError `engine.missing` with the reason and how to get it
 */
export async function openEngine(name: EngineName, options: EngineOptions = {}): Promise<Engine> {
  const wanted = name === 'auto' ? 'onnx' : name;
  const { engine, note } = await find(wanted, onCard.includes(wanted) ? await findCards() : [], options);
  if (engine === null)
    throw new AppError(
      'engine.missing',
      `The engine ${name} is not here. ${note} The engine onnx is always here.`,
      { engine: name },
    );
  return engine;
}
