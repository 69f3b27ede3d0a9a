/** TensorFlow itself, through its packages for Node: CUDA on an NVIDIA card, or the processor. */
import { createRequire } from 'node:module';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs';
import type { Card } from './cards.ts';
import { eagerEngine } from './eager.ts';
import type { Engine } from './engine.ts';

const packages = {
  cuda: {
    name: '@tensorflow/tfjs-node-gpu',
    needs: 'It needs Linux or Windows, an NVIDIA card, CUDA 11.2 and cuDNN 8.1.',
  },
  'tensorflow-cpu': { name: '@tensorflow/tfjs-node', needs: 'It needs no card.' },
} as const;

/** tfjs-node 4.22 calls two functions that Node 23 took away (tensorflow/tfjs#8425). */
function restoreRemovedFunctions(): void {
  const target = util as unknown as Record<string, unknown>;
  target['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  target['isArray'] ??= Array.isArray;
}

type Found = { engine: Engine; note: string } | { engine: null; note: string };

/**
 * @param card for CUDA
 * @returns the engine, or why it is not here and how to get it
 */
export async function findTensorFlow(which: keyof typeof packages, card: Card | null): Promise<Found> {
  const { name, needs } = packages[which];
  const require = createRequire(import.meta.url);
  try {
    require.resolve(name);
  } catch {
    return {
      engine: null,
      note: `The package ${name} is not installed. ${needs} "npm install ${name}" fetches it, and 400 MB of TensorFlow with it.`,
    };
  }
  restoreRemovedFunctions();
  try {
    require(name);
    const device = which === 'cuda' ? `${card?.name ?? 'NVIDIA card'}, CUDA` : 'CPU, TensorFlow';
    const engine = await eagerEngine(which, 'tensorflow', device, card?.memoryBytes ?? null);
    // Without its libraries or a card TensorFlow says nothing and computes on the processor.
    if (which === 'cuda' && !usesCard()) {
      return {
        engine: null,
        note: `TensorFlow is installed but finds no card that it can use. ${needs} Its own messages, above, name the library that is missing.`,
      };
    }
    return { engine, note: which === 'cuda' ? 'TensorFlow on an NVIDIA card.' : 'TensorFlow on all cores.' };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return { engine: null, note: `The package ${name} is installed but does not start: ${reason} ${needs}` };
  }
}

/** What tfjs-node's backend says of itself (tfjs-node/src/nodejs_kernel_backend.ts). */
function usesCard(): boolean {
  return (tf.backend() as unknown as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
}
