import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Asking, Verdict } from '../../src-main/shells/server/access.ts';
import { Access } from '../../src-main/shells/server/access.ts';

const noNewToken = () => {
  throw new Error('a new token was not expected');
};

/** A server that a browser has entered at `host`, and the cookie it was given. */
function entered(host = '127.0.0.1:4280', listensOn = '127.0.0.1'): { access: Access; cookie: string } {
  const access = new Access(listensOn, noNewToken);
  const verdict = access.judge({
    method: 'GET',
    url: `/?token=${access.token}`,
    headers: { host },
    upgrade: false,
  });
  if (verdict.kind !== 'enter') throw new Error(`not let in: ${JSON.stringify(verdict)}`);
  return { access, cookie: verdict.cookie.split(';')[0]! };
}

const outcome = (verdict: Verdict) => (verdict.kind === 'refused' ? verdict.error.code : verdict.kind);

function judge(access: Access, headers: IncomingHttpHeaders, asking: Partial<Asking> = {}): string {
  return outcome(
    access.judge({
      method: 'GET',
      url: '/',
      upgrade: false,
      headers: { host: '127.0.0.1:4280', ...headers },
      ...asking,
    }),
  );
}

describe('the token', () => {
  test('lets one browser in, once, and gives it a cookie that no script reads and no other site sends', () => {
    const access = new Access('127.0.0.1', noNewToken);
    const { token } = access;
    expect(token).toMatch(/^[\w-]{43}$/);
    const verdict = access.judge({
      method: 'GET',
      url: `/?token=${token}`,
      headers: { host: 'localhost:4280' },
      upgrade: false,
    });
    expect(verdict).toEqual({
      kind: 'enter',
      cookie: expect.stringMatching(/^ganvas-4280=[\w-]{43}; HttpOnly; Path=\/; SameSite=Strict$/),
    });
    expect(JSON.stringify(verdict)).not.toContain(token);
    expect(access.token).not.toBe(token);
  });

  test('used again, is refused, and a new one is told where only the person sees it: once for each', () => {
    const told: string[] = [];
    const access: Access = new Access('127.0.0.1', () => told.push(access.token));
    const first = access.token;
    const open = (token: string) => judge(access, {}, { url: `/?token=${token}` });
    expect(open(first)).toBe('enter');
    expect(open(first)).toBe('server.unknown');
    expect(open(first)).toBe('server.unknown');
    expect(told).toEqual([access.token]);
    expect(open(told[0]!)).toBe('enter');
  });

  test('is stripped, not refused, where the browser is known already', () => {
    const { access, cookie } = entered();
    const { token } = access;
    expect(judge(access, { cookie }, { url: '/?token=used-long-ago' })).toBe('enter');
    expect(access.token).toBe(token);
  });

  test.each([
    ['a wrong one', (token: string) => `/?token=${token.slice(0, -1)}`],
    ['an empty one', () => '/?token='],
    ['none', () => '/'],
    ['in another place', (token: string) => `/assets/main.js?token=${token}`],
    ['in the path', (token: string) => `/${token}`],
  ])('%s opens nothing', (_, url) => {
    const access = new Access('127.0.0.1', noNewToken);
    expect(judge(access, {}, { url: url(access.token) })).toBe('server.unknown');
  });

  test.each([
    ['HEAD, which a preview asks', { method: 'HEAD' }, {}],
    ['POST', { method: 'POST' }, { origin: 'http://127.0.0.1:4280' }],
    ['a WebSocket', { upgrade: true }, { origin: 'http://127.0.0.1:4280' }],
  ] as const)('is not spent by %s', (_, asking, headers) => {
    const access = new Access('127.0.0.1', noNewToken);
    const { token } = access;
    expect(judge(access, headers, { ...asking, url: `/?token=${token}` })).toBe('server.unknown');
    expect(judge(access, {}, { url: `/?token=${token}` })).toBe('enter');
  });

  test('of one server opens no other', () => {
    const [one, other] = [new Access('127.0.0.1', noNewToken), new Access('127.0.0.1', noNewToken)];
    expect(judge(one, {}, { url: `/?token=${other.token}` })).toBe('server.unknown');
    const { cookie } = entered();
    expect(judge(one, { cookie })).toBe('server.unknown');
  });
});

describe('the cookie', () => {
  test('is found among others', () => {
    const { access, cookie } = entered();
    expect(judge(access, { cookie: `a=b; ganvas-80=x;${cookie} ; ganvas-4280=old` })).toBe('welcome');
  });

  test.each(['', 'ganvas-4280=', 'ganvas-4280=x', '__proto__=x', 'ganvas-4280', '='])(
    '"%s" is none',
    (cookie) => {
      expect(judge(entered().access, { cookie })).toBe('server.unknown');
    },
  );

  test('has a name of its own for each port that the browser sees, as through a tunnel', () => {
    const { access, cookie } = entered('localhost:9000');
    expect(cookie).toMatch(/^ganvas-9000=/);
    expect(judge(access, { host: 'localhost:9000', cookie })).toBe('welcome');
  });
});

