/** Runs functions operation by operation on a TensorFlow.js backend, with the state kept on its device. */
import * as tf from '@tensorflow/tfjs';
import type { Arrays } from '../parameters.ts';
import type { Tensors } from '../network.ts';
import { withClearErrors } from './failure.ts';
import type { Engine, NamedShape, Program, TensorFunction } from './engine.ts';

function upload(shapes: readonly NamedShape[], arrays: Arrays): Tensors {
  return Object.fromEntries(
    shapes.map(({ name, shape }) => {
      const values = arrays[name];
      if (values === undefined) throw new Error(`Nothing was given for ${name}.`);
      return [name, tf.tensor(values, [...shape], 'float32')];
    }),
  );
}

async function download(tensors: Tensors): Promise<Arrays> {
  const arrays: Arrays = {};
  for (const [name, tensor] of Object.entries(tensors)) arrays[name] = (await tensor.data()) as Float32Array;
  return arrays;
}

/** Tensors on the device. */
interface Held {
  tensors: Tensors;
}

function programOver(
  held: Held,
  run: TensorFunction,
  stateShapes: readonly NamedShape[],
  inputShapes: readonly NamedShape[],
  owns: boolean,
): Program {
  return {
    write(arrays) {
      tf.dispose(Object.values(held.tensors));
      held.tensors = upload(stateShapes, arrays);
    },
    read: async () => {
      const copied: Arrays = {};
      for (const [key, values] of Object.entries(await download(held.tensors))) copied[key] = values.slice();
      return copied;
    },
    async run(arrays) {
      const inputs = upload(inputShapes, arrays);
      let outputs: Tensors = {};
      let next: Tensors = {};
      try {
        tf.tidy(() => {
          const result = run(held.tensors, inputs);
          outputs = result.outputs;
          next = result.state;
          return [...Object.values(outputs), ...Object.values(next)];
        });
        const kept = new Set([...Object.values(next)]);
        const replaced = Object.entries(held.tensors).filter(
          ([key, tensor]) => key in next && !kept.has(tensor),
        );
        held.tensors = { ...held.tensors, ...next };
        tf.dispose(replaced.map(([, tensor]) => tensor));
        return await download(outputs);
      } finally {
        tf.dispose([...Object.values(inputs), ...Object.values(outputs)]);
      }
    },
    share: async (other, inputs) => programOver(held, other, stateShapes, inputs, false),
    dispose: async () => {
      if (owns) tf.dispose(Object.values(held.tensors));
    },
  };
}

/**
 * @param backend name of a registered TensorFlow.js backend
 * @param memoryBytes see {@link Engine}
 */
export async function eagerEngine(
  name: string,
  backend: string,
  device: string,
  memoryBytes: number | null = null,
): Promise<Engine> {
  await tf.setBackend(backend);
  await tf.ready();
  const prepare: Engine['prepare'] = async (run, state, inputs) =>
    programOver({ tensors: {} }, run, state, inputs, true);
  return withClearErrors({ name, device, memoryBytes, prepare });
}
