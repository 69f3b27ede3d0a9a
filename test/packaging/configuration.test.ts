/** electron-builder.yml and what it is made of, without packing. */
import type { Configuration } from 'electron-builder';
import { Packager } from 'electron-builder';
import { expect, test } from 'vitest';
import { budget, weigh } from '../../packaging/sizes.ts';
import { experimentEnding } from '../../src-shared/experiment-file.ts';
import { repository } from '../architecture.ts';

/** The file with changes, as electron-builder reads it. Throws where its schema does not allow it. */
async function configuration(changes: object = {}): Promise<Configuration> {
  const config = { extends: 'electron-builder.yml', ...changes };
  const packager = new Packager({ projectDir: repository, config });
  await packager.validateConfig();
  return packager.config;
}

test('is what the schema of electron-builder allows', async () => {
  expect(await configuration()).toMatchObject({ appId: 'app.ganvas' });
  await expect(configuration({ artefactName: 'Ganvas' })).rejects.toThrow('artefactName');
});

test('makes installers for three systems, which open the files of experiments', async () => {
  const { linux, win, mac, fileAssociations } = await configuration();
  expect([linux?.target, win?.target, mac?.target]).toEqual([['AppImage', 'deb'], ['nsis'], ['dmg', 'zip']]);
  expect(fileAssociations).toMatchObject([{ ext: experimentEnding }]);
});

test('no entry of a menu starts the app without its sandbox', async () => {
  const { appImage, linux, deb } = await configuration();
  // What AppImageTarget takes where there is none is --no-sandbox.
  expect(appImage?.executableArgs).toEqual([]);
  expect([linux?.executableArgs, deb?.executableArgs]).toEqual([undefined, undefined]);
});

test('no part of a packed app may weigh more than its budget', () => {
  const sizes = new Map(Object.entries(budget).map(([part, megabytes]) => [part, megabytes * 1e6]));
  expect(weigh(sizes).over).toEqual([]);
  sizes.set('Node', budget['Node']! * 1e6 + 1);
  sizes.set('something new', 1);
  expect(weigh(sizes).over).toEqual(['Node', 'something new']);
  expect(weigh(sizes).table).toContain('something new');
});
