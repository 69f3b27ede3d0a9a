/** TensorFlow itself, through its packages for Node: CUDA on an NVIDIA card, or the processor. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs';
import type { Card } from './cards.ts';
import { eagerEngine } from './eager.ts';
import type { Engine } from './engine.ts';
import { reasonOf } from './failure.ts';

const packages = { cuda: '@tensorflow/tfjs-node-gpu', 'tensorflow-cpu': '@tensorflow/tfjs-node' } as const;

const needs = 'It needs Linux or Windows, an NVIDIA card with its driver, CUDA 11.2 and cuDNN 8.1.';

/** tfjs-node 4.22 calls two functions that Node 23 took away (tensorflow/tfjs#8425). */
function restoreRemovedFunctions(): void {
  const target = util as unknown as Record<string, unknown>;
  target['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  target['isArray'] ??= Array.isArray;
}

type Found = { engine: Engine; note: string } | { engine: null; note: string };

/** How to get what is not here. */
function offer(which: keyof typeof packages, card: Card | null): string {
  if (which === 'tensorflow-cpu') {
    return `The package ${packages[which]} is not installed. It needs no card. In the folder of Ganvas "npm install --no-save ${packages[which]}@${tf.version['tfjs-core']}" fetches it, and 400 MB of TensorFlow with it; onnx is faster.`;
  }
  return card === null
    ? `Not installed. ${needs} The system names no NVIDIA card.`
    : `Not installed. "npm run setup:cuda" in the folder of Ganvas installs it for the ${card.name}, 400 MB. ${needs}`;
}

/** Where `npm run setup:cuda` installs. What is not there is looked for beside Ganvas' own packages. */
const place = fileURLToPath(new URL('../../../cuda/package.json', import.meta.url));

/**
 * @param card an NVIDIA one, for CUDA
 * @param from path of a file; packages are found as for a module there
 * @returns the engine, or why it is not here and how to get it
 */
export async function findTensorFlow(
  which: keyof typeof packages,
  card: Card | null,
  from = place,
): Promise<Found> {
  const name = packages[which];
  const require = createRequire(from);
  try {
    require.resolve(name);
  } catch {
    return { engine: null, note: offer(which, card) };
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
        note: `TensorFlow is installed but finds no card that it can use. ${needs} One of CUDA's libraries may be missing.`,
      };
    }
    return { engine, note: which === 'cuda' ? 'TensorFlow on an NVIDIA card.' : 'TensorFlow on all cores.' };
  } catch (error) {
    const reason = reasonOf(error);
    return {
      engine: null,
      note: `The package ${name} is installed but does not start: ${reason}${which === 'cuda' ? ` ${needs}` : ''}`,
    };
  }
}

/** What tfjs-node's backend says of itself (tfjs-node/src/nodejs_kernel_backend.ts). */
function usesCard(): boolean {
  return (tf.backend() as unknown as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
}
