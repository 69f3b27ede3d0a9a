import { expect, test } from 'vitest';
import type { App } from '../../src-main/core/app.ts';
import { AnsweringHost } from '../contract/answering-trainers.ts';
import { context } from '../core/experiment.ts';
import { open, tinyImages } from '../core/library.ts';
import { Workplace } from './ganvas-process.ts';

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=',
  'base64',
);

/** Drops a picture into the page, and prepares it. @returns the source */
async function drop({ handlers, files, datasets }: App, name: string, file: string): Promise<string> {
  const announced = { name, files: 1, bytes: png.length };
  const { id } = await handlers['datasets.beginUpload'](announced, context);
  const body = (async function* () {
    yield png;
  })();
  await files.receive(id, file, body);
  const { source } = await handlers['datasets.finishUpload']({ id }, context);
  await datasets.prepare(source, tinyImages);
  return source;
}

test('what was dropped into the page is listed and deleted under the name that it had', async () => {
  const place = new Workplace();
  const app = open(new AnsweringHost(), place.library);
  const source = await drop(app, 'Holiday', 'a.png');
  expect(app.sourceName(source)).toBe('Holiday');
  expect(app.sourceName('/pictures')).toBe('/pictures');
  app.close();

  const listed = await place.run(['datasets']);
  expect(listed.stdout).toMatch(/^\w{10} {2}Holiday +1 +8x8x3 /m);
  expect(listed.stdout).not.toContain('upload:');
  expect((await place.json(['datasets'])).lines).toMatchObject([
    { type: 'prepared', source, sourceName: 'Holiday' },
  ]);
  const deleted = await place.run(['datasets', '--delete', 'Holiday']);
  expect(deleted.stdout).toMatch(/^Deleted the images prepared from Holiday \(/);
  expect((await place.json(['datasets'])).lines).toEqual([]);
});

test('of two that were dropped under one name neither is deleted by it', async () => {
  const place = new Workplace();
  const app = open(new AnsweringHost(), place.library);
  // Other names in it make other datasets.
  await drop(app, 'Holiday', 'a.png');
  await drop(app, 'Holiday', 'b.png');
  const keys = app.datasets.list().map(({ key }) => key.slice(0, 10));
  expect(new Set(keys).size).toBe(2);
  app.close();
  const { status, lines } = await place.json(['datasets', '--delete', 'Holiday']);
  expect(status).toBe(1);
  expect(lines).toMatchObject([{ code: 'dataset.ambiguous', details: { keys } }]);
  expect((await place.json(['datasets'])).lines).toHaveLength(2);
});
