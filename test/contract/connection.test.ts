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
});
