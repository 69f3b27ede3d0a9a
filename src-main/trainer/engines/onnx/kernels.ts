/**
 * TensorFlow.js kernels that compute nothing but add their operation to a graph. An operation without one here cannot be recorded;
 * TensorFlow.js then says which, and `trace.ts` turns that into words.
 */
import * as tf from '@tensorflow/tfjs';
import type { Geometry } from './convolution.ts';
import { convolve, inputGradient, kernelGradient, reshape } from './convolution.ts';
import type { Attribute, DataType, Graph, Value } from './graph.ts';
import { dataTypes } from './graph.ts';

type Inputs = Readonly<Record<string, Value>>;
/** Values are TensorFlow.js' own, of the types that its kernel of that name documents. */
type Attributes = Readonly<Record<string, unknown>>;
/** Adds one operation to the graph. Several inputs of a variadic operation are called `0`, `1`, ... */
export type Emit = (graph: Graph, inputs: Inputs, attributes: Attributes) => Value | Value[];

function variadic(inputs: Inputs): Value[] {
  return Object.keys(inputs)
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => inputs[key]!);
}

function unary(
  op: string,
  extra: (attributes: Attributes) => Readonly<Record<string, Attribute>> = () => ({}),
): Emit {
  return (graph, inputs, attributes) => {
    const [x] = Object.values(inputs) as [Value];
    const result = graph.node(op, [x], x.splat === undefined ? x.shape : [], extra(attributes), x.type);
    return x.splat === undefined ? result : graph.whole(spread(graph, result, x.shape));
  };
}

/** A single computed number in every place of `shape`. */
function spread(graph: Graph, x: Value, shape: readonly number[]): Value {
  return shape.length === 0 ? x : graph.node('Expand', [x, graph.ints(shape)], shape, {}, x.type);
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((side, i) => side === b[i]);
}

/** Element by element, with broadcasting. A splat takes part as a single number when the other operand has the result's shape. */
function binary(op: string, neutral?: { right: number; left?: number }): Emit {
  return pairwise(op, neutral, (type) => type);
}

const comparison = (op: string): Emit => pairwise(op, undefined, () => 'bool');

function pairwise(
  op: string,
  neutral: { right: number; left?: number } | undefined,
  resultOf: (operand: DataType) => DataType,
): Emit {
  return (graph, inputs) => {
    const { a, b } = inputs as { a: Value; b: Value };
    const shape = tf.backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    if (neutral !== undefined && b.splat === neutral.right && sameShape(a.shape, shape)) return a;
    if (neutral?.left !== undefined && a.splat === neutral.left && sameShape(b.shape, shape)) return b;
    const covers = (x: Value) => x.splat === undefined && sameShape(x.shape, shape);
    const operands = covers(a) || covers(b) ? [a, b] : [graph.whole(a), graph.whole(b)];
    return graph.node(op, operands, shape, {}, resultOf(a.type));
  };
}

/**
 * Where each operand is spread over axes of the other, both are made whole before: there ONNX Runtime's kernels for graphics cards fail
 * (Pow), or give wrong results beside other nodes of the kind (And).
 */
const spreadFirst =
  (emit: Emit): Emit =>
  (graph, inputs, attributes) => {
    const { a, b } = inputs as { a: Value; b: Value };
    const shape = tf.backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    if (sameShape(a.shape, shape) || sameShape(b.shape, shape)) return emit(graph, inputs, attributes);
    const whole = (x: Value) => spread(graph, graph.whole(x), shape);
    return emit(graph, { a: whole(a), b: whole(b) }, attributes);
  };

const not =
  (emit: Emit): Emit =>
  (graph, inputs, attributes) => {
    const x = emit(graph, inputs, attributes) as Value;
    return graph.node('Not', [x], x.shape, {}, 'bool');
  };

