/**
 * The recorded graph on a graphics card of any vendor: ONNX Runtime's WebGPU (Dawn), over Vulkan, Metal or Direct3D 12. The state stays
 * in the card's memory; a step sends its inputs and gets its losses back.
 */
import './no-telemetry.ts';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-node';
import type { Arrays } from '../../parameters.ts';
import type { Card } from '../cards.ts';
import type { Engine, NamedShape, Program, TensorFunction } from '../engine.ts';
import { reasonOf, withClearErrors } from '../failure.ts';
import type { Model } from './graph.ts';
import { encodeModel } from './protobuf.ts';
import type { Recordings } from './recordings.ts';
import { recorded } from './recordings.ts';
import { graphics } from './target.ts';
import { nextPrefix, outputPrefix } from './trace.ts';

type Feeds = Record<string, ort.Tensor>;

/** @param onCard names of the outputs that stay in the card's memory */
function openSession(model: Uint8Array, onCard: readonly string[] = []): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(model, {
    executionProviders: ['webgpu'],
    preferredOutputLocation: Object.fromEntries(onCard.map((name) => [name, 'gpu-buffer'])),
    graphOptimizationLevel: 'disabled',
    enableMemPattern: false,
    logSeverityLevel: 4,
    // What the card has no kernel for would run on the processor in silence.
    extra: { session: { disable_cpu_ep_fallback: '1' } },
  });
}

/** A graph that hands every tensor through, to bring tensors into the card's memory or out of it. */
function copies(shapes: readonly NamedShape[]): Model {
  const boundary = (prefix: string) =>
    shapes.map(({ name, shape }) => ({ name: `${prefix}${name}`, shape, type: 'float32' as const }));
  return {
    inputs: boundary(''),
    outputs: boundary(outputPrefix),
    nodes: shapes.map(({ name }) => ({
      op: 'Identity',
      inputs: [name],
      outputs: [`${outputPrefix}${name}`],
      attributes: {},
    })),
    initializers: [],
  };
}

function dispose(tensors: Iterable<ort.Tensor>): void {
  for (const tensor of tensors) if (tensor.location === 'gpu-buffer') tensor.dispose();
}

/** Brings the state into the card's memory and copies it out. */
interface Mover {
  load: ort.InferenceSession;
  read: ort.InferenceSession;
}

/** A state on the card. */
class CardState {
  tensors: Feeds = {};
  /** Null without a state. */
  readonly #mover: Mover | null;
  readonly #shapes: readonly NamedShape[];
  /** Given and not yet brought to the card. */
  #given: Arrays | null = null;

  constructor(mover: Mover | null, shapes: readonly NamedShape[]) {
    this.#mover = mover;
    this.#shapes = shapes;
  }

