/** TensorFlow's CUDA build through @tensorflow/tfjs-node-gpu, where it is installed. */
import { createRequire } from 'node:module';
import util from 'node:util';
import { eagerEngine } from './eager.ts';
import type { Engine } from './engine.ts';

const packageName = '@tensorflow/tfjs-node-gpu';

/** tfjs-node 4.22 calls two functions that Node 23 took away (tensorflow/tfjs#8425). */
function restoreRemovedFunctions(): void {
  const target = util as unknown as Record<string, unknown>;
  target['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  target['isArray'] ??= Array.isArray;
}

export async function loadCuda(): Promise<{ engine: Engine; note: string } | { engine: null; note: string }> {
  const require = createRequire(import.meta.url);
  try {
    require.resolve(packageName);
  } catch {
    return {
      engine: null,
      note: `The package ${packageName} is not installed: it is left out when its download of TensorFlow fails. It needs an NVIDIA card with CUDA 11.2 and cuDNN 8.1; "npm install ${packageName}" fetches it.`,
    };
  }
  restoreRemovedFunctions();
  try {
    require(packageName);
    const engine = await eagerEngine('cuda', 'tensorflow', 'TensorFlow, CUDA');
    return { engine, note: 'TensorFlow on an NVIDIA card.' };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return { engine: null, note: `The package ${packageName} is installed but does not start: ${reason}` };
  }
}
