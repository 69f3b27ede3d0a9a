/** Every operation that can be recorded, with odd shapes, splats and broadcasting, against TensorFlow.js' cpu backend. */
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { onnxEngine } from '../../src-main/trainer/engines/onnx/engine.ts';
import { kernels } from '../../src-main/trainer/engines/onnx/kernels.ts';
import { elements } from '../../src-main/trainer/parameters.ts';
import { AppError } from '../../src-shared/errors.ts';
import { webgpu } from './graphics.ts';
import { difference, numbers, reference } from './measure.ts';

type T = tf.Tensor;
type Operation = (...given: T[]) => T | T[];
/** Shapes of the inputs, and what is done with them. */
type Try = [shapes: number[][], operation: Operation];

const seven = () => tf.fill([2, 3], 7);
const float = (x: T) => tf.cast(x, 'float32');
const positive = (x: T) => tf.add(tf.square(x), 0.1);
/** -1, 0 and 1 in turn, so that comparisons meet equal numbers. */
const signs = (x: T) => tf.sub(tf.step(x), tf.step(tf.sub(x, 1)));

/** An operation of two operands in every constellation of whole tensors, broadcast ones and single numbers in their place. */
function pairs(operation: (a: T, b: T) => T, prepare: (x: T) => T = (x) => x): Try[] {
  const on = (a: T, b: T) => float(operation(prepare(a), prepare(b)));
  return [
    [
      [
        [2, 3],
        [2, 3],
      ],
      on,
    ],
    [[[2, 3], [3]], on],
    [[[3], [2, 3]], on],
    [
      [
        [2, 1],
        [1, 3],
      ],
      on,
    ],
    [
      [
        [4, 1, 3],
        [2, 1],
      ],
      on,
    ],
    [[[], [2, 3]], on],
    [[[], []], on],
    // A graphics card takes four numbers at a time where it can.
    [[[2, 4], [4]], on],
    [
      [
        [3, 1],
        [1, 4],
      ],
      on,
    ],
    [[[], [2, 4]], on],
    [[[2, 4], []], on],
    [[[2, 4]], (a) => float(operation(prepare(a), tf.scalar(0.5)))],
    [[[2, 3]], (a) => float(operation(prepare(a), seven()))],
    [[[2, 3]], (a) => float(operation(seven(), prepare(a)))],
    [[[3]], (a) => float(operation(prepare(a), seven()))],
    [[[3]], (a) => float(operation(seven(), prepare(a)))],
    [[[2, 3]], (a) => float(operation(prepare(a), tf.scalar(1)))],
    [[[2, 3]], (a) => float(operation(tf.scalar(1), prepare(a)))],
    [[[2, 3]], (a) => float(operation(prepare(a), tf.scalar(0.5)))],
    [[[3, 1]], (a) => float(operation(prepare(a), tf.ones([1, 4])))],
    [[[3, 1]], (a) => float(operation(tf.ones([1, 4]), prepare(a)))],
    [[[1]], () => float(operation(seven(), tf.fill([3], 2)))],
    [[[2, 3]], (a) => float(operation(prepare(a), tf.tensor([1, 2, -3])))],
  ];
}

/** Of one operand: several shapes, and a single number in place of many. */
function singles(operation: (x: T) => T, prepare: (x: T) => T = (x) => x): Try[] {
  const on = (x: T) => float(operation(prepare(x)));
  return [
    [[[2, 3, 1, 5]], on],
    [[[7]], on],
    [[[]], on],
    [[[1]], () => float(operation(tf.fill([3, 2], 0.25)))],
    [[[3]], (x) => tf.add(x, float(operation(tf.fill([2, 3], 0.25))))],
  ];
}

function reductions(reduce: (x: T, axis?: number | number[], keepDims?: boolean) => T): Try[] {
  const axes = [0, 1, 2, 3, -1, [0, 1], [0, 1, 2], [0, 1, 2, 3], [1, 3], [2, 0], [-2, 1], []];
  return [
    ...axes.flatMap((axis): Try[] => [
      [[[2, 3, 4, 5]], (x) => reduce(x, axis)],
      [[[2, 3, 4, 5]], (x) => reduce(x, axis, true)],
    ]),
    [[[2, 3]], (x) => reduce(x)],
    [[[]], (x) => reduce(x)],
    [[[1]], () => reduce(tf.fill([3, 4], 0.5), 0)],
    [[[3, 4]], (x) => float(reduce(tf.greater(x, 0), 0))],
    [[[3, 4]], (x) => float(reduce(tf.greater(x, 0)))],
  ];
}