/** Sums over leading axes are products with a row of ones, which are several times faster than ReduceSum. */
function reduce(op: 'ReduceSum' | 'ReduceMean'): Emit {
  return (graph, inputs, attributes) => {
    const given = graph.whole(inputs['x']!);
    const x = op === 'ReduceMean' ? cast(graph, given, 'float32') : given;
    const axes = tf.util.parseAxisParam(attributes['axis'] as number | number[], [...x.shape]);
    // To ONNX, no axes would mean all.
    if (axes.length === 0) return x;
    axes.sort((a, b) => a - b);
    const kept = x.shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
    const shape = attributes['keepDims'] === true ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
    const leading = axes.every((axis, i) => axis === i) && axes.length < x.shape.length;
    if (leading && x.type === 'float32') {
      const columns = shape.reduce((product, side) => product * side, 1);
      const rows = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
      const weight = op === 'ReduceSum' ? 1 : 1 / rows;
      const sumOf = (matrix: Value, count: number, times: number): Value => {
        const weights = graph.constant(new Float32Array(count).fill(times), [1, count], `all ${times}`);
        return graph.node('MatMul', [weights, matrix], matrix.shape.with(-2, 1));
      };
      const [images] = x.shape as [number];
      if (rows <= graph.target.longestSum || axes.length === 1) {
        return reshape(graph, sumOf(reshape(graph, x, [rows, columns]), rows, weight), shape);
      }
      // In two stages, of at least an image each, so that the row of ones does not grow with the batch.
      let groups = Math.max(images, Math.ceil(rows / graph.target.longestSum));
      while (rows % groups !== 0) groups += 1;
      const each = sumOf(reshape(graph, x, [groups, rows / groups, columns]), rows / groups, weight);
      return reshape(graph, sumOf(reshape(graph, each, [groups, columns]), groups, 1), shape);
    }
    const keep = { keepdims: { int: Number(attributes['keepDims'] === true) } };
    if (op === 'ReduceSum') return graph.node(op, [x, graph.ints(axes)], shape, keep, x.type);
    return graph.node(op, [x], shape, { ...keep, axes: { ints: axes } });
  };
}

