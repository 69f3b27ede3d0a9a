/**
 * A generator as an ONNX graph for other programs: a node for each part that a person knows, standard operators, any number of images
 * at once. Images come channels first, as is usual there.
 */
import type { Activation, Shape } from '../../../src-shared/gan/block.ts';
import type {
  ConvTransposeBlock,
  Generator,
  GeneratorBlock,
  GeneratorDenseBlock,
} from '../../../src-shared/gan/mirror.ts';
import { groupsOf } from '../../../src-shared/gan/norm.ts';
import { size } from '../../../src-shared/gan/shape.ts';
import type { Attribute, GraphBoundary, GraphNode, Initializer, Model } from '../engines/onnx/graph.ts';
import { batchNormEpsilon, pixelNormEpsilon } from '../layers.ts';
import type { Tensors } from './trained-generator.ts';

export const inputName = 'z';
export const outputName = 'image';
/** Name of the size left open: how many images. */
const count = 'N';

/** Nodes one after the other; `name` is the value that the last one gives, `sides` its shape without the number of images. */
class Chain {
  name: string;
  sides: readonly number[];
  readonly #tensors: Tensors;
  readonly #input: GraphBoundary;
  readonly #nodes: GraphNode[] = [];
  readonly #initializers: Initializer[] = [];
  readonly #values: GraphBoundary[] = [];

  constructor(input: string, sides: readonly number[], tensors: Tensors) {
    this.name = input;
    this.sides = sides;
    this.#tensors = tensors;
    this.#input = { name: input, shape: [count, ...sides], type: 'float32' };
  }

  constant(
    name: string,
    values: Float32Array | BigInt64Array,
    shape: readonly number[] = [values.length],
  ): string {
    const type = values instanceof Float32Array ? 'float32' : 'int64';
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#initializers.push({ value: { name, shape, type }, bytes });
    return name;
  }

  integers(name: string, values: readonly number[]): string {
    return this.constant(name, BigInt64Array.from(values, BigInt));
  }

  /** A trained tensor, under its own name. @param seenAs its shape there, when that is another one */
  parameter(name: string, seenAs?: readonly number[]): string {
    const { values, shape } = this.#tensors[name]!;
    return this.constant(name, values, seenAs ?? shape);
  }

  /**
   * Adds a node that reads the last value.
   * @param others names of its further inputs
   */
  append(
    name: string,
    op: string,
    others: readonly string[] = [],
    attributes: Readonly<Record<string, Attribute>> = {},
    sides = this.sides,
  ): void {
    this.#nodes.push({ op, name, inputs: [this.name, ...others], outputs: [name], attributes });
    this.#values.push({ name, shape: [count, ...sides], type: 'float32' });
    this.name = name;
    this.sides = sides;
  }

  reshape(name: string, sides: readonly number[]): void {
    // 0 keeps the number of images.
    this.append(name, 'Reshape', [this.integers(`${name}.shape`, [0, ...sides])], {}, sides);
  }