describe('the host', () => {
  test.each([
    'localhost:4280',
    '127.0.0.1:4280',
    '[::1]:4280',
    'LOCALHOST:4280',
    'localhost:9000',
    '127.0.0.1',
    'localhost',
  ])('%s is this machine, by whatever port a tunnel has', (host) => {
    const { access, cookie } = entered(host);
    expect(judge(access, { host, cookie })).toBe('welcome');
  });

  const strangers = [
    'evil.test',
    'evil.test:4280',
    'localhost.evil.test:4280',
    'evil.localhost:4280',
    '127.0.0.1.nip.io:4280',
    '127.0.0.2:4280',
    '192.168.1.5:4280',
    '2130706433:4280',
    '0x7f.1:4280',
    '[::ffff:127.0.0.1]:4280',
    'localhost:4280@evil.test',
    'localhost:port',
    'localhost/',
    'localhost:4280, evil.test',
    '[::1',
    '',
    undefined,
  ];
  test.each(strangers)('%s is refused, token and cookie or not', (host) => {
    const { access, cookie } = entered();
    expect(judge(access, { host, cookie })).toBe('server.host');
    expect(judge(access, { host }, { url: `/?token=${access.token}` })).toBe('server.host');
    expect(judge(access, { host, cookie, origin: `http://${host}` }, { upgrade: true })).toBe('server.host');
  });

  test('that was given with --host is one more', () => {
    const { access, cookie } = entered('192.168.1.5:4280', '192.168.1.5');
    expect(judge(access, { host: '192.168.1.5:4280', cookie })).toBe('welcome');
    expect(judge(access, { host: 'localhost:4280', cookie })).toBe('welcome');
    expect(judge(access, { host: '192.168.1.6:4280', cookie })).toBe('server.host');
    expect(judge(entered('Studio:4280', 'studio').access, { host: 'evil.test:4280' })).toBe('server.host');
  });

  test.each(['0.0.0.0', '::'])('%s answers to every address, but to no name: names can be turned', (any) => {
    const { access, cookie } = entered('10.0.0.7:4280', any);
    expect(judge(access, { host: '10.0.0.7:4280', cookie })).toBe('welcome');
    expect(judge(access, { host: '[fe80::1]:4280', cookie })).toBe('welcome');
    expect(judge(access, { host: 'evil.test:4280', cookie })).toBe('server.host');
    expect(judge(access, { host: '10.0.0.7.evil.test:4280', cookie })).toBe('server.host');
  });
});

describe('the origin', () => {
  const own = 'http://127.0.0.1:4280';
  const foreign = [
    'http://evil.test',
    'https://127.0.0.1:4280',
    'http://127.0.0.1:4281',
    'http://127.0.0.1',
    'http://localhost:4280',
    'http://127.0.0.1:4280.evil.test',
    'http://127.0.0.1:4280/',
    'null',
    '',
  ];

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('must be ours for %s', (method) => {
    const { access, cookie } = entered();
    expect(judge(access, { cookie, origin: own }, { method })).toBe('welcome');
    expect(judge(access, { cookie }, { method })).toBe('server.origin');
    for (const origin of foreign) expect(judge(access, { cookie, origin }, { method })).toBe('server.origin');
  });

  test('must be ours for a WebSocket', () => {
    const { access, cookie } = entered();
    expect(judge(access, { cookie, origin: own }, { upgrade: true })).toBe('welcome');
    expect(judge(access, { cookie }, { upgrade: true })).toBe('server.origin');
    for (const origin of foreign)
      expect(judge(access, { cookie, origin }, { upgrade: true })).toBe('server.origin');
  });

  test('must be ours for a look, where a browser tells it at all', () => {
    const { access, cookie } = entered();
    expect(judge(access, { cookie })).toBe('welcome');
    expect(judge(access, { cookie, origin: own })).toBe('welcome');
    for (const origin of foreign) expect(judge(access, { cookie, origin })).toBe('server.origin');
  });

  test('is that of the tunnel where there is one', () => {
    const { access, cookie } = entered('localhost:9000');
    const host = 'localhost:9000';
    expect(judge(access, { host, cookie, origin: 'http://localhost:9000' }, { upgrade: true })).toBe(
      'welcome',
    );
    expect(judge(access, { host, cookie, origin: 'http://localhost:4280' }, { upgrade: true })).toBe(
      'server.origin',
    );
  });
});

test.each(['http://evil.test/', '//evil.test/', '/\\evil.test/', '*', '', 'evil.test:80', '/\t/evil.test'])(
  'the address "%s" is refused',
  (url) => {
    const { access, cookie } = entered();
    expect(judge(access, { cookie }, { url })).toBe('request.bad-address');
  },
);
