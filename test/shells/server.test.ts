import { once } from 'node:events';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';
import { answer, answerError } from '../../src-main/shells/answer.ts';
import type { Respond } from '../../src-main/shells/respond.ts';
import type { ServerOptions } from '../../src-main/shells/server/server.ts';
import { startServer, usualPort } from '../../src-main/shells/server/server.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Port } from '../../src-shared/rpc.ts';
import { errorOf } from '../core/library.ts';

interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Asked {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string;
}

/** A server whose addresses answer with what they were asked, and whose sockets say back what they are told. */
async function started(changes: Partial<ServerOptions> = {}) {
  const asked: string[] = [];
  const addresses: string[] = [];
  const pages: Port[] = [];
  const respond: Respond = async (incoming) => {
    asked.push(`${incoming.method} ${new URL(incoming.url).pathname}`);
    return answer(200, { 'content-type': 'text/plain' }, await incoming.text());
  };
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    respond,
    connect(port) {
      pages.push(port);
      port.onMessage((message) => port.post(`heard ${message}`));
    },
    onAddress: (address) => addresses.push(address),
    ...changes,
  });
  let open = true;
  const close = async () => {
    if (open) await server.close();
    open = false;
  };
  onTestFinished(close);
  const { port, host, origin } = new URL(server.address);
  const agent = new Agent();
  onTestFinished(() => agent.destroy());

  const begin = (path: string, { method = 'GET', headers = {} }: Asked): ClientRequest => {
    const message = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent,
      headers: { host, ...headers },
    });
    // What still was to be sent when the answer was there, or when the test was over.
    message.on('error', () => undefined);
    return message;
  };
  const ask = async (path: string, given: Asked = {}): Promise<Answered> => {
    const message = begin(path, given);
    message.end(given.body);
    const [response] = (await once(message, 'response')) as [IncomingMessage];
    return { status: response.statusCode!, headers: response.headers, body: await text(response) };
  };
  const enter = async (): Promise<string> => {
    const { headers } = await ask(addresses.at(-1)!.slice(server.address.length - 1));
    return headers['set-cookie']![0]!.split(';')[0]!;
  };
  /** The status of a refused upgrade, or the socket. */
  const socket = async (path: string, headers: Record<string, string>, options: ClientOptions = {}) => {
    const client = new WebSocket(`ws://${host}${path}`, { ...options, headers: { host, ...headers } });
    onTestFinished(() => client.terminate());
    const refused = Promise.withResolvers<number>();
    client.on('unexpected-response', (_, response) => refused.resolve(response.statusCode!));
    client.on('error', () => undefined);
    return Promise.race([refused.promise, once(client, 'open').then(() => client)]);
  };
  return { server, asked, addresses, pages, ask, begin, enter, socket, close, origin, port: Number(port) };
}

const opened = (found: number | WebSocket): WebSocket => {
  if (typeof found === 'number') throw new Error(`refused with ${found}`);
  return found;
};

