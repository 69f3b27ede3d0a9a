import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Content, Files } from '../../src-main/core/files.ts';
import { createRespond } from '../../src-main/shells/respond.ts';
import { saveAs } from '../../src-main/shells/send.ts';
import { batchLimits, pictures, uploads } from '../../src-shared/api.ts';
import type { ErrorData } from '../../src-shared/errors.ts';
import { AppError } from '../../src-shared/errors.ts';

/** What every answer carries. */
const always = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob:; connect-src 'self'; " +
    "worker-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=()',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
};
const forever = 'private, max-age=31536000, immutable';
const asked = 'private, no-cache';
const tag: unknown = expect.stringMatching(/^W\/"[\w-]+"$/);

const pixels = Uint8Array.from({ length: 300 }, (_, index) => index % 256);

interface Received {
  upload: string;
  path: string;
  bytes: number;
}

/** A built page and pictures on the disk; beside the page's folder lies what must never be served. */
function place(changes: Partial<Files> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'ganvas-respond-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = (...parts: string[]) => join(dir, ...parts);
  mkdirSync(path('page', 'assets'), { recursive: true });
  mkdirSync(path('page-evil'));
  mkdirSync(path('export', 'weights', 'empty'), { recursive: true });
  writeFileSync(path('page', 'index.html'), '<!doctype html>');
  writeFileSync(path('page', 'assets', 'index-AbC_1-2.js'), 'export {};');
  writeFileSync(path('page', 'assets', 'index-AbC_1-2.css'), 'body {}');
  writeFileSync(path('page', 'assets', 'index.js.map'), '{}');
  writeFileSync(path('page', 'icon.svg'), '<svg/>');
  writeFileSync(path('page', '.env.json'), '{}');
  writeFileSync(path('secret.js'), 'secret');
  writeFileSync(path('page-evil', 'secret.js'), 'secret');
  symlinkSync(path('secret.js'), path('page', 'assets', 'link.js'));
  symlinkSync(path('page-evil'), path('page', 'linked'));
  mkdirSync(path('page', 'folder.js'));
  writeFileSync(path('grid.png'), pixels);
  writeFileSync(path('nothing.bin'), '');
  writeFileSync(path('export', 'model.json'), '{"a":1}');
  writeFileSync(path('export', 'weights', 'shard1.bin'), pixels);
  symlinkSync(path('secret.js'), path('export', 'weights', 'link.js'));

  const received: Received[] = [];
  const calls: unknown[][] = [];
  const missing = () => Promise.reject(new AppError('sample.missing', 'There is no such sample.'));
  const bytes: Content = { kind: 'bytes', type: 'image/png', bytes: pixels };
  const files: Files = {
    sample(...words) {
      calls.push(['sample', ...words]);
      return words[1] === 500
        ? Promise.resolve({ kind: 'file', type: 'image/png', path: path('grid.png') })
        : missing();
    },
    image: async (...words) => (calls.push(['image', ...words]), bytes),
    async leftOut(dataset) {
      calls.push(['leftOut', dataset]);
      return { kind: 'file', type: 'application/octet-stream', path: path('export', 'model.json') };
    },
    preview: async (...words) => (calls.push(['preview', ...words]), bytes),
    async explored(...words) {
      calls.push(['explored', ...words]);
      return { kind: 'file', type: 'image/webp', path: path('grid.png') };
    },
    async export(id) {
      calls.push(['export', id]);
      if (id === 1) return { content: { kind: 'folder', path: path('export') }, name: 'Größe "1".zip' };
      const type = 'application/octet-stream';
      if (id === 2)
        return { content: { kind: 'file', type, path: path('nothing.bin') }, name: 'nothing.onnx' };
      return { content: { kind: 'file', type, path: path('gone') }, name: 'gone.onnx' };
    },
    async receive(upload, name, body) {
      let length = 0;
      for await (const chunk of body) length += chunk.length;
      received.push({ upload, path: name, bytes: length });
    },
    ...changes,
  };
  const respond = createRespond({ page: path('page'), files });
  const ask = (address: string, init: RequestInit = {}) =>
    respond(new Request(new URL(address, 'http://127.0.0.1:4280/'), init));
  return { ask, path, received, calls };
}

