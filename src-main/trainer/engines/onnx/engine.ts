/** Functions are recorded once as an ONNX graph, which ONNX Runtime then runs: on all cores, or on any vendor's graphics card. */
import { availableParallelism } from 'node:os';
import './no-telemetry.ts';
import * as ort from 'onnxruntime-node';
import type { Arrays } from '../../parameters.ts';
import { elements } from '../../parameters.ts';
import type { Engine, NamedShape, Program, TensorFunction } from '../engine.ts';
import { withClearErrors } from '../failure.ts';
import type { Recordings } from './recordings.ts';
import { recorded } from './recordings.ts';
import { processor } from './target.ts';
import { nextPrefix, outputPrefix } from './trace.ts';

type Feeds = Record<string, ort.Tensor>;

function tensor(values: Float32Array, shape: readonly number[]): ort.Tensor {
  return new ort.Tensor('float32', values, shape);
}

/**
 * One tensor of a state. Where a step changes it, two buffers take turns: ONNX Runtime must not write a step's outputs over its inputs.
 */
interface Held {
  current: ort.Tensor;
  spare: ort.Tensor | null;
}
type State = ReadonlyMap<string, Held>;

type Open = (
  run: TensorFunction,
  inputs: readonly NamedShape[],
  about?: string,
) => Promise<ort.InferenceSession>;

class OnnxProgram implements Program {
  readonly #session: ort.InferenceSession;
  readonly #open: Open;
  readonly #state: State;
  readonly #inputs: readonly NamedShape[];
  /** Names of what it changes of the state. */
  readonly #changed: string[];
  readonly #outputs: string[];

  constructor(session: ort.InferenceSession, open: Open, state: State, inputs: readonly NamedShape[]) {
    this.#session = session;
    this.#open = open;
    this.#state = state;
    const read = new Set(session.inputNames);
    this.#inputs = inputs.filter(({ name }) => read.has(name));
    const changes = (name: string) => name.startsWith(nextPrefix);
    this.#outputs = session.outputNames.filter((name) => !changes(name));
    this.#changed = session.outputNames.filter(changes).map((name) => name.slice(nextPrefix.length));
    for (const name of this.#changed) {
      const held = state.get(name)!;
      held.spare ??= tensor(new Float32Array(held.current.size), held.current.dims);
    }
  }

  write(state: Arrays): void {
    for (const [name, { current }] of this.#state) {
      const values = state[name];
      if (values === undefined) throw new Error(`The state lacks ${name}.`);
      (current.data as Float32Array).set(values);
    }
  }

  read(): Promise<Arrays> {
    const copies = [...this.#state].map(
      ([name, { current }]) => [name, (current.data as Float32Array).slice()] as const,
    );
    return Promise.resolve(Object.fromEntries(copies));
  }

  async run(inputs: Arrays): Promise<Arrays> {
    const feeds: Feeds = {};
    for (const name of this.#session.inputNames) {
      const held = this.#state.get(name);
      if (held !== undefined) feeds[name] = held.current;
    }
    for (const { name, shape } of this.#inputs) feeds[name] = tensor(inputs[name]!, shape);
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const name of this.#changed) fetches[`${nextPrefix}${name}`] = this.#state.get(name)!.spare;
    for (const name of this.#outputs) fetches[name] = null;
    const results = await this.#session.run(feeds, fetches);
    for (const name of this.#changed) {
      const held = this.#state.get(name)!;
      [held.current, held.spare] = [held.spare!, held.current];
    }
    const given = (name: string) => name.slice(outputPrefix.length);
    return Object.fromEntries(
      this.#outputs.map((name) => [given(name), results[name]!.data as Float32Array]),
    );
  }

  async share(run: TensorFunction, inputs: readonly NamedShape[], about?: string): Promise<Program> {
    return new OnnxProgram(await this.#open(run, inputs, about), this.#open, this.#state, inputs);
  }

  dispose(): Promise<void> {
    return this.#session.release();
  }
}

/**
 * @param threads of ONNX Runtime; all cores when absent
 * @param recordings where recorded graphs are kept, if anywhere
 */
export function onnxEngine(threads = availableParallelism(), recordings?: Recordings): Engine {
  const prepare = async (
    run: TensorFunction,
    state: readonly NamedShape[],
    inputs: readonly NamedShape[],
    about?: string,
  ): Promise<Program> => {
    const open: Open = async (opened, given, what) => {
      const { model } = await recorded(opened, state, given, processor, what, recordings);
      return ort.InferenceSession.create(model, {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        // Merging equal nodes would keep matrices of patches alive that are meant to be gathered twice.
        graphOptimizationLevel: 'disabled',
        // Planning memory by pattern costs up to 0.8 GB at the same speed.
        enableMemPattern: false,
        logSeverityLevel: 3,
      });
    };
    const session = await open(run, inputs, about);
    const held = state.map(({ name, shape }): [string, Held] => [
      name,
      { current: tensor(new Float32Array(elements(shape)), shape), spare: null },
    ]);
    return new OnnxProgram(session, open, new Map(held), inputs);
  };
  const device = `CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return withClearErrors({ name: 'onnx', device, memoryBytes: null, prepare });
}
