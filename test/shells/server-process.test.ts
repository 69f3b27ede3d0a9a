/** `ganvas serve` as a person starts it: a process, its address, a browser's requests, its end. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import sharp from 'sharp';
import { build } from 'vite';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { socketPort } from '../../src-main/shells/server/socket-port.ts';
import type { Api, ApiEvent } from '../../src-shared/api.ts';
import { pictures, uploads } from '../../src-shared/api.ts';
import { packHistory } from '../../src-shared/gan/history-json.ts';
import { startHistory } from '../../src-shared/gan/history.ts';
import { defaultMeasuring } from '../../src-shared/measures.ts';
import { defaultHyperparameters } from '../../src-shared/training.ts';
import type { Connection } from '../../src-shared/rpc.ts';
import { connect } from '../../src-shared/rpc.ts';
import { repository } from '../architecture.ts';
import { tinyDesign, tinyImages } from '../core/library.ts';
import type { Call } from './ganvas-process.ts';
import { canWatch, gone, tinyTraining, trainersOf, Workplace } from './ganvas-process.ts';

beforeAll(async () => {
  if (existsSync(join(repository, 'dist', 'renderer', 'index.html'))) return;
  await build({
    configFile: join(repository, 'vite.config.ts'),
    root: join(repository, 'src-renderer'),
    logLevel: 'error',
  });
});

interface Served {
  call: Call;
  address: URL;
  cookie: string;
  get: (path: string) => Promise<Response>;
}

/** Starts a server and comes in by the address that it printed. */
async function serve(place: Workplace, ...words: string[]): Promise<Served> {
  const call = place.start(['serve', '--port', '0', '--json', ...words], { group: true });
  const [, printed] = await call.printed(/"address":"([^"]+)"/);
  const address = new URL(printed!);
  const entering = await fetch(address, { redirect: 'manual' });
  expect(entering.status).toBe(303);
  const cookie = entering.headers.getSetCookie()[0]!.split(';')[0]!;
  return { call, address, cookie, get: (path) => fetch(new URL(path, address), { headers: { cookie } }) };
}

