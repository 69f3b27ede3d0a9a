import { describe, expect, test } from 'vitest';
import { connect, method, serve } from '../../src-shared/rpc.ts';
import { kindsOfEnds } from './ports.ts';

describe.each(kindsOfEnds)('over $kind', ({ ends }) => {
  test('every call is given the same connection, which outlives calls and their cancelling, and ends with the port', async () => {
    const { near, far, close } = await ends();
    const seen: AbortSignal[] = [];
    const arrived = Promise.withResolvers<undefined>();
    serve(
      far,
      { open: method({}).gives<null>(), wait: method({}).gives<null>() },
      {
        open: (_, { connection }) => {
          seen.push(connection);
          return null;
        },
        wait: (_, { connection, signal }) =>
          new Promise((resolve) => {
            seen.push(connection);
            signal.addEventListener('abort', () => resolve(null));
            arrived.resolve(undefined);
          }),
      },
    );
    const client = connect(near, () => undefined);
    await client.call('open', {});
    const cancelling = new AbortController();
    const waiting = client.call('wait', {}, { signal: cancelling.signal });
    await arrived.promise;
    cancelling.abort();
    await waiting;
    await client.call('open', {});
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(1);
    const [connection] = seen as [AbortSignal];
    expect(connection.aborted).toBe(false);
    const ended = new Promise<void>((resolve) => connection.addEventListener('abort', () => resolve()));
    close();
    await ended;
    expect(connection.aborted).toBe(true);
  });

  test('a call can tell whether it was cancelled or its caller has gone', async () => {
    const { near, far, close } = await ends();
    const arrived: (() => void)[] = [];
    const told: boolean[] = [];
    const ended = Promise.withResolvers<undefined>();
    serve(
      far,
      { wait: method({}).gives<null>() },
      {
        wait: (_, { connection, signal }) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              told.push(connection.aborted);
              resolve(null);
              if (told.length === 2) ended.resolve(undefined);
            });
            arrived.shift()!();
          }),
      },
    );
    const client = connect(near, () => undefined);
    const wait = async (signal?: AbortSignal) => {
      const there = new Promise<void>((resolve) => arrived.push(resolve));
      const answer = client.call('wait', {}, signal === undefined ? {} : { signal }).catch(() => null);
      await there;
      return { answer };
    };
    const cancelling = new AbortController();
    const { answer } = await wait(cancelling.signal);
    cancelling.abort();
    await answer;
    await wait();
    close();
    await ended.promise;
    expect(told).toEqual([false, true]);
  });
});