  write(state: Arrays): void {
    this.#given = Object.fromEntries(
      this.#shapes.map(({ name }) => {
        const values = state[name];
        if (values === undefined) throw new Error(`The state lacks ${name}.`);
        return [name, values.slice()];
      }),
    );
  }

  async load(): Promise<void> {
    if (this.#given === null || this.#mover === null) return;
    const feeds: Feeds = {};
    for (const { name, shape } of this.#shapes)
      feeds[name] = new ort.Tensor('float32', this.#given[name]!, shape);
    dispose(Object.values(this.tensors));
    this.tensors = {};
    for (const [name, tensor] of Object.entries(await this.#mover.load.run(feeds)))
      this.tensors[name.slice(outputPrefix.length)] = tensor;
    this.#given = null;
  }

  async read(): Promise<Arrays> {
    await this.load();
    if (this.#mover === null) return {};
    const copied = await this.#mover.read.run(this.tensors);
    return Object.fromEntries(
      Object.entries(copied).map(([name, { data }]) => [
        name.slice(outputPrefix.length),
        data as Float32Array,
      ]),
    );
  }

  async dispose(): Promise<void> {
    dispose(Object.values(this.tensors));
    this.tensors = {};
    await this.#mover?.load.release();
    await this.#mover?.read.release();
  }
}

type OpenStep = (
  run: TensorFunction,
  inputs: readonly NamedShape[],
  about?: string,
) => Promise<ort.InferenceSession>;

class CardProgram implements Program {
  readonly #session: ort.InferenceSession;
  readonly #open: OpenStep;
  readonly #state: CardState;
  readonly #inputs: readonly NamedShape[];
  readonly #owns: boolean;

  /** @param owns whether the state goes with it */
  constructor(
    session: ort.InferenceSession,
    open: OpenStep,
    state: CardState,
    inputs: readonly NamedShape[],
    owns: boolean,
  ) {
    this.#session = session;
    this.#open = open;
    this.#state = state;
    this.#owns = owns;
    const read = new Set(this.#session.inputNames);
    this.#inputs = inputs.filter(({ name }) => read.has(name));
  }

  write(state: Arrays): void {
    this.#state.write(state);
  }

  read(): Promise<Arrays> {
    return this.#state.read();
  }

  async run(inputs: Arrays): Promise<Arrays> {
    await this.#state.load();
    const { tensors } = this.#state;
    const feeds: Feeds = {};
    for (const name of this.#session.inputNames) if (name in tensors) feeds[name] = tensors[name]!;
    for (const { name, shape } of this.#inputs) feeds[name] = new ort.Tensor('float32', inputs[name]!, shape);
    const outputs: Arrays = {};
    for (const [name, tensor] of Object.entries(await this.#session.run(feeds))) {
      if (name.startsWith(nextPrefix)) {
        const key = name.slice(nextPrefix.length);
        dispose([tensors[key]!]);
        tensors[key] = tensor;
      } else {
        outputs[name.slice(outputPrefix.length)] = tensor.data as Float32Array;
      }
    }
    return outputs;
  }

  async share(run: TensorFunction, inputs: readonly NamedShape[], about?: string): Promise<Program> {
    return new CardProgram(await this.#open(run, inputs, about), this.#open, this.#state, inputs, false);
  }

  async dispose(): Promise<void> {
    await this.#session.release();
    if (this.#owns) await this.#state.dispose();
  }
}

/** @param card what computes, in words, and its own memory */
function webgpuEngine({ name: device, memoryBytes }: Card, recordings?: Recordings): Engine {
  const prepare = async (
    run: TensorFunction,
    state: readonly NamedShape[],
    inputs: readonly NamedShape[],
    about?: string,
  ): Promise<Program> => {
    const open: OpenStep = async (opened, given, what) => {
      const { model, outputs } = await recorded(opened, state, given, graphics, what, recordings);
      return openSession(
        model,
        outputs.filter((name) => name.startsWith(nextPrefix)),
      );
    };
    const step = await open(run, inputs, about);
    if (state.length === 0) return new CardProgram(step, open, new CardState(null, state), inputs, true);
    const through = copies(state);
    const bytes = encodeModel(through);
    const load = await openSession(
      bytes,
      through.outputs.map(({ name }) => name),
    );
    const read = await openSession(bytes);
    return new CardProgram(step, open, new CardState({ load, read }, state), inputs, true);
  };
  return withClearErrors({ name: 'webgpu', device, memoryBytes, prepare });
}

/** What a machine must have, where it has not. */
const driver: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    "It needs a graphics card with a Vulkan driver: the card's own (NVIDIA) or Mesa's (mesa-vulkan-drivers), and the loader libvulkan1.",
  win32: "It needs a graphics card that knows Direct3D 12, with its maker's driver.",
  darwin: 'It needs a Mac that knows Metal.',
};

const [rows, columns] = [8, 12];

/**
 * Has an engine multiply a matrix with itself, in whole numbers that every driver can do without rounding.
 * @throws Error when it comes to something else
 */
export async function requireTruth(engine: Engine): Promise<void> {
  const probe: TensorFunction = (_state, { x }) => ({
    state: {},
    outputs: { y: tf.matMul(x!, x!, false, true) },
  });
  const x = Float32Array.from({ length: rows * columns }, (_, i) => ((i * 7) % 13) - 6);
  const program = await engine.prepare(probe, [], [{ name: 'x', shape: [rows, columns] }]);
  try {
    const { y } = await program.run({ x });
    for (let i = 0; i < rows; i += 1) {
      for (let j = 0; j < rows; j += 1) {
        let sum = 0;
        for (let k = 0; k < columns; k += 1) sum += x[i * columns + k]! * x[j * columns + k]!;
        if (y?.[i * rows + j] !== sum) throw new Error('Its driver computes wrong numbers.');
      }
    }
  } finally {
    await program.dispose();
  }
}

/**
 * @param cards of this machine; WebGPU itself says no name to Node
 * @param recordings where recorded graphs are kept, if anywhere
 * @returns the engine, or why it is not here
 */
export async function findWebgpu(
  cards: readonly Card[],
  recordings?: Recordings,
): Promise<{ engine: Engine; note: string } | { engine: null; note: string }> {
  const [card] = cards;
  const engine = webgpuEngine(card ?? { name: 'a software driver', memoryBytes: null }, recordings);
  try {
    await requireTruth(engine);
  } catch (error) {
    return { engine: null, note: `${reasonOf(error)} ${driver[process.platform] ?? ''}`.trim() };
  }
  const note =
    card === undefined
      ? 'Computes with WebGPU, but the system names no graphics card: a driver that computes on the processor, slower than onnx.'
      : 'The same recorded step on a graphics card of any maker, through Vulkan, Metal or Direct3D 12.';
  return { engine, note };
}