describe('coming in', () => {
  test('the printed address gives a cookie and leads to the page without the token', async () => {
    const { server, addresses, ask, asked } = await started();
    expect(addresses).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/)]);
    const entering = await ask(addresses[0]!.slice(server.address.length - 1));
    expect(entering).toMatchObject({
      status: 303,
      headers: {
        location: '/',
        'cache-control': 'no-store',
        'referrer-policy': 'same-origin',
        'set-cookie': [expect.stringMatching(/^ganvas-\d+=[\w-]{43}; HttpOnly; Path=\/; SameSite=Strict$/)],
      },
      body: '',
    });
    expect(asked).toEqual([]);
    const cookie = entering.headers['set-cookie']![0]!.split(';')[0]!;
    expect(await ask('/some/page', { headers: { cookie } })).toMatchObject({ status: 200 });
    // A reload, and a second tab.
    expect(await ask('/', { headers: { cookie } })).toMatchObject({ status: 200 });
    expect(asked).toEqual(['GET /some/page', 'GET /']);
  });

  test('a second browser gets in by the address that is printed when it comes with the first', async () => {
    const { server, addresses, ask, enter } = await started();
    await enter();
    const again = await ask(addresses[0]!.slice(server.address.length - 1), {
      headers: { accept: 'text/html' },
    });
    expect(again).toMatchObject({ status: 401, body: expect.stringContaining('the newest address') });
    expect(addresses).toHaveLength(2);
    const cookie = await enter();
    expect(await ask('/', { headers: { cookie } })).toMatchObject({ status: 200 });
  });

  test('without the cookie nothing is answered: not the page, no picture, no upload, no socket', async () => {
    const { ask, socket, asked, pages, origin } = await started();
    for (const path of ['/', '/assets/index.js', '/files/exports/1', '/socket', '/?token=x'])
      expect(await ask(path), path).toMatchObject({ status: 401, headers: { 'content-type': /json/ } });
    for (const method of ['PUT', 'POST'])
      expect(await ask('/uploads/a/batch', { method, headers: { origin }, body: 'x' })).toMatchObject({
        status: 401,
      });
    expect(await socket('/socket', { origin })).toBe(401);
    expect([asked, pages]).toEqual([[], []]);
  });

  test('people are told in words, in a page without scripts', async () => {
    const { ask } = await started();
    const refused = await ask('/', { headers: { accept: 'text/html,*/*' } });
    expect(refused).toMatchObject({
      status: 401,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'x-content-type-options': 'nosniff',
      },
    });
    expect(refused.body).toContain('Open the address that it printed');
    expect(refused.body).not.toMatch(/<script|http-equiv/);
    const hostile = await ask('/', { headers: { accept: 'text/html', host: '<b>"&' } });
    expect(hostile.status).toBe(403);
    expect(hostile.body).not.toContain('<b>');
  });

  test('a browser that follows a link of another site is asked to come again from here, once', async () => {
    const { ask } = await started();
    const accept = 'text/html';
    const first = await ask('/', { headers: { accept, 'sec-fetch-site': 'cross-site' } });
    expect(first.body).toContain('<meta http-equiv="refresh" content="0; url=/">');
    const second = await ask('/', { headers: { accept, 'sec-fetch-site': 'same-origin' } });
    expect(second.body).not.toContain('http-equiv');
  });
});

