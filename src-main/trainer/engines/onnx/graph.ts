/**
 * An ONNX graph while it is built: nodes in the order in which they were added, each distinct computation once, and what no output
 * needs left out at the end.
 */

import type { Target } from './target.ts';
import { processor } from './target.ts';

export type DataType = 'float32' | 'int32' | 'int64' | 'bool';

/** The schema's numbers for the element types (TensorProto.DataType). */
export const dataTypes: Record<DataType, number> = { float32: 1, int32: 6, int64: 7, bool: 9 };

export type Attribute = number | { int: number } | { ints: readonly number[] } | { text: string };

/** A tensor in the graph. */
export interface Value {
  name: string;
  shape: readonly number[];
  type: DataType;
  /** Set when every element is this number: then `name` is a single number that stands for the whole shape. */
  splat?: number;
}

export interface GraphNode {
  op: string;
  /** For viewers; recorded graphs have none. */
  name?: string;
  inputs: readonly string[];
  outputs: string[];
  /** A bare number is a float attribute. */
  attributes: Readonly<Record<string, Attribute>>;
}

export interface Initializer {
  value: Value;
  bytes: Uint8Array;
}

/** A graph's input or output; a text in its shape is a size left open, by name. */
export interface GraphBoundary {
  name: string;
  shape: readonly (number | string)[];
  type: DataType;
}

export interface Model {
  inputs: GraphBoundary[];
  outputs: GraphBoundary[];
  nodes: GraphNode[];
  initializers: Initializer[];
  /** Shapes of values in between, for viewers. */
  values?: GraphBoundary[];
}

export class Graph {
  readonly target: Target;
  readonly #inputs: GraphBoundary[] = [];
  readonly #outputs: { name: string; value: Value }[] = [];
  readonly #nodes: GraphNode[] = [];
  readonly #initializers = new Map<string, Initializer>();
  readonly #initializersByContent = new Map<string, Value>();
  readonly #known = new Map<string, Value[]>();
  #count = 0;

  constructor(target: Target = processor) {
    this.target = target;
  }

  #name(): string {
    this.#count += 1;
    return `t${this.#count}`;
  }

  input(name: string, shape: readonly number[], type: DataType = 'float32'): Value {
    this.#inputs.push({ name, shape, type });
    return { name, shape, type };
  }

  /** @param key tells equal contents apart from others without comparing them; absent: the contents are compared */
  constant(values: Float32Array | Int32Array | BigInt64Array, shape: readonly number[], key?: string): Value {
    const type =
      values instanceof Float32Array ? 'float32' : values instanceof Int32Array ? 'int32' : 'int64';
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const content = `${type} ${shape.join(' ')} ${key ?? Buffer.from(bytes).toString('base64')}`;
    const known = this.#initializersByContent.get(content);
    if (known !== undefined) return known;
    const value: Value = { name: this.#name(), shape, type };
    this.#initializers.set(value.name, { value, bytes });
    this.#initializersByContent.set(content, value);
    return value;
  }

  ints(values: readonly number[]): Value {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** {@link ints} that ONNX Runtime does not know before it runs, where the target wants that. */
  unforeseen(values: readonly number[]): Value {
    if (!this.target.hidesSizes) return this.ints(values);
    return this.node('Neg', [this.ints(values.map((value) => -value))], [values.length], {}, 'int64');
  }

  /** The sum of values of one shape. */
  sum(values: readonly Value[]): Value {
    const [first, ...others] = values as [Value, ...Value[]];
    if (others.length === 0) return first;
    if (this.target.sumsMany) return this.node('Sum', values, first.shape);
    return others.reduce((sum, value) => this.node('Add', [sum, value], first.shape), first);
  }

  /** One number in every place of `shape`, stored once. */
  splat(value: number, shape: readonly number[], type: DataType = 'float32'): Value {
    const array = type === 'float32' ? Float32Array.of(value) : Int32Array.of(value);
    let { name } = this.constant(array, []);
    if (type === 'bool') {
      name = this.node(
        'Cast',
        [{ name, shape: [], type: 'int32' }],
        [],
        { to: { int: dataTypes.bool } },
        type,
      ).name;
    }
    return { name, shape, type, splat: value };
  }

  /** The value with all its elements in memory. */
  whole(value: Value): Value {
    if (value.splat === undefined || value.shape.length === 0) return value;
    return this.node('Expand', [value, this.ints(value.shape)], value.shape, {}, value.type);
  }

  /**
   * Adds a node, or finds the one that already computes just this.
   * @param use nodes for different uses are never shared: cheaper to compute again than to keep in memory
   */
  nodes(
    op: string,
    inputs: readonly Value[],
    outputs: readonly { shape: readonly number[]; type?: DataType }[],
    attributes: Readonly<Record<string, Attribute>> = {},
    use = '',
  ): Value[] {
    const names = inputs.map((input) => input.name);
    const key = `${use} ${op} ${names.join(' ')} ${JSON.stringify(attributes)} ${outputs.length} ${outputs[0]?.type ?? ''}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const values = outputs.map(({ shape, type }) => ({ name: this.#name(), shape, type: type ?? 'float32' }));
    this.#nodes.push({ op, inputs: names, outputs: values.map((value) => value.name), attributes });
    this.#known.set(key, values);
    return values;
  }

  /** {@link nodes} for the usual case of one output. */
  node(
    op: string,
    inputs: readonly Value[],
    shape: readonly number[],
    attributes: Readonly<Record<string, Attribute>> = {},
    type: DataType = 'float32',
    use = '',
  ): Value {
    return this.nodes(op, inputs, [{ shape, type }], attributes, use)[0]!;
  }

  output(name: string, value: Value): void {
    this.#outputs.push({ name, value });
  }

  /**
   * The finished graph. A computed value takes its output's name itself; an input or constant handed through, or a value handed out
   * twice, costs a copy.
   */
  finish(): Model {
    const renamed = new Map<string, string>();
    const computed = new Set(this.#nodes.flatMap((node) => node.outputs));
    const copies: GraphNode[] = [];
    for (const { name, value } of this.#outputs) {
      if (computed.has(value.name) && !renamed.has(value.name)) renamed.set(value.name, name);
      else copies.push({ op: 'Identity', inputs: [value.name], outputs: [name], attributes: {} });
    }
    const called = (name: string) => renamed.get(name) ?? name;
    const all = [...this.#nodes, ...copies].map((node) => ({
      ...node,
      inputs: node.inputs.map(called),
      outputs: node.outputs.map(called),
    }));
    const needed = new Set(this.#outputs.map(({ name }) => name));
    const nodes: GraphNode[] = [];
    for (const node of all.reverse()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      node.inputs.forEach((input) => needed.add(input));
      nodes.push(node);
    }
    return {
      inputs: this.#inputs.filter((input) => needed.has(input.name)),
      outputs: this.#outputs.map(({ name, value }) => ({ name, shape: value.shape, type: value.type })),
      nodes: nodes.reverse(),
      initializers: [...this.#initializers.values()].filter(({ value }) => needed.has(value.name)),
    };
  }
}