  /** The model whose output is the last value. */
  finish(output: string): Model {
    const last = this.#nodes.at(-1)!;
    return {
      inputs: [this.#input],
      outputs: [{ name: output, shape: [count, ...this.sides], type: 'float32' }],
      nodes: this.#nodes.with(-1, { ...last, outputs: [output] }),
      initializers: this.#initializers,
      values: this.#values.slice(0, -1),
    };
  }
}

const sidesOf = ({ height, width, channels }: Shape) => [channels, height, width];

function appendActivation(chain: Chain, prefix: string, activation: Activation): void {
  const name = `${prefix}.${activation.kind}`;
  const number = (part: string, value: number) =>
    chain.constant(`${name}.${part}`, Float32Array.of(value), []);
  const x = chain.name;
  switch (activation.kind) {
    case 'none':
      return;
    case 'relu':
      return chain.append(name, 'Relu');
    case 'leakyRelu':
      return chain.append(name, 'LeakyRelu', [], { alpha: activation.slope });
    case 'elu':
      return chain.append(name, 'Elu', [], { alpha: 1 });
    case 'selu':
      return chain.append(name, 'Selu');
    case 'sigmoid':
      return chain.append(name, 'Sigmoid');
    case 'tanh':
      return chain.append(name, 'Tanh');
    case 'swish':
      chain.append(`${name}.sigmoid`, 'Sigmoid');
      return chain.append(name, 'Mul', [x]);
    case 'gelu':
      chain.append(`${name}.scaled`, 'Mul', [number('sqrtHalf', Math.SQRT1_2)]);
      chain.append(`${name}.erf`, 'Erf');
      chain.append(`${name}.shifted`, 'Add', [number('one', 1)]);
      chain.append(`${name}.product`, 'Mul', [x]);
      return chain.append(name, 'Mul', [number('half', 0.5)]);
  }
}

function appendDense(chain: Chain, prefix: string, block: GeneratorDenseBlock): void {
  const { input, output } = block;
  if (chain.sides.length > 1) chain.reshape(`${prefix}.flat`, [size(input)]);
  const parameters = ['weight', ...(block.bias ? ['bias'] : [])].map((part) =>
    chain.parameter(`${prefix}.${part}`),
  );
  chain.append(`${prefix}.dense`, 'Gemm', parameters, { transB: { int: 1 } }, [size(output)]);
  // A single column stays a vector: batch norm takes both.
  if (output.height * output.width > 1) chain.reshape(`${prefix}.map`, sidesOf(output));
}

function appendUnpool(
  chain: Chain,
  prefix: string,
  { unpool, edge, unpooled, input }: ConvTransposeBlock,
): void {
  const [down, across] = unpool;
  if (down === 1 && across === 1) return;
  const name = `${prefix}.unpool`;
  const nearest = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  const attributes = Object.fromEntries(Object.entries(nearest).map(([key, text]) => [key, { text }]));
  const repeated = [input.channels, input.height * down, input.width * across];
  // The empty name leaves out the region of interest, which this mode does not use.
  const scales = chain.constant(`${name}.scales`, Float32Array.of(1, 1, down, across));
  chain.append(name, 'Resize', ['', scales], attributes, repeated);
  const [rows, columns] = edge;
  if (rows === 0 && columns === 0) return;
  const pads = chain.integers(`${prefix}.edge.pads`, [0, 0, 0, 0, 0, 0, rows, columns]);
  chain.append(`${prefix}.edge`, 'Pad', [pads], { mode: { text: 'edge' } }, sidesOf(unpooled));
}

/** Groups of channels side by side are the channels of instance norm, which this format has. */
function appendGroupNorm(chain: Chain, prefix: string, groups: number): void {
  const { sides } = chain;
  const name = `${prefix}.groupNorm`;
  chain.append(`${name}.groups`, 'Reshape', [chain.integers(`${name}.groups.shape`, [0, groups, -1])], {}, [
    groups,
    sides.reduce((product, side) => product * side, 1) / groups,
  ]);
  const ones = chain.constant(`${name}.ones`, new Float32Array(groups).fill(1));
  const zeros = chain.constant(`${name}.zeros`, new Float32Array(groups));
  chain.append(`${name}.normal`, 'InstanceNormalization', [ones, zeros], { epsilon: batchNormEpsilon });
  chain.reshape(`${name}.map`, sides);
  const spread = sides.map((side, axis) => (axis === 0 ? side : 1));
  chain.append(`${name}.scaled`, 'Mul', [chain.parameter(`${prefix}.gamma`, spread)]);
  chain.append(name, 'Add', [chain.parameter(`${prefix}.beta`, spread)]);
}

function appendPixelNorm(chain: Chain, prefix: string): void {
  const name = `${prefix}.pixelNorm`;
  const x = chain.name;
  const { sides } = chain;
  chain.append(`${name}.squares`, 'Mul', [x]);
  chain.append(`${name}.mean`, 'ReduceMean', [], { axes: { ints: [1] } }, sides.with(0, 1));
  chain.append(`${name}.guarded`, 'Add', [
    chain.constant(`${name}.epsilon`, Float32Array.of(pixelNormEpsilon), []),
  ]);
  chain.append(`${name}.length`, 'Sqrt');
  chain.append(`${name}.inverse`, 'Reciprocal');
  chain.append(name, 'Mul', [x], {}, sides);
}

function appendNorm(chain: Chain, prefix: string, { norm, output }: GeneratorBlock): void {
  const groups = groupsOf(norm, output.channels);
  if (groups !== null) appendGroupNorm(chain, prefix, groups);
  if (norm === 'pixel') appendPixelNorm(chain, prefix);
  if (norm !== 'batch') return;
  const parameters = ['gamma', 'beta', 'mean', 'variance'].map((part) =>
    chain.parameter(`${prefix}.${part}`),
  );
  chain.append(`${prefix}.batchNorm`, 'BatchNormalization', parameters, { epsilon: batchNormEpsilon });
}

function appendConvTranspose(chain: Chain, prefix: string, block: ConvTransposeBlock): void {
  const { kernel, stride, padding, outputPadding } = block;
  if (chain.sides.length === 1) chain.reshape(`${prefix}.map`, sidesOf(block.input));
  appendUnpool(chain, prefix, block);
  const parameters = ['weight', ...(block.bias ? ['bias'] : [])].map((part) =>
    chain.parameter(`${prefix}.${part}`),
  );
  const attributes = {
    kernel_shape: { ints: kernel },
    strides: { ints: stride },
    pads: { ints: [...padding, ...padding] },
    output_padding: { ints: outputPadding },
  };
  chain.append(`${prefix}.convTranspose`, 'ConvTranspose', parameters, attributes, sidesOf(block.output));
}

/**
 * Input `z` [N, latentDim], output `image` [N, channels, height, width].
 * @param tensors of `fromStateDict`
 */
export function onnxModel({ latentDim, blocks }: Generator, tensors: Tensors): Model {
  const chain = new Chain(inputName, [latentDim], tensors);
  blocks.forEach((block, i) => {
    const prefix = `generator.${i}`;
    if (block.kind === 'dense') appendDense(chain, prefix, block);
    else appendConvTranspose(chain, prefix, block);
    appendNorm(chain, prefix, block);
    appendActivation(chain, prefix, block.activation);
    const last = i === blocks.length - 1;
    if (last && chain.sides.length === 1) chain.reshape(`${prefix}.map`, sidesOf(block.output));
  });
  return chain.finish(outputName);
}