describe('requests that no page of ours makes', () => {
  test('under another name are refused, cookie or not (DNS rebinding)', async () => {
    const { ask, socket, enter, asked, pages, origin, port } = await started();
    const cookie = await enter();
    for (const host of ['evil.test', `evil.test:${port}`, `127.0.0.1.evil.test:${port}`, '192.168.1.1']) {
      expect(await ask('/', { headers: { host, cookie } }), host).toMatchObject({ status: 403 });
      expect(await ask('/', { headers: { host } }), host).toMatchObject({ status: 403 });
      expect(await socket('/socket', { host, cookie, origin }), host).toBe(403);
      expect(await socket('/socket', { host, cookie, origin: `http://${host}` }), host).toBe(403);
    }
    expect([asked, pages]).toEqual([[], []]);
  });

  test('from another origin are refused (CSRF)', async () => {
    const { ask, socket, enter, asked, pages, origin, port } = await started();
    const cookie = await enter();
    const foreign = ['http://evil.test', 'null', `http://localhost:${port}`, `http://127.0.0.1:${port + 1}`];
    for (const other of foreign) {
      for (const method of ['POST', 'PUT', 'DELETE', 'GET'])
        expect(await ask('/x', { method, headers: { cookie, origin: other }, body: '' })).toMatchObject({
          status: 403,
        });
      expect(await socket('/socket', { cookie, origin: other })).toBe(403);
    }
    expect(await ask('/x', { method: 'POST', headers: { cookie }, body: '' })).toMatchObject({ status: 403 });
    expect(await socket('/socket', { cookie })).toBe(403);
    expect([asked, pages]).toEqual([[], []]);
    expect(await ask('/x', { method: 'POST', headers: { cookie, origin }, body: 'ours' })).toMatchObject({
      status: 200,
      body: 'ours',
    });
  });

  test('get no leave to read across origins', async () => {
    const { ask, enter, origin } = await started();
    const cookie = await enter();
    const preflight = await ask('/', {
      method: 'OPTIONS',
      headers: { origin: 'http://evil.test', 'access-control-request-method': 'PUT' },
    });
    const answers = [
      preflight,
      await ask('/', { headers: { cookie } }),
      await ask('/', { headers: { cookie, origin } }),
    ];
    for (const { headers } of answers)
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(preflight.status).toBe(403);
  });

  test.each(['GET http://evil.test/ HTTP/1.1', 'GET //evil.test/ HTTP/1.1', 'OPTIONS * HTTP/1.1'])(
    '"%s" is refused',
    async (line) => {
      const { port, enter, asked, origin } = await started();
      const cookie = await enter();
      const socket = connectTcp(port, '127.0.0.1');
      socket.end(
        `${line}\r\nHost: 127.0.0.1:${port}\r\nOrigin: ${origin}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
      );
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
      expect(asked).toEqual([]);
    },
  );
});

describe('the socket', () => {
  test('carries messages both ways', async () => {
    const { socket, enter, origin, pages } = await started();
    const client = opened(await socket('/socket', { cookie: await enter(), origin }));
    client.send('Grüße');
    expect(String((await once(client, 'message'))[0])).toBe('heard Grüße');
    pages[0]!.post('an event');
    expect(String((await once(client, 'message'))[0])).toBe('an event');
  });

  test('is at one address only', async () => {
    const { socket, enter, origin } = await started();
    const cookie = await enter();
    for (const path of ['/', '/socket/', '/sockets', '/files/socket', '/socket%00'])
      expect(await socket(path, { cookie, origin }), path).toBe(404);
  });

  test('tells its page of the end, and the page is told of the end of the server', async () => {
    const { socket, enter, origin, pages, close } = await started();
    const cookie = await enter();
    const [first, second] = await Promise.all(
      [1, 2].map(async () => opened(await socket('/socket', { cookie, origin }))),
    );
    const gone = new Promise<void>((resolve) => {
      for (const page of pages) page.onClose(resolve);
    });
    first!.close();
    await gone;
    const ended = once(second!, 'close');
    await close();
    expect(await ended).toBeTruthy();
    pages[0]!.post('to nobody');
  });

  test('of a page that does not answer any more is ended; one that does stays', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const { socket, enter, origin, pages } = await started();
    const cookie = await enter();
    const silent = opened(await socket('/socket', { cookie, origin }, { autoPong: false }));
    const lively = opened(await socket('/socket', { cookie, origin }));
    const ended = new Promise<void>((resolve) => pages[0]!.onClose(resolve));
    const asked = once(lively, 'ping');
    vi.advanceTimersByTime(30_000);
    await asked;
    // Behind its answer.
    lively.send('still here');
    expect(String((await once(lively, 'message'))[0])).toBe('heard still here');
    const closed = once(silent, 'close');
    vi.advanceTimersByTime(30_000);
    await Promise.all([ended, closed]);
    lively.send('still');
    expect(String((await once(lively, 'message'))[0])).toBe('heard still');
  });
});

describe('answers', () => {
  test('a refused upload is told why, though its body was not read', async () => {
    const { ask, enter, origin } = await started({
      respond: async () => answerError(new AppError('upload.too-large', 'It is too large.')),
    });
    const cookie = await enter();
    const body = 'x'.repeat(5_000_000);
    const refused = await ask('/uploads/a/file/b', { method: 'PUT', headers: { cookie, origin }, body });
    expect(refused).toMatchObject({ status: 413, body: expect.stringContaining('It is too large.') });
    expect(await ask('/', { headers: { cookie } })).toMatchObject({ status: 413 });
  });

  test('an upload whose reader stops early is told why', async () => {
    const { ask, enter, origin } = await started({
      async respond(incoming) {
        for await (const chunk of incoming.body as ReadableStream<Uint8Array>) {
          if (chunk.length > 0) return answerError(new AppError('upload.too-large', 'Enough.'));
        }
        throw new Error('the body was empty');
      },
    });
    const cookie = await enter();
    const body = 'x'.repeat(5_000_000);
    const refused = await ask('/uploads/a/file/b', { method: 'PUT', headers: { cookie, origin }, body });
    expect(refused).toMatchObject({ status: 413, body: expect.stringContaining('Enough.') });
  });

  test('an upload that its page gives up is told to its reader', async () => {
    const reading = Promise.withResolvers<null>();
    const told = Promise.withResolvers<unknown>();
    const { begin, enter, origin } = await started({
      async respond(incoming) {
        try {
          for await (const chunk of incoming.body as ReadableStream<Uint8Array>)
            if (chunk.length > 0) reading.resolve(null);
          told.resolve('the body ended as if it were whole');
        } catch (error) {
          told.resolve(error);
        }
        return answer(204);
      },
    });
    const headers = { cookie: await enter(), origin, 'content-length': 1000 };
    const message = begin('/uploads/a/file/b', { method: 'PUT', headers });
    message.write('half');
    await reading.promise;
    message.destroy();
    expect(await told.promise).toBeInstanceOf(Error);
  });

  test('a download that breaks off breaks the connection off: it never looks whole', async () => {
    async function* breaking() {
      yield new Uint8Array(100_000);
      throw new Error('the disk is gone');
    }
    const { ask, enter } = await started({
      respond: async () => answer(200, {}, ReadableStream.from(breaking())),
    });
    const cookie = await enter();
    await expect(ask('/files/exports/1', { headers: { cookie } })).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
    await expect(ask('/files/exports/1', { headers: { cookie } })).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
  });

  test('a download that its page gives up is not read on', async () => {
    const stopped = Promise.withResolvers<null>();
    async function* endless() {
      try {
        for (;;) yield new Uint8Array(100_000);
      } finally {
        stopped.resolve(null);
      }
    }
    const { begin, enter } = await started({
      respond: async () => answer(200, {}, ReadableStream.from(endless())),
    });
    const message = begin('/files/exports/1', { headers: { cookie: await enter() } });
    message.end();
    const [response] = (await once(message, 'response')) as [IncomingMessage];
    await once(response, 'data');
    response.on('error', () => undefined);
    response.destroy();
    await stopped.promise;
  });
});

describe('where it listens', () => {
  /** A port that another program has. */
  async function taken(): Promise<number> {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    return (other.address() as AddressInfo).port;
  }

  test('for this machine alone', async () => {
    const { port } = await started();
    const outside = connectTcp(port, '127.0.0.2');
    await expect(once(outside, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('a port that was asked for and is taken is refused, with what to do', async () => {
    const port = await taken();
    const error = await errorOf(() => started({ port }));
    expect(error).toMatchObject({ code: 'server.port-taken', details: { port } });
    expect(error.message).toMatch(`Port ${port} is in use by another program. Give another one with --port`);
  });

  test('where none was asked for, the next one is taken', async () => {
    const [first, second] = [await started({ port: null }), await started({ port: null })];
    expect(first.port).toBeGreaterThanOrEqual(usualPort);
    expect(second.port).toBeGreaterThan(first.port);
    expect(second.port).toBeLessThan(usualPort + 20);
  });

  test.each(['203.0.113.7', 'no-such-name.invalid'])('%s is not here', async (host) => {
    expect(await errorOf(() => started({ host }))).toMatchObject({ code: 'server.bad-host' });
  });

  test.each([
    ['0.0.0.0', /^http:\/\/127\.0\.0\.1:\d+\/$/],
    ['localhost', /^http:\/\/localhost:\d+\/$/],
  ])('%s is told as an address that a browser here can open', async (host, address) => {
    expect((await started({ host })).server.address).toMatch(address);
  });
});