/** Columns longer than what one product sums: see `longestSum` of target.ts. */
function longColumns(side: number): Try[] {
  return [tf.sum, tf.mean].flatMap((reduce) =>
    [false, true].map((keepDims): Try => [[[3, side, side, 2]], (x) => reduce(x, [0, 1, 2], keepDims)]),
  );
}

const convolution = (x: T, k: T) => tf.conv2d(x as tf.Tensor4D, k as tf.Tensor4D, [2, 1], 'same');
const convolutionOfSplats = () =>
  tf.conv2d(tf.ones<tf.Rank.R4>([1, 4, 4, 2]), tf.fill([3, 3, 2, 2], 0.5), 1, 'valid');

const tries: Record<string, Try[]> = {
  Add: pairs(tf.add),
  AddN: [
    [
      [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      (...all) => tf.addN(all),
    ],
    [[[2, 3]], (x) => tf.addN([x, seven()])],
    [[[2, 3]], (x) => tf.addN([x])],
    [Array.from({ length: 12 }, (_, i) => [i + 1]), (...all) => tf.addN(all.map((x) => tf.sum(x)))],
  ],
  Sub: pairs(tf.sub),
  Multiply: pairs(tf.mul),
  RealDiv: pairs(tf.div, positive),
  Maximum: pairs(tf.maximum, signs),
  Minimum: pairs(tf.minimum, signs),
  Pow: pairs(tf.pow, positive),
  Greater: pairs(tf.greater, signs),
  Less: pairs(tf.less, signs),
  GreaterEqual: pairs(tf.greaterEqual, signs),
  LessEqual: pairs(tf.lessEqual, signs),
  LogicalAnd: [
    ...pairs((a, b) => tf.logicalAnd(tf.greater(a, 0), tf.greater(b, 0.7))),
    [[[3]], (x) => float(tf.logicalAnd(tf.greater(x, 0), tf.tensor([true, false, true], [3], 'bool')))],
  ],
  LogicalNot: singles((x) => tf.logicalNot(tf.greater(x, 0.1))),
  Neg: singles(tf.neg),
  Abs: singles(tf.abs),
  Exp: singles(tf.exp),
  Log: singles(tf.log, positive),
  Sqrt: singles(tf.sqrt, positive),
  Reciprocal: singles(tf.reciprocal, positive),
  Rsqrt: singles(tf.rsqrt, positive),
  Square: singles(tf.square),
  Erf: singles(tf.erf),
  Relu: singles(tf.relu),
  LeakyRelu: [0, 0.2, 1].flatMap((slope) => singles((x) => tf.leakyRelu(x, slope))),
  Elu: singles((x) => tf.elu(x)),
  Selu: singles(tf.selu),
  Sigmoid: singles(tf.sigmoid),
  Tanh: singles(tf.tanh),
  Softplus: [...singles(tf.softplus), ...singles((x) => tf.softplus(tf.mul(x, 40)))],
  Step: [0, 0.2, 1].flatMap((slope) => [
    ...singles((x) => tf.step(x, slope)),
    ...singles((x) => tf.step(signs(x), slope)),
    ...singles((x) => tf.step(tf.mul(x, 1e-30), slope)),
  ]),
  EluGrad: singles((x) => tf.grad((y) => tf.elu(y))(x, tf.mul(x, x))),
  Select: [
    [
      [
        [2, 3],
        [2, 3],
      ],
      (a, b) => tf.where(tf.greater(a, b), a, b),
    ],
    [[[2, 3]], (a) => tf.where(tf.greater(a, 0), a, seven())],
    [[[2, 3]], (a) => tf.where(tf.greater(seven(), 0), a, seven())],
  ],
  Cast: [
    ...singles((x) => tf.cast(tf.mul(x, 3), 'int32')),
    ...singles((x) => tf.cast(x, 'bool')),
    [[[2, 3]], (x) => float(tf.cast(tf.sub(x, x), 'bool'))],
    [[[2, 3]], (x) => float(tf.cast(tf.greater(x, 0), 'int32'))],
    [[[3]], (x) => tf.mul(x, float(tf.tensor([true, false, true], [3], 'bool')))],
    [[[2]], (x) => tf.mul(x, float(tf.tensor([3, -4], [2], 'int32')))],
  ],
  Sum: reductions(tf.sum),
  Mean: reductions(tf.mean),
  BatchMatMul: [
    ...[false, true].flatMap((a) =>
      [false, true].map((b): Try => {
        const shapes = [a ? [4, 3] : [3, 4], b ? [5, 4] : [4, 5]];
        return [shapes, (x, y) => tf.matMul(x, y, a, b)];
      }),
    ),
    [
      [
        [1, 7],
        [7, 1],
      ],
      (x, y) => tf.matMul(x, y),
    ],
    [
      [
        [1, 3, 4],
        [1, 4, 2],
      ],
      (x, y) => tf.matMul(x, y),
    ],
    [[[3, 4]], (x) => tf.matMul(x, tf.ones([4, 2]))],
    [[[3, 4]], (x) => tf.matMul(tf.ones([2, 3]), x, false, false)],
  ],
  Conv2D: [
    [
      [
        [2, 5, 4, 3],
        [3, 2, 3, 2],
      ],
      convolution,
    ],
    [
      [
        [2, 5, 4, 3],
        [3, 2, 3, 2],
      ],
      (x, k) => tf.conv2d(x as tf.Tensor4D, k as tf.Tensor4D, 2, 1),
    ],
    [[[1]], convolutionOfSplats],
  ],
  Conv2DBackpropInput: [
    [
      [
        [2, 5, 4, 3],
        [3, 2, 3, 2],
      ],
      (x, k) => tf.grads(convolution)([x, k])[0]!,
    ],
    [
      [
        [2, 3, 2, 4],
        [3, 3, 2, 4],
      ],
      (x, k) => tf.conv2dTranspose(x as tf.Tensor4D, k as tf.Tensor4D, [2, 6, 4, 2], 2, 'same'),
    ],
  ],
  Conv2DBackpropFilter: [
    [
      [
        [2, 5, 4, 3],
        [3, 2, 3, 2],
      ],
      (x, k) => tf.grads(convolution)([x, k])[1]!,
    ],
  ],
  Identity: singles((x) => tf.add(tf.clone(x), x)),
  Reshape: [
    [[[2, 3, 4]], (x) => tf.reshape(x, [4, -1])],
    [[[2, 3, 4]], (x) => tf.reshape(x, [24])],
    [[[1]], (x) => tf.reshape(x, [])],
    [[[]], (x) => tf.reshape(x, [1, 1, 1])],
    [[[6]], (x) => tf.add(x, tf.reshape(seven(), [6]))],
  ],
  ExpandDims: [0, 1, 2, -1, -2].flatMap((axis) => [
    [[[2, 3]], (x: T) => tf.expandDims(x, axis)] as Try,
    [[[2, 3]], (x: T) => tf.add(tf.expandDims(x, axis), tf.expandDims(seven(), axis))] as Try,
  ]),
  Transpose: [
    [[[2, 3]], (x) => tf.transpose(x)],
    [[[2, 3, 4, 5]], (x) => tf.transpose(x, [3, 0, 2, 1])],
    [[[2, 3, 4]], (x) => tf.transpose(x, [0, 2, 1])],
    [[[3, 2]], (x) => tf.add(x, tf.transpose(seven()))],
  ],
  Slice: [
    [[[4, 5, 3]], (x) => tf.slice(x, [1, 0, 2], [2, 5, 1])],
    [[[4, 5, 3]], (x) => tf.slice(x, [1], [2])],
    [[[4, 5]], (x) => tf.slice(x, [1, 2], [-1, -1])],
    [[[4, 5]], (x) => tf.slice(x, [1, 2])],
    [[[4, 5]], (x) => tf.slice(x, 2)],
    [[[4, 5]], (x) => tf.slice(x, [0, 0], [4, 5])],
    [[[1, 2]], (x) => tf.add(x, tf.slice(seven(), [1, 0], [1, 2]))],
    [[[4, 5]], (x) => float(tf.slice(tf.greater(x, 0), [1, 1], [2, 2]))],
  ],
  GatherV2: [
    [[[4, 3]], (x) => tf.gather(x, tf.tensor1d([3, 0, 3], 'int32'))],
    [[[4, 3, 2]], (x) => tf.gather(x, tf.tensor2d([1, 2, 0, 0], [2, 2], 'int32'), 1)],
    [[[4, 3], [2]], (x, i) => tf.gather(x, tf.cast(tf.mul(tf.abs(i), 0), 'int32'), -1)],
    [[[1]], () => tf.gather(seven(), tf.tensor1d([1], 'int32'))],
  ],
  PadV2: [
    [
      [[2, 3]],
      (x) =>
        tf.pad(x, [
          [1, 0],
          [0, 2],
        ]),
    ],
    [
      [[2, 3]],
      (x) =>
        tf.pad(
          x,
          [
            [1, 0],
            [0, 2],
          ],
          -4,
        ),
    ],
    [
      [[2]],
      () =>
        tf.pad(seven(), [
          [1, 1],
          [0, 0],
        ]),
    ],
    [[[2]], (x) => float(tf.pad(tf.cast(tf.mul(x, 5), 'int32'), [[1, 1]], 9))],
  ],
  ClipByValue: [
    ...singles((x) => tf.clipByValue(x, -0.5, 0.3)),
    ...singles((x) => tf.clipByValue(signs(x), -1, 0)),
  ],
  Concat: [
    ...[0, 1, 2, -1].map((axis): Try => [
      [
        [2, 3, 4],
        [2, 3, 4],
      ],
      (a, b) => tf.concat([a, b], axis),
    ]),
    [
      [
        [2, 3],
        [1, 3],
      ],
      (a, b) => tf.concat([a, b, seven()], 0),
    ],
    [[[2, 3]], (a) => tf.concat([a], 0)],
  ],
  SplitV: [
    [[[4, 6]], (x) => tf.split(x, [1, 3, 2], 1)],
    [[[4, 6]], (x) => tf.split(x, 2, 0)],
    [[[4, 6]], (x) => tf.split(x, 3, -1)],
    [[[4, 6]], (x) => tf.split(x, [1, -1], 1)],
    [
      [
        [2, 3],
        [2, 1],
      ],
      (a, b) => tf.grads((p: T, q: T) => tf.square(tf.concat([p, q], 1)))([a, b]),
    ],
  ],
  Pack: [
    ...[0, 1, 2, -1].map((axis): Try => [
      [
        [2, 3],
        [2, 3],
      ],
      (a, b) => tf.stack([a, b], axis),
    ]),
    [[[2, 3]], (a) => tf.stack([a, seven()])],
    [[[]], (a) => tf.stack([a, a, tf.scalar(2)])],
  ],
  Tile: [
    [[[2, 3]], (x) => tf.tile(x, [2, 1])],
    [[[2, 1]], (x) => tf.broadcastTo(x, [4, 2, 3])],
    [[[2, 3]], (x) => tf.add(x, tf.tile(tf.fill([1, 3], 2), [2, 1]))],
    [[[3], [2, 3]], (a, b) => tf.where(tf.greater(b, 0), a, b)],
  ],
  Fill: [[[[2, 3]], (x) => tf.add(x, tf.fill([4, 1, 1], 0.5))]],
  ZerosLike: [
    [[[2, 3]], (x) => tf.zerosLike(x)],
    [[[2, 3]], (x) => tf.add(x, tf.zerosLike(tf.fill([2, 3], 4)))],
    [[[2, 3]], (x) => float(tf.zerosLike(tf.greater(x, 0)))],
  ],
  OnesLike: [
    [[[2, 3]], (x) => tf.onesLike(x)],
    [[[2, 3]], (x) => tf.div(tf.onesLike(x), x)],
  ],
};

interface Outcome {
  outputs: Float32Array[];
  /** Type and shape that TensorFlow.js says of each output, while it is recorded or computed. */
  described: string[];
}

/** All tries as one program: on a card a program of its own for each costs a hundred times what it computes. */
async function run(engine: Engine, list: readonly Try[]): Promise<Outcome[]> {
  const inputs = list.flatMap(([shapes], i) => shapes.map((shape, j) => ({ name: `${i} x${j}`, shape })));
  const outcomes = list.map((): Outcome => ({ outputs: [], described: [] }));
  const program = await engine.prepare(
    (_state, given) => {
      const outputs: Record<string, T> = {};
      list.forEach(([shapes, operation], i) => {
        const result = operation(...shapes.map((_, j) => given[`${i} x${j}`]!));
        (Array.isArray(result) ? result : [result]).forEach((tensor, j) => {
          outputs[`${i} y${j}`] = tensor;
          outcomes[i]!.described[j] = `${tensor.dtype} ${tensor.shape.join('x')}`;
        });
      });
      return { state: {}, outputs };
    },
    [],
    inputs,
  );
  program.write({});
  const arrays = Object.fromEntries(
    inputs.map(({ name, shape }) => [name, numbers(name.split(' ')[1]!, elements(shape), 1.5)]),
  );
  for (const [name, values] of Object.entries(await program.run(arrays))) {
    const [i, j] = name.split(' y').map(Number) as [number, number];
    outcomes[i]!.outputs[j] = values.slice();
  }
  await program.dispose();
  return outcomes;
}

test('every recorder is tried', () => {
  expect(Object.keys(tries).sort()).toEqual(Object.keys(kernels).sort());
});

const card = await webgpu();
const engines: Record<string, { engine: Engine | null; tries: Record<string, Try[]> }> = {
  onnx: { engine: onnxEngine(1), tries: { ...tries, 'long columns': longColumns(200) } },
  webgpu: { engine: card.engine, tries: { ...tries, 'long columns': longColumns(30) } },
};

describe.for(Object.entries(engines))('%s gives what the cpu backend gives', ([, { engine, tries: all }]) => {
  test.skipIf(engine === null).for(Object.entries(all))('%s', async ([, list]) => {
    const expected = await run(await reference(), list);
    const actual = await run(engine!, list);
    expected.forEach(({ outputs, described }, i) => {
      const found = actual[i]!;
      expect([i, found.described]).toEqual([i, described]);
      expect(described.length).toBeGreaterThan(0);
      const apart = outputs.map((values, j) => difference(found.outputs[j] ?? [], values, 0.1));
      expect([i, apart.filter((by) => !(by < 2e-6))]).toEqual([i, []]);
    });
  });
});

describe('what cannot be recorded', () => {
  const prepare = (operation: (x: T) => T) =>
    onnxEngine(1).prepare(
      (_state, { x }) => ({ state: {}, outputs: { y: operation(x!) } }),
      [],
      [{ name: 'x', shape: [2, 3] }],
    );

  test('an operation without a recorder is named', async () => {
    const failure = prepare((x) => tf.cumsum(x, 1)).catch((error: unknown) => error);
    expect(await failure).toBeInstanceOf(AppError);
    expect(await failure).toMatchObject({
      code: 'engine.operation-missing',
      details: { operation: 'Cumsum' },
      message: expect.stringContaining('Cumsum') as string,
    });
  });

  test('the engine works on afterwards, and the backend in use stays in use', async () => {
    const yardstick = await reference();
    await expect(prepare((x) => tf.cumsum(x, 1))).rejects.toThrow(AppError);
    expect(tf.getBackend()).toBe('cpu');
    const one: Try = [[[2, 3]], (x) => tf.square(x)];
    expect(await run(onnxEngine(1), [one])).toEqual(await run(yardstick, [one]));
  });

  test('reading a value back is refused', async () => {
    await expect(prepare((x) => tf.scalar(tf.sum(x).dataSync()[0]!))).rejects.toThrow(
      /cannot look at values/,
    );
  });

  test('products of batches of matrices are refused rather than wrong', async () => {
    await expect(prepare((x) => tf.matMul(tf.ones([2, 3, 2]), tf.stack([x, x])))).rejects.toThrow(/batches/);
  });

  test('a recording leaves no tensors behind', async () => {
    await reference();
    const before = tf.memory().numTensors;
    await (await prepare((x) => tf.square(tf.sub(x, tf.mean(x))))).dispose();
    await prepare((x) => tf.cumsum(tf.square(x), 1)).catch(() => undefined);
    expect(tf.memory().numTensors).toBe(before);
  });
});
