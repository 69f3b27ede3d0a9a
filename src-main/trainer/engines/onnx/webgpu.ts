/**
 * The recorded graph on a graphics card of any vendor: ONNX Runtime's WebGPU (Dawn), over Vulkan, Metal or Direct3D 12. The state stays
 * in the card's memory; a step sends its inputs and gets its losses back.
 */
import './no-telemetry.ts';
import * as ort from 'onnxruntime-node';
import { AppError } from '../../../../src-shared/errors.ts';
import type { Arrays } from '../../parameters.ts';
import type { Engine, NamedShape, Program, TensorFunction } from '../engine.ts';
import type { Model } from './graph.ts';
import { encodeModel } from './protobuf.ts';
import { graphics } from './target.ts';
import { nextPrefix, outputPrefix, trace } from './trace.ts';

type Feeds = Record<string, ort.Tensor>;
type Location = 'cpu' | 'gpu-buffer';

/** @param locate where each output is left, by its name */
async function openSession(model: Model, locate: (name: string) => Location): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(encodeModel(model), {
      executionProviders: ['webgpu'],
      preferredOutputLocation: Object.fromEntries(model.outputs.map(({ name }) => [name, locate(name)])),
      graphOptimizationLevel: 'disabled',
      enableMemPattern: false,
      logSeverityLevel: 4,
      // What the card has no kernel for would run on the processor in silence.
      extra: { session: { disable_cpu_ep_fallback: '1' } },
    });
  } catch (error) {
    throw failure(error);
  }
}

/** ONNX Runtime's words begin with places in its sources. */
function failure(error: unknown): AppError {
  const said = error instanceof Error ? error.message : String(error);
  const reason = said.split('\n')[0]!.replace(/^.*(?: was false\. |\(\) )/, '');
  return new AppError(
    'engine.failed',
    `The graphics card did not do it: ${reason} What was saved before is whole. Go on with a smaller batch, or with the engine onnx, which needs no card.`,
    { engine: 'webgpu' },
    { cause: error },
  );
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

async function runSession(session: ort.InferenceSession, feeds: Feeds): Promise<Feeds> {
  try {
    return await session.run(feeds);
  } catch (error) {
    throw failure(error);
  }
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
    for (const [name, tensor] of Object.entries(await runSession(this.#mover.load, feeds)))
      this.tensors[name.slice(outputPrefix.length)] = tensor;
    this.#given = null;
  }

  async read(): Promise<Arrays> {
    await this.load();
    if (this.#mover === null) return {};
    const copied = await runSession(this.#mover.read, this.tensors);
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

type OpenStep = (run: TensorFunction, inputs: readonly NamedShape[]) => Promise<ort.InferenceSession>;

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
    for (const [name, tensor] of Object.entries(await runSession(this.#session, feeds))) {
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

  async share(run: TensorFunction, inputs: readonly NamedShape[]): Promise<Program> {
    return new CardProgram(await this.#open(run, inputs), this.#open, this.#state, inputs, false);
  }

  async dispose(): Promise<void> {
    await this.#session.release();
    if (this.#owns) await this.#state.dispose();
  }
}

/** @param device the card in words */
function webgpuEngine(device: string): Engine {
  const prepare = async (
    run: TensorFunction,
    state: readonly NamedShape[],
    inputs: readonly NamedShape[],
  ): Promise<Program> => {
    const open: OpenStep = (opened, given) =>
      openSession(trace(opened, state, given, graphics), (name) =>
        name.startsWith(nextPrefix) ? 'gpu-buffer' : 'cpu',
      );
    const step = await open(run, inputs);
    if (state.length === 0) return new CardProgram(step, open, new CardState(null, state), inputs, true);
    const load = await openSession(copies(state), () => 'gpu-buffer');
    const read = await openSession(copies(state), () => 'cpu');
    return new CardProgram(step, open, new CardState({ load, read }, state), inputs, true);
  };
  return { name: 'webgpu', device, prepare };
}

/** What a machine must have, where it has not. */
const driver: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    "It needs a graphics card with a Vulkan driver: the card's own (NVIDIA) or Mesa's (mesa-vulkan-drivers), and the loader libvulkan1.",
  win32: "It needs a graphics card that knows Direct3D 12, with its maker's driver.",
  darwin: 'It needs a Mac that knows Metal.',
};

/**
 * @param cards of this machine; WebGPU itself says no name to Node
 * @returns the engine, or why it is not here
 */
export async function findWebgpu(
  cards: readonly { name: string }[],
): Promise<{ engine: Engine; note: string } | { engine: null; note: string }> {
  const probe: TensorFunction = (_state, { x }) => ({ state: {}, outputs: { y: x!.square() } });
  const [card] = cards;
  const engine = webgpuEngine(card === undefined ? 'a software driver' : card.name);
  try {
    const program = await engine.prepare(probe, [], [{ name: 'x', shape: [1] }]);
    await program.run({ x: Float32Array.of(2) });
    await program.dispose();
  } catch (error) {
    const reason = error instanceof AppError ? (error.cause as Error).message : String(error);
    const said = reason.split('\n')[0]!.replace(/^.* was false\. /, '');
    return { engine: null, note: `${said}. ${driver[process.platform] ?? ''}`.trim() };
  }
  const note =
    card === undefined
      ? 'Computes with WebGPU, but the system names no graphics card: a driver that computes on the processor, slower than onnx.'
      : 'The same recorded step on a graphics card of any maker, through Vulkan, Metal or Direct3D 12.';
  return { engine, note };
}
