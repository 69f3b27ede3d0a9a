/**
 * Records what a function over TensorFlow.js tensors does as an ONNX graph. The function runs once on a backend whose tensors have a
 * shape and a place in the graph but no values; gradients, being TensorFlow.js operations too, are recorded with the rest.
 */
import * as tf from '@tensorflow/tfjs';
import { AppError } from '../../../../src-shared/errors.ts';
import type { Tensors } from '../../network.ts';
import type { NamedShape, TensorFunction } from '../engine.ts';
import type { DataType, Model, Value } from './graph.ts';
import { dataTypes, Graph } from './graph.ts';
import type { Emit } from './kernels.ts';
import { kernels } from './kernels.ts';
import type { Target } from './target.ts';
import { processor } from './target.ts';

const backendName = 'onnx-recorder';

/** Before the names of graph outputs that carry the new state; the inputs of the same name carry the old one. */
export const nextPrefix = 'next.';
/** Before the names of graph outputs that are the function's. */
export const outputPrefix = 'output.';

function toDataType(dtype: tf.DataType): DataType {
  return dtype === 'int32' || dtype === 'bool' ? dtype : 'float32';
}

/** Holds, for each tensor alive, its value in the graph. */
class Recorder extends tf.KernelBackend {
  readonly graph: Graph;
  readonly #values = new Map<object, Value>();

  constructor(target: Target) {
    super();
    this.graph = new Graph(target);
  }

  valueIn(info: tf.TensorInfo): Value {
    return this.#values.get(info.dataId)!;
  }

  toTensorInfo(value: Value): tf.TensorInfo {
    const dataId = {};
    this.#values.set(dataId, value);
    const dtype = value.type === 'int64' ? 'int32' : value.type;
    return { dataId, shape: [...value.shape], dtype };
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const numbers = Array.from(values as ArrayLike<number>, Number);
    const type = toDataType(dtype);
    const [first] = numbers;
    const same = first !== undefined && numbers.every((number) => number === first);
    const array = type === 'float32' ? Float32Array.from(numbers) : Int32Array.from(numbers);
    const value = same ? this.graph.splat(first, shape, type) : this.graph.constant(array, shape);
    const toBool = { to: { int: dataTypes.bool } };
    const isTyped = value.type === type;
    return this.toTensorInfo(isTyped ? value : this.graph.node('Cast', [value], shape, toBool, type)).dataId;
  }

  override readSync(): tf.BackendValues {
    throw new Error('A recorded function cannot look at values.');
  }

  override read(): Promise<tf.BackendValues> {
    return Promise.reject(new Error('A recorded function cannot look at values.'));
  }

  override disposeData(dataId: object): boolean {
    this.#values.delete(dataId);
    return true;
  }

  override numDataIds(): number {
    return this.#values.size;
  }

  override incRef(): void {
    // Data goes with the last tensor that shows it: every tensor here has data of its own.
  }

  override refCount(): number {
    return 1;
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.#values.clear();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }
}

function register(emits: Readonly<Record<string, Emit>>): void {
  for (const [kernelName, emit] of Object.entries(emits)) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const recorder = backend as Recorder;
        const values: Record<string, Value> = {};
        for (const [name, info] of Object.entries(inputs))
          values[name] = recorder.valueIn(info as tf.TensorInfo);
        const result = emit(recorder.graph, values, attrs ?? {});
        return Array.isArray(result)
          ? result.map((value) => recorder.toTensorInfo(value))
          : recorder.toTensorInfo(result);
      },
    });
  }
}

register(kernels);

/**
 * @returns the graph. Inputs: the state's and the inputs' names; outputs: `next.<name>` for what the function changes of the state, and
 * `output.<name>` for its outputs.
 * @throws AppError `engine.operation-missing` naming the operation that no kernel records
 */
export function trace(
  run: TensorFunction,
  state: readonly NamedShape[],
  inputs: readonly NamedShape[],
  target: Target = processor,
): Model {
  // Nothing when none has been chosen yet, whatever the type says.
  const before: string | null | undefined = tf.getBackend();
  const recorder = new Recorder(target);
  tf.registerBackend(backendName, () => recorder);
  void tf.setBackend(backendName);
  const engine = tf.engine();
  try {
    engine.startScope('record');
    const enter = (shapes: readonly NamedShape[]): Tensors =>
      Object.fromEntries(
        shapes.map(({ name, shape }) => {
          const info = recorder.toTensorInfo(recorder.graph.input(name, shape));
          return [name, engine.makeTensorFromTensorInfo(info, recorder)];
        }),
      );
    const given = enter(state);
    const result = run(given, enter(inputs));
    const whole = (tensor: tf.Tensor) => recorder.graph.whole(recorder.valueIn(tensor));
    for (const [name, tensor] of Object.entries(result.state)) {
      if (tensor !== given[name]) recorder.graph.output(`${nextPrefix}${name}`, whole(tensor));
    }
    for (const [name, tensor] of Object.entries(result.outputs))
      recorder.graph.output(`${outputPrefix}${name}`, whole(tensor));
    // Those that the function kept would outlive the scope.
    tf.dispose(Object.values(result.outputs));
    return recorder.graph.finish();
  } catch (error) {
    const missing = /Kernel '(\w+)' not registered/.exec(error instanceof Error ? error.message : '');
    if (missing === null) throw error;
    throw new AppError(
      'engine.operation-missing',
      `The engines onnx and webgpu cannot record the operation ${missing[1]}. Choose another engine, or leave out what needs it.`,
      { operation: missing[1] },
      { cause: error },
    );
  } finally {
    engine.endScope();
    if (typeof before === 'string') void tf.setBackend(before);
    tf.removeBackend(backendName);
  }
}
