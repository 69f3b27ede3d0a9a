import * as v from 'valibot';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AppError } from '../../src-shared/errors.ts';
import type { Progress } from '../../src-shared/progress.ts';
import type { Connection, Handlers, Port } from '../../src-shared/rpc.ts';
import { connect, maxMessage, method, serve } from '../../src-shared/rpc.ts';
import type { Ends } from './ports.ts';
import { kindsOfEnds, memoryEnds } from './ports.ts';

type Tree = { left?: Tree };
const Tree: v.GenericSchema<Tree> = v.strictObject({ left: v.exactOptional(v.lazy(() => Tree)) });

const contract = {
  add: method({ a: v.number(), b: v.number() }).gives<number>(),
  echo: method({ text: v.string() }).gives<{ text: string }>(),
  nothing: method({}).gives<null>(),
  fail: method({ as: v.picklist(['app', 'error', 'details']) }).gives<null>(),
  unspeakable: method({}).gives<unknown>(),
  count: method({ to: v.number() }).gives<number>(),
  wait: method({}).gives<null>(),
  tree: method({ tree: Tree }).gives<null>(),
};
type Methods = typeof contract;

const progress = (done: number, total: number): Progress => ({
  phase: 'counting',
  done,
  total,
  perSecond: 0,
  remainingSeconds: null,
});

/** What the methods do; `waiting` resolves with the signal of each call of `wait`. */
function scripted(): {
  handlers: Handlers<Methods>;
  waiting: Promise<AbortSignal>;
  connections: AbortSignal[];
} {
  const waiting = Promise.withResolvers<AbortSignal>();
  const connections: AbortSignal[] = [];
  const handlers: Handlers<Methods> = {
    add: ({ a, b }) => a + b,
    echo: async ({ text }) => ({ text }),
    nothing(_, { connection }) {
      connections.push(connection);
      return null;
    },
    fail: ({ as }) => {
      if (as === 'app') throw new AppError('thing.broken', 'The thing is broken.', { thing: 3 });
      if (as === 'details') throw new AppError('thing.large', 'The thing is large.', { size: 10n });
      throw new TypeError('a slip');
    },
    unspeakable: () => 10n,
    count: ({ to }, { onProgress }) => {
      for (let done = 1; done <= to; done++) onProgress(progress(done, to));
      return to;
    },
    wait: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new AppError('cancelled', 'It was cancelled.')));
        waiting.resolve(signal);
      }),
    tree: () => null,
  };
  return { handlers, waiting: waiting.promise, connections };
}

/** One message after the other, as they arrive. */
function inbox(port: Port): () => Promise<unknown> {
  const arrived: string[] = [];
  const wanted: ((message: string) => void)[] = [];
  port.onMessage((message) => {
    const taker = wanted.shift();
    if (taker === undefined) arrived.push(message);
    else taker(message);
  });
  return async () => {
    const message = arrived.shift() ?? (await new Promise<string>((resolve) => wanted.push(resolve)));
    return JSON.parse(message) as unknown;
  };
}

const codeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe.each(kindsOfEnds)('over $kind', ({ ends }) => {
  interface Opened extends Ends {
    connection: Connection<Methods>;
    events: unknown[];
    send: (event: unknown) => void;
    waiting: Promise<AbortSignal>;
    connections: AbortSignal[];
  }

  async function open(): Promise<Opened> {
    const both = await ends();
    const { handlers, waiting, connections } = scripted();
    const events: unknown[] = [];
    const send = serve(both.far, contract, handlers);
    const connection = connect<Methods>(both.near, (event) => events.push(event));
    return { ...both, connection, events, send, waiting, connections };
  }

  test('a call gives what its method gives', async () => {
    const { connection } = await open();
    expect(await connection.call('add', { a: 2, b: 3 })).toBe(5);
    expect(await connection.call('echo', { text: 'Grüße \u{1f600} \0 "\\' })).toEqual({
      text: 'Grüße \u{1f600} \0 "\\',
    });
    expect(await connection.call('nothing', {})).toBeNull();
  });

  test('many calls at once each get their own answer', async () => {
    const { connection } = await open();
    const sums = Array.from({ length: 200 }, (_, a) => connection.call('add', { a, b: 1000 }));
    expect(await Promise.all(sums)).toEqual(Array.from({ length: 200 }, (_, a) => a + 1000));
  });

  test('errors cross with code, message and details', async () => {
    const { connection } = await open();
    await expect(connection.call('fail', { as: 'app' })).rejects.toMatchObject({
      name: 'AppError',
      code: 'thing.broken',
      message: 'The thing is broken.',
      details: { thing: 3 },
    });
    await expect(connection.call('fail', { as: 'error' })).rejects.toMatchObject({
      code: 'internal',
      message: 'a slip',
    });
  });

  test('what JSON cannot say is an error of that call, not the end of the process', async () => {
    const { connection } = await open();
    await expect(connection.call('unspeakable', {})).rejects.toMatchObject({ code: 'internal' });
    await expect(connection.call('fail', { as: 'details' })).rejects.toMatchObject({
      code: 'thing.large',
      details: {},
    });
    expect(await connection.call('add', { a: 1, b: 1 })).toBe(2);
  });

  test('progress comes in order, before the answer, to its own call', async () => {
    const { connection } = await open();
    const first: Progress[] = [];
    const second: Progress[] = [];
    const calls = [
      connection.call('count', { to: 3 }, { onProgress: (told) => first.push(told) }),
      connection.call('count', { to: 2 }, { onProgress: (told) => second.push(told) }),
      connection.call('count', { to: 4 }),
    ];
    expect(await Promise.all(calls)).toEqual([3, 2, 4]);
    expect(first).toEqual([progress(1, 3), progress(2, 3), progress(3, 3)]);
    expect(second).toEqual([progress(1, 2), progress(2, 2)]);
  });

  test('a cancelled call rejects once the other side has stopped; others go on', async () => {
    const { connection, waiting } = await open();
    const controller = new AbortController();
    const call = codeOf(connection.call('wait', {}, { signal: controller.signal }));
    expect((await waiting).aborted).toBe(false);
    controller.abort();
    expect(await call).toBe('cancelled');
    expect((await waiting).aborted).toBe(true);
    expect(await connection.call('add', { a: 1, b: 1 })).toBe(2);
  });

  test('a call that was cancelled before it began is never sent', async () => {
    const { connection, near, far } = await open();
    const asked: string[] = [];
    far.onMessage((message) => asked.push(message));
    const signal = AbortSignal.abort();
    expect(await codeOf(connection.call('nothing', {}, { signal }))).toBe('cancelled');
    near.post(JSON.stringify({ type: 'cancel', id: 99 }));
    expect(await connection.call('add', { a: 1, b: 1 })).toBe(2);
    expect(asked).toHaveLength(2);
  });

  test('events reach the other end in order', async () => {
    const { connection, events, send } = await open();
    for (let step = 0; step < 100; step++) send({ type: 'step', step });
    await connection.call('nothing', {});
    expect(events).toEqual(Array.from({ length: 100 }, (_, step) => ({ type: 'step', step })));
  });

  test('when the connection ends, calls reject, the other side stops, and later calls are refused', async () => {
    const { connection, close, waiting, send } = await open();
    const call = codeOf(connection.call('wait', {}));
    const signal = await waiting;
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve());
    });
    close();
    expect(await call).toBe('rpc.closed');
    await stopped;
    expect(await codeOf(connection.call('nothing', {}))).toBe('rpc.closed');
    // Told to nobody, without harm.
    send({ type: 'step' });
  });

  test('what outlives its call hears of the end of the connection, by one signal for all calls', async () => {
    const { connection, close, connections } = await open();
    await connection.call('nothing', {});
    await connection.call('nothing', {});
    const [first, second] = connections;
    expect(second).toBe(first);
    expect(first!.aborted).toBe(false);
    const ended = new Promise<void>((resolve) => first!.addEventListener('abort', () => resolve()));
    close();
    await ended;
  });

  describe('the serving end answers what is wrong, and goes on', () => {
    const call = (methodName: unknown, params: unknown, more: object = {}) =>
      JSON.stringify({ type: 'call', id: 7, method: methodName, params, ...more });
    const deep = `{"type":"call","id":7,"method":"tree","params":{"tree":${'{"left":'.repeat(200_000)}{}${'}'.repeat(200_000)}}}`;

    const cases: [string, string, { id: number | null; code: string; message: RegExp }][] = [
      ...[
        'constructor',
        '__proto__',
        'toString',
        'hasOwnProperty',
        'valueOf',
        '',
        'ad',
        'x'.repeat(5000),
      ].map((name): [string, string, { id: number; code: string; message: RegExp }] => [
        `the method "${name.slice(0, 20)}"`,
        call(name, {}),
        { id: 7, code: 'rpc.unknown-method', message: /^There is no method ".{0,100}"\.$/ },
      ]),
      ['an extra field', call('add', { a: 1, b: 2, c: 3 }), { id: 7, code: 'rpc.bad-params', message: /c/ }],
      ...['constructor', 'toString', 'hasOwnProperty'].map(
        (name): [string, string, { id: number; code: string; message: RegExp }] => [
          `the extra field ${name}`,
          call('add', { a: 1, b: 2, [name]: 3 }),
          { id: 7, code: 'rpc.bad-params', message: new RegExp(name) },
        ],
      ),
      [
        'the extra field __proto__',
        '{"type":"call","id":7,"method":"nothing","params":{"__proto__":{"a":1}}}',
        { id: 7, code: 'rpc.bad-params', message: /__proto__/ },
      ],
      [
        'a field of another type',
        call('add', { a: 1, b: '2' }),
        { id: 7, code: 'rpc.bad-params', message: /^add .*b: / },
      ],
      ['a missing field', call('add', { a: 1 }), { id: 7, code: 'rpc.bad-params', message: /b/ }],
      ['parameters that are a list', call('add', [1, 2]), { id: 7, code: 'rpc.bad-params', message: /add/ }],
      ['parameters that are null', call('add', null), { id: 7, code: 'rpc.bad-params', message: /add/ }],
      ['parameters without an end', deep, { id: 7, code: 'rpc.bad-params', message: /nested too deeply/ }],
      [
        'no parameters',
        '{"type":"call","id":7,"method":"nothing"}',
        { id: null, code: 'rpc.invalid', message: /params/ },
      ],
      ['no JSON', '{"type":', { id: null, code: 'rpc.invalid', message: /not JSON/ }],
      ['nothing', '', { id: null, code: 'rpc.invalid', message: /not JSON/ }],
      ['JSON that is no object', '7', { id: null, code: 'rpc.invalid', message: /cannot be understood/ }],
      [
        'a message of another type',
        '{"type":"result","id":7,"result":1}',
        { id: null, code: 'rpc.invalid', message: /type/ },
      ],
      [
        'a message with more in it',
        call('nothing', {}, { extra: 1 }),
        { id: null, code: 'rpc.invalid', message: /extra/ },
      ],
      [
        'a number that is none',
        '{"type":"call","id":"7","method":"nothing","params":{}}',
        { id: null, code: 'rpc.invalid', message: /id/ },
      ],
      [
        'a number below zero',
        '{"type":"call","id":-1,"method":"nothing","params":{}}',
        { id: null, code: 'rpc.invalid', message: /id/ },
      ],
      ['a method that is no text', call(['add'], {}), { id: null, code: 'rpc.invalid', message: /method/ }],
      [
        'a long message',
        call('echo', { text: 'x'.repeat(maxMessage) }),
        { id: null, code: 'rpc.too-large', message: /too large/ },
      ],
      [
        'a message of 100 MB',
        'x'.repeat(100_000_000),
        { id: null, code: 'rpc.too-large', message: /100000000/ },
      ],
    ];

    test.each(cases)('%s', async (_, message, { id, code, message: words }) => {
      const { near, far } = await ends();
      serve(far, contract, scripted().handlers);
      const next = inbox(near);
      near.post(message);
      expect(await next()).toEqual({
        type: 'error',
        id,
        error: { code, message: expect.stringMatching(words), details: expect.any(Object) },
      });
      near.post(JSON.stringify({ type: 'call', id: 8, method: 'add', params: { a: 1, b: 2 } }));
      expect(await next()).toEqual({ type: 'result', id: 8, result: 3 });
    });

    test('a number that is under way already; its first call still gets its own answer', async () => {
      const { near, far } = await ends();
      const { handlers, waiting } = scripted();
      serve(far, contract, handlers);
      const next = inbox(near);
      near.post(call('wait', {}));
      await waiting;
      near.post(call('nothing', {}));
      expect(await next()).toMatchObject({ type: 'error', id: null, error: { code: 'rpc.invalid' } });
      near.post(JSON.stringify({ type: 'cancel', id: 7 }));
      expect(await next()).toMatchObject({ type: 'error', id: 7, error: { code: 'cancelled' } });
      // And may be used again.
      near.post(call('nothing', {}));
      expect(await next()).toEqual({ type: 'result', id: 7, result: null });
    });
  });

  describe('the calling end', () => {
    /** A calling end, and the other side played by hand. */
    async function playing() {
      const { near, far } = await ends();
      const events: unknown[] = [];
      const connection = connect<Methods>(near, (event) => events.push(event));
      return { connection, events, far, asked: inbox(far) };
    }

    test('sends nothing that is too large', async () => {
      const { connection, asked } = await playing();
      expect(await codeOf(connection.call('echo', { text: 'x'.repeat(maxMessage) }))).toBe('rpc.too-large');
      void connection.call('nothing', {}).catch(() => undefined);
      expect(await asked()).toMatchObject({ type: 'call', method: 'nothing' });
    });

    test.each([
      ['no JSON', 'x'],
      ['an answer of another shape', '{"type":"result"}'],
      [
        'an error for nobody',
        '{"type":"error","id":null,"error":{"code":"rpc.invalid","message":"no","details":{}}}',
      ],
    ])('lets no call wait for ever when it is told %s', async (_, message) => {
      const { connection, far, asked } = await playing();
      const calls = [connection.call('nothing', {}), connection.call('wait', {})].map(codeOf);
      await asked();
      await asked();
      far.post(message);
      expect(await Promise.all(calls)).toEqual(['rpc.invalid', 'rpc.invalid']);
      const later = connection.call('add', { a: 1, b: 1 });
      far.post(JSON.stringify({ type: 'result', id: ((await asked()) as { id: number }).id, result: 2 }));
      expect(await later).toBe(2);
    });

    test('takes no answer twice, and none that it did not ask for', async () => {
      const { connection, far, asked, events } = await playing();
      const call = connection.call('add', { a: 1, b: 1 });
      const { id } = (await asked()) as { id: number };
      for (const message of [
        { type: 'result', id: id + 100, result: 9 },
        { type: 'progress', id: id + 100, progress: progress(1, 2) },
        { type: 'result', id, result: 2 },
        { type: 'result', id, result: 3 },
        { type: 'event', event: 'after' },
      ])
        far.post(JSON.stringify(message));
      expect(await call).toBe(2);
      const later = connection.call('nothing', {});
      far.post(JSON.stringify({ type: 'result', id: ((await asked()) as { id: number }).id, result: null }));
      await later;
      expect(events).toEqual(['after']);
    });
  });
});

test('a call whose parameters JSON cannot say is refused before it is sent', async () => {
  const { near, far } = await memoryEnds();
  const connection = connect<Methods>(near, () => undefined);
  const sent: string[] = [];
  far.onMessage((message) => sent.push(message));
  onTestFinished(() => expect(sent).toEqual([]));
  await expect(connection.call('add', { a: 1n as unknown as number, b: 1 })).rejects.toThrow(/BigInt/);
});