interface ConvolutionAttributes {
  strides: [number, number];
  pad: 'valid' | 'same' | number | [[number, number], [number, number], [number, number], [number, number]];
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function geometry(image: readonly number[], kernel: readonly number[], attributes: Attributes): Geometry {
  const { strides, pad, dimRoundingMode } = attributes as unknown as ConvolutionAttributes;
  const info = tf.backend_util.computeConv2DInfo(
    image as [number, number, number, number],
    kernel as [number, number, number, number],
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  return {
    batch: info.batchSize,
    image: [info.inHeight, info.inWidth],
    imageChannels: info.inChannels,
    output: [info.outHeight, info.outWidth],
    outputChannels: info.outChannels,
    kernel: [info.filterHeight, info.filterWidth],
    stride: [info.strideHeight, info.strideWidth],
    padding: [info.padInfo.top, info.padInfo.left],
  };
}

function slice(graph: Graph, x: Value, begin: readonly number[], shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  // A graphics card has no kernel that slices truth values.
  if (x.type === 'bool') return cast(graph, slice(graph, cast(graph, x, 'float32'), begin, shape), 'bool');
  const whole = graph.whole(x);
  const axes = x.shape.map((_, axis) => axis).filter((axis) => shape[axis] !== x.shape[axis]);
  const of = (values: readonly number[]) => graph.ints(axes.map((axis) => values[axis]!));
  const end = begin.map((from, axis) => from + shape[axis]!);
  return graph.node('Slice', [whole, of(begin), of(end), graph.ints(axes)], shape, {}, x.type);
}

function concat(graph: Graph, values: readonly Value[], along: number): Value {
  const wholes = values.map((value) => graph.whole(value));
  const [first] = wholes as [Value];
  const [axis] = tf.util.parseAxisParam(along, [...first.shape]) as [number];
  const length = wholes.reduce((sum, value) => sum + value.shape[axis]!, 0);
  return graph.node('Concat', wholes, first.shape.with(axis, length), { axis: { int: axis } }, first.type);
}

const castTo = (dtype: string): DataType => (dtype === 'bool' || dtype === 'int32' ? dtype : 'float32');

function cast(graph: Graph, x: Value, type: DataType): Value {
  if (x.type === type) return x;
  if (x.splat !== undefined) {
    const to = {
      float32: x.splat,
      int32: Math.trunc(x.splat),
      int64: Math.trunc(x.splat),
      bool: Number(x.splat !== 0),
    };
    return graph.splat(to[type], x.shape, type);
  }
  return graph.node('Cast', [x], x.shape, { to: { int: dataTypes[type] } }, type);
}

function pad(graph: Graph, inputs: Inputs, attributes: Attributes): Value {
  const x = graph.whole(inputs['x']!);
  const paddings = attributes['paddings'] as [number, number][];
  const shape = x.shape.map((side, axis) => side + paddings[axis]![0] + paddings[axis]![1]);
  const pads = graph.ints([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
  const value = graph.splat(attributes['constantValue'] as number, [], x.type);
  return graph.node('Pad', [x, pads, value], shape, {}, x.type);
}

function matMul(graph: Graph, inputs: Inputs, attributes: Attributes): Value {
  const [a, b] = [graph.whole(inputs['a']!), graph.whole(inputs['b']!)];
  const [transposeA, transposeB] = [attributes['transposeA'] === true, attributes['transposeB'] === true];
  if (a.shape.slice(0, -2).some((side) => side !== 1) || b.shape.slice(0, -2).some((side) => side !== 1)) {
    throw new Error('Only plain matrix products are recorded, not batches of them.');
  }
  const flat = (x: Value) => reshape(graph, x, x.shape.slice(-2));
  const rows = a.shape.at(transposeA ? -1 : -2)!;
  const columns = b.shape.at(transposeB ? -2 : -1)!;
  const flags = { transA: { int: Number(transposeA) }, transB: { int: Number(transposeB) } };
  const product =
    transposeA || transposeB
      ? graph.node('Gemm', [flat(a), flat(b)], [rows, columns], flags)
      : graph.node('MatMul', [flat(a), flat(b)], [rows, columns]);
  return reshape(graph, product, [...a.shape.slice(0, -2), rows, columns]);
}

/** 1 for x > 0, alpha elsewhere: a clip of an enormous multiple, which is several times faster than a comparison and a choice. */
function step(graph: Graph, inputs: Inputs, attributes: Attributes): Value {
  const x = graph.whole(inputs['x']!);
  const alpha = attributes['alpha'] as number;
  const large = graph.node('Mul', [x, graph.splat(3e38, [])], x.shape);
  return graph.node('Clip', [large, graph.splat(alpha, []), graph.splat(1, [])], x.shape);
}

const less = comparison('Less');
const greater = comparison('Greater');
const product = binary('Mul', { right: 1, left: 1 });

export const kernels: Readonly<Record<string, Emit>> = {
  Add: binary('Add', { right: 0, left: 0 }),
  AddN: (graph, inputs) => {
    const values = variadic(inputs).map((value) => graph.whole(value));
    return graph.sum(values);
  },
  Sub: binary('Sub', { right: 0 }),
  Multiply: product,
  RealDiv: binary('Div', { right: 1 }),
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  Pow: spreadFirst(binary('Pow', { right: 1 })),
  Greater: greater,
  Less: less,
  GreaterEqual: not(less),
  LessEqual: not(greater),
  LogicalAnd: spreadFirst(binary('And')),
  LogicalNot: unary('Not'),
  Neg: (graph, inputs) => {
    const x = inputs['x']!;
    if (x.splat !== undefined) return graph.splat(-x.splat, x.shape, x.type);
    return graph.node('Neg', [x], x.shape, {}, x.type);
  },
  Abs: unary('Abs'),
  Exp: unary('Exp'),
  Log: unary('Log'),
  Sqrt: unary('Sqrt'),
  Reciprocal: unary('Reciprocal'),
  Rsqrt: (graph, inputs) => {
    const x = graph.whole(inputs['x']!);
    return graph.node('Reciprocal', [graph.node('Sqrt', [x], x.shape)], x.shape);
  },
  Square: (graph, inputs, attributes) => product(graph, { a: inputs['x']!, b: inputs['x']! }, attributes),
  Erf: unary('Erf'),
  Relu: unary('Relu'),
  LeakyRelu: unary('LeakyRelu', (attributes) => ({ alpha: attributes['alpha'] as number })),
  Elu: unary('Elu'),
  /** scale * elu with an alpha (Klambauer et al., 2017): a graphics card has no kernel of its own for it. */
  Selu: (graph, inputs) => {
    const x = graph.whole(inputs['x']!);
    const curve = graph.node('Elu', [x], x.shape, {
      alpha: tf.backend_util.SELU_SCALEALPHA / tf.backend_util.SELU_SCALE,
    });
    return graph.node('Mul', [curve, graph.splat(tf.backend_util.SELU_SCALE, [])], x.shape);
  },
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Softplus: unary('Softplus'),
  Step: step,
  ClipByValue: (graph, inputs, attributes) => {
    const x = graph.whole(inputs['x']!);
    const bounds = ['clipValueMin', 'clipValueMax'].map((bound) =>
      graph.splat(attributes[bound] as number, []),
    );
    return graph.node('Clip', [x, ...bounds], x.shape);
  },
  /** dy for y >= 0, dy * (y + 1) below. */
  EluGrad: (graph, inputs) => {
    const { dy, y } = inputs as { dy: Value; y: Value };
    const below = graph.node('Min', [graph.whole(y), graph.splat(0, [])], y.shape);
    return graph.node(
      'Mul',
      [graph.whole(dy), graph.node('Add', [below, graph.splat(1, [])], y.shape)],
      y.shape,
    );
  },
  Select: (graph, inputs) => {
    const { condition, t, e } = inputs as { condition: Value; t: Value; e: Value };
    return graph.node('Where', [graph.whole(condition), graph.whole(t), graph.whole(e)], t.shape, {}, t.type);
  },
  Cast: (graph, inputs, attributes) => cast(graph, inputs['x']!, castTo(attributes['dtype'] as string)),
  Sum: reduce('ReduceSum'),
  Mean: reduce('ReduceMean'),
  BatchMatMul: matMul,
  Conv2D: (graph, inputs, attributes) => {
    const { x, filter } = inputs as { x: Value; filter: Value };
    const g = geometry(x.shape, filter.shape, attributes);
    return convolve(graph, g, graph.whole(x), graph.whole(filter));
  },
  Conv2DBackpropInput: (graph, inputs, attributes) => {
    const { dy, filter } = inputs as { dy: Value; filter: Value };
    const g = geometry(attributes['inputShape'] as number[], filter.shape, attributes);
    return inputGradient(graph, g, graph.whole(dy), graph.whole(filter));
  },
  Conv2DBackpropFilter: (graph, inputs, attributes) => {
    const { x, dy } = inputs as { x: Value; dy: Value };
    const g = geometry(x.shape, attributes['filterShape'] as number[], attributes);
    return kernelGradient(graph, g, graph.whole(x), graph.whole(dy));
  },
  Identity: (_graph, inputs) => inputs['x']!,
  Reshape: (graph, inputs, attributes) => {
    const x = inputs['x']!;
    const size = x.shape.reduce((all, side) => all * side, 1);
    return reshape(graph, x, tf.util.inferFromImplicitShape(attributes['shape'] as number[], size));
  },
  ExpandDims: (graph, inputs, attributes) => {
    const x = inputs['input']!;
    const axis = attributes['dim'] as number;
    return reshape(graph, x, x.shape.toSpliced(axis < 0 ? axis + x.shape.length + 1 : axis, 0, 1));
  },
  Transpose: (graph, inputs, attributes) => {
    const x = graph.whole(inputs['x']!);
    const perm = attributes['perm'] as number[];
    const shape = perm.map((axis) => x.shape[axis]!);
    return graph.node('Transpose', [x], shape, { perm: { ints: perm } }, x.type);
  },
  Slice: (graph, inputs, attributes) => {
    const x = inputs['x']!;
    const info: tf.TensorInfo = { dataId: {}, dtype: 'float32', shape: [...x.shape] };
    const given = [attributes['begin'] as number[], attributes['size'] as number[]] as const;
    const [begin, size] = tf.slice_util.parseSliceParams(info, ...given) as [number[], number[]];
    return slice(graph, x, begin, size);
  },
  GatherV2: (graph, inputs, attributes) => {
    const [x, indices] = [graph.whole(inputs['x']!), graph.whole(inputs['indices']!)];
    if (Number(attributes['batchDims'] ?? 0) !== 0) throw new Error('Gathering by batches is not recorded.');
    const [axis] = tf.util.parseAxisParam(attributes['axis'] as number, [...x.shape]) as [number];
    const shape = x.shape.toSpliced(axis, 1, ...indices.shape);
    return graph.node('Gather', [x, indices], shape, { axis: { int: axis } }, x.type);
  },
  PadV2: pad,
  Concat: (graph, inputs, attributes) => concat(graph, variadic(inputs), attributes['axis'] as number),
  SplitV: (graph, inputs, attributes) => {
    const x = inputs['x']!;
    const [axis] = tf.util.parseAxisParam(attributes['axis'] as number, [...x.shape]) as [number];
    const wanted = attributes['numOrSizeSplits'] as number | number[];
    const sizes = tf.backend_util.prepareSplitSize({ shape: [...x.shape] } as tf.Tensor, wanted, axis);
    const zeros = x.shape.map(() => 0);
    let from = 0;
    return sizes.map((size) => {
      const piece = slice(graph, x, zeros.with(axis, from), x.shape.with(axis, size));
      from += size;
      return piece;
    });
  },
  Pack: (graph, inputs, attributes) => {
    const values = variadic(inputs);
    const [axis] = tf.util.parseAxisParam(attributes['axis'] as number, [1, ...values[0]!.shape]) as [number];
    const raised = values.map((x) => reshape(graph, x, x.shape.toSpliced(axis, 0, 1)));
    return concat(graph, raised, axis);
  },
  Tile: (graph, inputs, attributes) => {
    const x = graph.whole(inputs['x']!);
    const times = attributes['reps'] as number[];
    return graph.node(
      'Tile',
      [x, graph.ints(times)],
      x.shape.map((side, axis) => side * times[axis]!),
      {},
      x.type,
    );
  },
  Fill: (graph, _inputs, attributes) =>
    graph.splat(attributes['value'] as number, attributes['shape'] as number[]),
  ZerosLike: (graph, inputs) => graph.splat(0, inputs['x']!.shape, inputs['x']!.type),
  OnesLike: (graph, inputs) => graph.splat(1, inputs['x']!.shape, inputs['x']!.type),
};