/** The connection of an open page, and what it is told. */
async function open({ address, cookie }: Served) {
  const socket = new WebSocket(`ws://${address.host}/socket`, {
    headers: { cookie, origin: address.origin },
  });
  onTestFinished(() => socket.terminate());
  const events: ApiEvent[] = [];
  const waiting = new Set<() => void>();
  const connection: Connection<Api> = connect(socketPort(socket), (event) => {
    events.push(event as ApiEvent);
    for (const look of waiting) look();
  });
  await once(socket, 'open');
  /** The first event that fits, past or to come. */
  const told = <Type extends ApiEvent['type']>(
    type: Type,
    fits: (event: Extract<ApiEvent, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<ApiEvent, { type: Type }>> => {
    const { promise, resolve } = Promise.withResolvers<Extract<ApiEvent, { type: Type }>>();
    const look = () => {
      const found = events.find(
        (event): event is Extract<ApiEvent, { type: Type }> =>
          event.type === type && fits(event as Extract<ApiEvent, { type: Type }>),
      );
      if (found !== undefined) resolve(found);
    };
    waiting.add(look);
    look();
    return promise;
  };
  return { connection, told, closed: once(socket, 'close') };
}

/** Starts a run of so many steps from the page. */
async function train(connection: Connection<Api>, steps: number, source = 'sample:12x8') {
  const experiment = await connection.call('experiments.create', {
    name: 'Tiny',
    history: packHistory(startHistory(tinyDesign)),
    hyperparameters: { ...defaultHyperparameters(), batch: 4, sampleEvery: 5, checkpointEvery: 5 },
    measuring: defaultMeasuring(),
    limits: { steps, kimg: null, minutes: null },
    engine: 'onnx',
    imageSettings: tinyImages,
    source,
  });
  return connection.call('runs.start', { experiment: experiment.id, name: 'First', seed: 1 });
}

describe('ganvas serve', () => {
  test('serves the page, answers calls, trains, shows what the run draws, and ends with Ctrl-C', async () => {
    const place = new Workplace();
    const served = await serve(place);
    const page = await served.get('/');
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(html).toContain('<title>Ganvas</title>');
    for (const [, asset] of html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g))
      expect((await served.get(asset!)).status, asset).toBe(200);

    const first = await open(served);
    const second = await open(served);
    expect(await first.connection.call('system.info', {})).toMatchObject({
      shell: 'server',
      canBrowse: false,
      dialogs: false,
    });
    const run = await train(first.connection, 10);
    // Both pages are told.
    for (const { told } of [first, second]) {
      await told('run', (event) => event.run.id === run.id && event.run.state === 'done');
      expect((await told('steps')).run).toBe(run.id);
    }
    const { step } = await first.told('sample', (event) => event.step === 10);
    const picture = await served.get(pictures.sample(run.id, step));
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect((await picture.bytes()).subarray(1, 4)).toEqual(new TextEncoder().encode('PNG'));

    await expect(
      first.connection.call('datasets.find', { source: '/etc', settings: tinyImages }),
    ).rejects.toMatchObject({ code: 'dataset.not-allowed' });

    process.kill(-served.call.pid, 'SIGINT');
    await Promise.all([first.closed, second.closed]);
    expect(await served.call.ended).toMatchObject({ status: 130, stderr: '' });
  });

  test('takes dropped images, shows them as the network sees them, and what a generator draws; sends an export', async () => {
    const place = new Workplace();
    const served = await serve(place);
    const { connection, told } = await open(served);
    const isPng = async (address: string) => {
      const response = await served.get(address);
      expect([response.status, response.headers.get('content-type')], address).toEqual([200, 'image/png']);
      return (await response.bytes()).length;
    };
    const image = await sharp({ create: { width: 12, height: 10, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const headers = { cookie: served.cookie, origin: served.address.origin };
    const send = async (address: string, init: RequestInit) =>
      (await fetch(new URL(address, served.address), { ...init, headers })).status;

    const files = { name: 'Dropped', files: 6, bytes: image.length * 6 };
    const { id } = await connection.call('datasets.beginUpload', files);
    const form = new FormData();
    for (const name of ['a', 'b', 'c', 'd', 'e']) form.append(`reds/${name}.png`, new Blob([image]), name);
    expect(await send(uploads.batch(id), { method: 'POST', body: form })).toBe(204);
    expect(await send(uploads.file(id, 'reds/Größe #1.png'), { method: 'PUT', body: image })).toBe(204);
    expect(await send(uploads.file(id, 'reds/more.png'), { method: 'PUT', body: image })).toBe(413);
    expect(await send(uploads.file('another', 'a.png'), { method: 'PUT', body: image })).toBe(404);
    const { source } = await connection.call('datasets.finishUpload', { id });
    const preview = await connection.call('datasets.preview', { source, settings: tinyImages, count: 4 });
    expect(preview).toMatchObject({ sourceName: 'Dropped', count: 4, files: 6, sizes: [[12, 10, 4]] });
    await isPng(pictures.preview(preview.id, 0));

    const run = await train(connection, 5, source);
    await told('run', (event) => event.run.id === run.id && event.run.state === 'done');
    await isPng(pictures.image(run.dataset.key, 5));
    expect((await served.get(pictures.image(run.dataset.key, 6))).status).toBe(404);

    const explorer = await connection.call('explore.open', { run: run.id, step: null });
    const points = [1, 2, 3].map((seed) => ({ kind: 'seed', seed }) as const);
    const drawn = await connection.call('explore.draw', { explorer: explorer.id, points, columns: 3 });
    await isPng(pictures.explored(explorer.id, drawn.picture));

    const written = await connection.call('exports.create', { run: run.id, step: null, format: 'tfjs' });
    const download = await served.get(pictures.export(written.id));
    expect(download.headers.get('content-type')).toBe('application/zip');
    expect(download.headers.get('content-disposition')).toMatch(/^attachment; filename=".+\.zip"; /);
    expect(Object.keys(unzipSync(await download.bytes()))).toContainEqual(
      expect.stringMatching(/^[^/]+\/model\.json$/),
    );
  });

  test.skipIf(!canWatch)('Ctrl-C ends what trains with a checkpoint', async () => {
    const place = new Workplace();
    const served = await serve(place);
    const { connection, told } = await open(served);
    const run = await train(connection, 1_000_000);
    const waiting = await train(connection, 1_000_000);
    await told('checkpoint');
    const trainers = trainersOf(served.call.pid);
    expect(trainers).toHaveLength(1);
    served.call.process.kill('SIGINT');
    expect(await served.call.ended).toMatchObject({ status: 130, stderr: '' });
    await gone(trainers);
    const { lines } = await place.json(['show', run.id]);
    expect(lines[0]).toMatchObject({ state: 'paused', reason: null });
    const { step, checkpoints } = lines[0] as unknown as { step: number; checkpoints: { step: number }[] };
    expect(checkpoints.at(-1)!.step).toBe(step);
    expect((await place.json(['show', waiting.id])).lines[0]).toMatchObject({ state: 'stopped', step: 0 });
  });

  test.skipIf(!canWatch)('Ctrl-C twice ends at once, also when the trainer does not answer', async () => {
    const place = new Workplace();
    const served = await serve(place);
    const { connection, told } = await open(served);
    const run = await train(connection, 1_000_000);
    await told('checkpoint');
    const trainers = trainersOf(served.call.pid);
    for (const trainer of trainers) process.kill(trainer, 'SIGSTOP');
    served.call.process.kill('SIGINT');
    served.call.process.kill('SIGTERM');
    expect(await served.call.ended).toMatchObject({ status: 130 });
    await gone(trainers);
    expect((await place.json(['show', run.id])).lines[0]).toMatchObject({
      state: 'interrupted',
      reason: { code: 'run.interrupted' },
    });
  });

  test('the library of a server is refused to a second one, which is told what to do', async () => {
    const place = new Workplace();
    await serve(place);
    const refused = await place.run(['serve', '--port', '0']);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/is in use by another Ganvas \(process \d+\)/);
    expect(refused.stderr).toMatch(
      /open the address that it printed; another library is served with --library DIR/,
    );
  });

  test('a port that is taken is refused, and the library let go', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const place = new Workplace();
    const refused = await place.json(['serve', '--port', String(port)]);
    expect(refused).toMatchObject({ status: 1, lines: [{ type: 'error', code: 'server.port-taken' }] });
  });

  test('folders are offered where they were named, and no others', async () => {
    const place = new Workplace();
    const missing = await place.json(['serve', '--port', '0', '--data-root', 'nowhere']);
    expect(missing).toMatchObject({ status: 1, lines: [{ type: 'error', code: 'server.no-folder' }] });

    const served = await serve(place, '--data-root', place.dir, '--data-root', '/usr');
    const { connection } = await open(served);
    expect(await connection.call('system.info', {})).toMatchObject({ canBrowse: true });
    const find = (source: string) => connection.call('datasets.find', { source, settings: tinyImages });
    await expect(find('/etc')).rejects.toMatchObject({ code: 'dataset.not-allowed' });
    await expect(find(`${place.dir}/../..`)).rejects.toMatchObject({ code: 'dataset.not-allowed' });
    expect(await find(place.dir)).toBeNull();
  });

  test('listening for others has to be asked for, and its risk is told', async () => {
    const place = new Workplace();
    const call = place.start(['serve', '--port', '0', '--host', '0.0.0.0']);
    await call.printed(/^Warning: other machines can reach this, and nothing is encrypted.*tunnel/m);
    const [, port, token] = await call.printed(/^Open http:\/\/127\.0\.0\.1:(\d+)\/\?token=(\S+)$/m);
    const outside = Object.values(networkInterfaces())
      .flatMap((found) => found ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of outside) {
      const [line] = await call.printed(new RegExp(`^From another machine: .*//${address}:.*$`, 'm'));
      expect(line).toBe(`From another machine: http://${address}:${port}/?token=${token}`);
    }
    call.process.kill('SIGINT');
    expect(await call.ended).toMatchObject({ status: 130 });
  });

  test.each([
    [['--port', '70000'], '--port must be a whole number from 0 to 65535'],
    [['--host'], '--host needs a value'],
    [['--data'], '--data needs a value'],
    [['page'], 'does not know what to do with "page"'],
    [['--steps', '3'], 'serve has no option --steps'],
  ])('%j is wrong usage', async (words, message) => {
    const ended = await new Workplace().run(['serve', ...words]);
    expect(ended).toMatchObject({ status: 2, stdout: '' });
    expect(ended.stderr).toContain(message);
  });
});

test('while a library is served, the command line can look at it and not change it', async () => {
  const place = new Workplace();
  await serve(place);
  expect(await place.run(['runs'])).toMatchObject({ status: 0 });
  const refused = await place.run([...tinyTraining, '--steps', '1']);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('is in use by another Ganvas');
});
