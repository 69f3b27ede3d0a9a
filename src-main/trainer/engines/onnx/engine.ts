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

/** Two sets of buffers take turns: ONNX Runtime must not write a step's outputs over its inputs. */
class OnnxProgram implements Program {
  readonly #session: ort.InferenceSession;
  readonly #inputs: readonly NamedShape[];
  readonly #fixed: Feeds = {};
  #current: Feeds = {};
  #next: Feeds = {};
  readonly #outputs: string[] = [];

  constructor(session: ort.InferenceSession, state: readonly NamedShape[], inputs: readonly NamedShape[]) {
    this.#session = session;
    const read = new Set(session.inputNames);
    this.#inputs = inputs.filter(({ name }) => read.has(name));
    const changed = new Set(session.outputNames.filter((name) => name.startsWith(nextPrefix)));
    this.#outputs = session.outputNames.filter((name) => !changed.has(name));
    for (const { name, shape } of state) {
      const blank = () => tensor(new Float32Array(elements(shape)), shape);
      if (changed.has(`${nextPrefix}${name}`)) {
        this.#current[name] = blank();
        this.#next[name] = blank();
      } else {
        this.#fixed[name] = blank();
      }
    }
  }

  write(state: Arrays): void {
    for (const [name, held] of Object.entries({ ...this.#current, ...this.#fixed })) {
      const values = state[name];
      if (values === undefined) throw new Error(`The state lacks ${name}.`);
      (held.data as Float32Array).set(values);
    }
  }

  read(): Promise<Arrays> {
    const held = Object.entries({ ...this.#current, ...this.#fixed });
    return Promise.resolve(
      Object.fromEntries(held.map(([name, { data }]) => [name, (data as Float32Array).slice()])),
    );
  }

  async run(inputs: Arrays): Promise<Arrays> {
    const feeds: Feeds = {};
    for (const name of this.#session.inputNames) {
      const held = this.#current[name] ?? this.#fixed[name];
      if (held !== undefined) feeds[name] = held;
    }
    for (const { name, shape } of this.#inputs) feeds[name] = tensor(inputs[name]!, shape);
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const [name, held] of Object.entries(this.#next)) fetches[`${nextPrefix}${name}`] = held;
    for (const name of this.#outputs) fetches[name] = null;
    const results = await this.#session.run(feeds, fetches);
    [this.#current, this.#next] = [this.#next, this.#current];
    const given = (name: string) => name.slice(outputPrefix.length);
    return Object.fromEntries(
      this.#outputs.map((name) => [given(name), results[name]!.data as Float32Array]),
    );
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
    const { model } = await recorded(run, state, inputs, processor, about, recordings);
    const session = await ort.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Merging equal nodes would keep matrices of patches alive that are meant to be gathered twice.
      graphOptimizationLevel: 'disabled',
      // Planning memory by pattern costs up to 0.8 GB at the same speed.
      enableMemPattern: false,
      logSeverityLevel: 3,
    });
    return new OnnxProgram(session, state, inputs);
  };
  const device = `CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return withClearErrors({ name: 'onnx', device, memoryBytes: null, prepare });
}