const headersOf = (response: Response) => Object.fromEntries(response.headers);

async function expectError(response: Response, status: number, code: string): Promise<ErrorData> {
  expect(response.status).toBe(status);
  expect(headersOf(response)).toMatchObject({
    ...always,
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  });
  const data = (await response.json()) as ErrorData;
  expect(data).toEqual({ code, message: expect.stringMatching(/.{10}/), details: expect.any(Object) });
  return data;
}

test('the list of what was left out of a dataset is a file to save', async () => {
  const { ask, calls } = place();
  const response = await ask(pictures.leftOut('abc'));
  expect(response.status).toBe(200);
  expect(response.headers.get('content-disposition')).toContain('attachment; filename="left-out.jsonl"');
  expect(await response.text()).toBe('{"a":1}');
  expect(calls).toEqual([['leftOut', 'abc']]);
  await expectError(await ask('/files/datasets/../left-out.jsonl'), 404, 'file.missing');
});

describe('the page', () => {
  test.each([
    ['/', 'text/html; charset=utf-8', asked, '<!doctype html>'],
    ['/index.html', 'text/html; charset=utf-8', asked, '<!doctype html>'],
    ['/?run=1#x', 'text/html; charset=utf-8', asked, '<!doctype html>'],
    ['/icon.svg', 'image/svg+xml', asked, '<svg/>'],
    ['/assets/index-AbC_1-2.js', 'text/javascript; charset=utf-8', forever, 'export {};'],
    ['/assets/index-AbC_1-2.css', 'text/css; charset=utf-8', forever, 'body {}'],
  ])('%s', async (address, type, caching, text) => {
    const { ask } = place();
    const response = await ask(address);
    expect(response.status).toBe(200);
    const headers = {
      ...always,
      'content-type': type,
      'content-length': String(text.length),
      'cache-control': caching,
      etag: tag,
    };
    expect(headersOf(response)).toEqual(headers);
    expect(await response.text()).toBe(text);

    const head = await ask(address, { method: 'HEAD' });
    expect(headersOf(head)).toEqual(headers);
    expect(await head.text()).toBe('');

    const again = await ask(address, { headers: { 'if-none-match': response.headers.get('etag')! } });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
  });

  test('that was built anew is sent anew', async () => {
    const { ask, path } = place();
    const etag = (await ask('/')).headers.get('etag')!;
    writeFileSync(path('page', 'index.html'), '<!doctype htmx>');
    utimesSync(path('page', 'index.html'), 1, 1);
    const response = await ask('/', { headers: { 'if-none-match': etag } });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('<!doctype htmx>');
  });

  const outside = [
    '/../secret.js',
    '/%2e%2e/secret.js',
    '/..%2fsecret.js',
    '/%2e%2e%2fsecret.js',
    '/assets/..%2f..%2fsecret.js',
    '/..%5csecret.js',
    '/assets%2f..%2f..%2fsecret.js',
    '/../page-evil/secret.js',
    '/%2e%2e/page-evil/secret.js',
    '/..%2fpage-evil/secret.js',
    '/secret.js%00.js',
    '/index.html%00',
    '/%00',
    '/etc/passwd',
    '/%2fetc%2fpasswd',
    '/C:/secret.js',
    '/C:%5csecret.js',
    '/%5c%5cserver%5cshare%5csecret.js',
    '/assets/link.js',
    '/linked/secret.js',
    '/folder.js',
    '/assets',
    '/assets/',
    '/index.html/',
    '/index.html/x.js',
    '/.env.json',
    '/assets/index.js.map',
    '/missing.js',
    '/assets//index-AbC_1-2.js',
    '/%E2%80%AE.js',
  ];
  test.each(outside)('%s is not there', async (address) => {
    const { ask } = place();
    await expectError(await ask(address), 404, 'file.missing');
  });

  test('an address that cannot be read is refused', async () => {
    await expectError(await place().ask('/%E0%A4%A.js'), 400, 'request.bad-address');
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('is not changed by %s', async (method) => {
    const response = await place().ask('/', { method });
    await expectError(response, 405, 'request.method');
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });
});

describe('pictures', () => {
  const id = 'kX_9-a';

  test.each([
    [pictures.sample(id, 500), ['sample', id, 500], 'image/png', asked],
    [pictures.image(id, 7), ['image', id, 7], 'image/png', forever],
    [pictures.preview(id, 0), ['preview', id, 0], 'image/png', forever],
    [pictures.explored(id, '12'), ['explored', id, '12'], 'image/webp', forever],
    [pictures.explored(id, 'walk-1.webp'), ['explored', id, 'walk-1.webp'], 'image/webp', forever],
  ])('%s', async (address, call, type, caching) => {
    const { ask, calls } = place();
    const response = await ask(address);
    expect(response.status).toBe(200);
    expect(calls).toEqual([call]);
    const { etag: _, ...headers } = headersOf(response);
    expect(headers).toEqual({
      ...always,
      'content-type': type,
      'content-length': String(pixels.length),
      'cache-control': caching,
    });
    expect(await response.bytes()).toEqual(pixels);
    const head = await ask(address, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(pixels.length));
    expect(await head.text()).toBe('');
  });

  test('a grid that did not change is not sent twice', async () => {
    const { ask } = place();
    const first = await ask(pictures.sample(id, 500));
    const etag = first.headers.get('etag')!;
    const second = await ask(pictures.sample(id, 500), { headers: { 'if-none-match': `"x", ${etag}` } });
    expect(second.status).toBe(304);
    expect(headersOf(second)).toEqual({ ...always, etag, 'cache-control': asked });
  });

  test('what the library does not have is missing', async () => {
    await expectError(await place().ask(pictures.sample(id, 501)), 404, 'sample.missing');
  });

  test.each([
    '/files',
    '/files/',
    '/files/runs/a/samples',
    '/files/runs/a/samples/1.png/',
    '/files/runs/a/samples/1.jpg',
    '/files/runs/a/samples/-1.png',
    '/files/runs/a/samples/1e3.png',
    '/files/runs/a/samples/99999999999999999.png',
    '/files/runs/a/samples/.png',
    '/files/runs/a/checkpoints/1.png',
    '/files/runs/..%2fa/samples/1.png',
    '/files/runs/%2e%2e/samples/1.png',
    `/files/runs/${'a'.repeat(129)}/samples/1.png`,
    '/files/runs/a%00/samples/1.png',
    '/files/runs//samples/1.png',
    '/files/datasets/a.b/1.png',
    '/files/previews/a/1',
    '/files/explored/a/..%2fb.png',
    '/files/explored/a/.png',
    '/files/explored/a/b.png.exe.js',
    '/files/exports/x',
    '/files/exports/1/model.json',
    '/files/constructor/1',
  ])('%s asks for nothing', async (address) => {
    const { ask, calls } = place();
    await expectError(await ask(address), 404, 'file.missing');
    expect(calls).toEqual([]);
  });

  test('what goes wrong inside is said without its stack', async () => {
    const { ask } = place({ image: () => Promise.reject(new TypeError('a slip')) });
    const data = await expectError(await ask(pictures.image('a', 1)), 500, 'internal');
    expect(data.details).toEqual({});
  });
});

describe('exports', () => {
  test('a folder is sent as a zip that holds it, without what it links to', async () => {
    const { ask } = place();
    const response = await ask(pictures.export(1));
    expect(headersOf(response)).toEqual({
      ...always,
      'content-type': 'application/zip',
      'cache-control': 'no-store',
      'content-disposition': `attachment; filename="Gr__e _1_.zip"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20_1_.zip`,
    });
    const entries = unzipSync(await response.bytes());
    expect(entries).toEqual({
      'Größe _1_/model.json': new TextEncoder().encode('{"a":1}'),
      'Größe _1_/weights/shard1.bin': pixels,
    });
    const head = await ask(pictures.export(1), { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
  });

  test('a file is sent as it is, even an empty one', async () => {
    const response = await place().ask(pictures.export(2));
    expect(headersOf(response)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '0',
      'content-disposition': `attachment; filename="nothing.onnx"; filename*=UTF-8''nothing.onnx`,
    });
    expect(await response.text()).toBe('');
  });

  test('one that is gone is missing', async () => {
    await expectError(await place().ask(pictures.export(3)), 404, 'file.missing');
  });

  test.each([
    ['../../etc/passwd', '__.._etc_passwd', '__.._etc_passwd'],
    ['a\r\nset-cookie: x.zip', 'a__set-cookie_ x.zip', 'a__set-cookie_%20x.zip'],
    ['a";b.zip', 'a_;b.zip', 'a_%3Bb.zip'],
    ["it's (50%).onnx", "it's (50_).onnx", 'it%27s%20%2850%25%29.onnx'],
    ['顔.zip', '_.zip', '%E9%A1%94.zip'],
    ['gnp.\u202eexe', 'gnp._exe', 'gnp._exe'],
    ['.', '_', '_'],
    ['', 'ganvas', 'ganvas'],
  ])('the name %j is made safe', (name, plain, encoded) => {
    expect(saveAs(name)).toBe(`attachment; filename="${plain}"; filename*=UTF-8''${encoded}`);
    // It can stand in a header.
    expect(new Headers({ 'content-disposition': saveAs(name) }).get('content-disposition')).toBe(
      saveAs(name),
    );
  });
});

describe('uploads', () => {
  const put = (body: string | ReadableStream<Uint8Array>, more: RequestInit = {}): RequestInit => ({
    method: 'PUT',
    body,
    ...more,
  });

  test('one file, streamed', async () => {
    const { ask, received } = place();
    const chunks = Array.from({ length: 50 }, () => new Uint8Array(10_000));
    const response = await ask(uploads.file('up-1', 'cats & dogs/Größe #1?.png'), {
      ...put(ReadableStream.from(chunks)),
      duplex: 'half',
    });
    expect(response.status).toBe(204);
    expect(headersOf(response)).toEqual({ ...always, 'cache-control': 'no-store' });
    expect(received).toEqual([{ upload: 'up-1', path: 'cats & dogs/Größe #1?.png', bytes: 500_000 }]);
  });

  test('an empty file', async () => {
    const { ask, received } = place();
    expect((await ask(uploads.file('u', 'a.png'), { method: 'PUT' })).status).toBe(204);
    expect(received).toEqual([{ upload: 'u', path: 'a.png', bytes: 0 }]);
  });

  test.each(['a%2f..%2fb', '..%2fb', 'a//b', 'a/', 'a%5cb', 'a%00b', '%2fetc%2fpasswd', '%2e%2e%2fa'])(
    'the path %s is refused',
    async (path) => {
      const { ask, received } = place();
      await expectError(await ask(`/uploads/u/file/${path}`, put('x')), 400, 'upload.bad-path');
      expect(received).toEqual([]);
    },
  );

  test('a path cannot climb to another address', async () => {
    const { ask, received } = place();
    await expectError(await ask('/uploads/u/file/../../../files', put('x')), 405, 'request.method');
    await expectError(await ask('/uploads/a%2fb/file/x', put('x')), 404, 'file.missing');
    await expectError(await ask('/uploads/u/file', put('x')), 404, 'file.missing');
    await expectError(await ask('/uploads/u', put('x')), 404, 'file.missing');
    expect(received).toEqual([]);
  });

  test('the methods are fixed', async () => {
    const { ask } = place();
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      const response = await ask(uploads.file('u', 'a.png'), { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'PUT']);
    }
    const response = await ask(uploads.batch('u'), put('x'));
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test.each([
    ['upload.missing', 404],
    ['upload.bad-path', 400],
    ['upload.too-large', 413],
    ['disk.full', 507],
    ['upload.interrupted', 500],
  ])('%s is answered with %d', async (code, status) => {
    const { ask } = place({
      receive: () => Promise.reject(new AppError(code, 'It was refused.', { limit: 3 })),
    });
    const data = await expectError(await ask(uploads.file('u', 'a.png'), put('x')), status, code);
    expect(data.details).toEqual({ limit: 3 });
  });

  /** A form as browsers send it: each file under its path. */
  function form(files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>): FormData {
    const data = new FormData();
    for (const [path, content] of Object.entries(files)) data.append(path, new Blob([content]), 'x');
    return data;
  }

  test('a batch of small files', async () => {
    const { ask, received } = place();
    const many = Object.fromEntries(
      Array.from({ length: 499 }, (_, index) => [`cats/${index}.png`, new Uint8Array(index * 10)]),
    );
    const response = await ask(uploads.batch('up-2'), {
      method: 'POST',
      body: form({ ...many, 'Größe 1/日本.png': 'x' }),
    });
    expect(response.status).toBe(204);
    expect(received).toHaveLength(500);
    expect(received[3]).toEqual({ upload: 'up-2', path: 'cats/3.png', bytes: 30 });
    expect(received[499]).toEqual({ upload: 'up-2', path: 'Größe 1/日本.png', bytes: 1 });
  });

  test.each(['../a.png', '/a.png', 'a/../../b.png', 'a/./b.png', 'a//b.png', ''])(
    'the path "%s" in a batch is refused',
    async (path) => {
      const { ask, received } = place();
      await expectError(
        await ask(uploads.batch('u'), { method: 'POST', body: form({ [path]: 'x' }) }),
        400,
        'upload.bad-path',
      );
      expect(received).toEqual([]);
    },
  );

  test('a batch of too many files, or too many bytes, is refused', async () => {
    const { ask } = place();
    const many = Object.fromEntries(
      Array.from({ length: batchLimits.files + 1 }, (_, index) => [`${index}.png`, 'x']),
    );
    await expectError(
      await ask(uploads.batch('u'), { method: 'POST', body: form(many) }),
      413,
      'upload.too-large',
    );
    const half = new Uint8Array(batchLimits.bytes / 2 + 1);
    const large = form({ 'a.png': half, 'b.png': half });
    await expectError(
      await ask(uploads.batch('u'), { method: 'POST', body: large }),
      413,
      'upload.too-large',
    );
  });

  test('a batch that never ends is cut off at its limit', async () => {
    const { ask } = place();
    let sent = 0;
    async function* endless() {
      yield new TextEncoder().encode(
        '--x\r\ncontent-disposition: form-data; name="a.png"; filename="a.png"\r\n\r\n',
      );
      for (;;) {
        sent += 2 ** 16;
        yield new Uint8Array(2 ** 16);
      }
    }
    const response = await ask(uploads.batch('u'), {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
      body: ReadableStream.from(endless()),
      duplex: 'half',
    });
    await expectError(response, 413, 'upload.too-large');
    expect(sent).toBeLessThan(batchLimits.bytes + 2 ** 20);
  });

  test.each([
    ['no form', { body: 'x', headers: { 'content-type': 'text/plain' } }],
    ['another form', { body: new URLSearchParams('a=b') }],
    ['a form without a boundary', { body: 'x', headers: { 'content-type': 'multipart/form-data' } }],
    [
      'a form that breaks off',
      {
        body: '--x\r\ncontent-disposition: form-data; name="a"',
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
      },
    ],
    [
      'a form of text',
      {
        body: '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\ntext\r\n--x--\r\n',
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
      },
    ],
    ['nothing', {}],
  ] as [string, RequestInit][])('%s is no batch', async (_, init) => {
    const { ask, received } = place();
    await expectError(await ask(uploads.batch('u'), { method: 'POST', ...init }), 400, 'upload.bad-form');
    expect(received).toEqual([]);
  });
});
