import { InferenceSession } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { Graph } from '../../src-main/trainer/engines/onnx/graph.ts';
import { encodeModel } from '../../src-main/trainer/engines/onnx/protobuf.ts';

test('a graph of many thousand nodes is written whole', async () => {
  const graph = new Graph();
  const x = graph.input('x', [1]);
  let sum = x;
  for (let i = 0; i < 20_000; i += 1) sum = graph.node('Add', [sum, x], [1]);
  graph.output('sum', sum);
  const session = await InferenceSession.create(encodeModel(graph.finish()), { logSeverityLevel: 3 });
  expect([session.inputNames, session.outputNames]).toEqual([['x'], ['sum']]);
  await session.release();
});
