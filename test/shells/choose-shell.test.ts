import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { chooseShell, electronBinary } from '../../src-main/shells/choose-shell.ts';

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ganvas-start-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

function built(): string {
  const entry = join(folder(), 'main.js');
  writeFileSync(entry, '');
  return entry;
}

const everything = { hasScreen: true, isRoot: false, findElectron: () => '/electron' };

test('the desktop app opens where all that it needs is there', () => {
  const entry = built();
  expect(chooseShell({ ...everything, entry })).toEqual({ kind: 'desktop', electron: '/electron' });
});

test.each([
  ['it is not built', { entry: join(tmpdir(), 'no', 'main.js') }, 'is not built in this checkout'],
  ['there is no screen', { hasScreen: false }, 'no screen'],
  ['root starts it', { isRoot: true }, 'does not run as root'],
])('the page opens where %s, and nothing is fetched', (_, missing, why) => {
  const findElectron = () => {
    throw new Error('fetched for nothing');
  };
  const shell = chooseShell({ ...everything, entry: built(), ...missing, findElectron });
  expect(shell).toEqual({ kind: 'server', why: expect.stringContaining(why) });
});

test('the page opens where Electron cannot be had', () => {
  const shell = chooseShell({ ...everything, entry: built(), findElectron: () => null });
  expect(shell).toEqual({ kind: 'server', why: expect.stringContaining('Electron is not here') });
});

test('the binary of Electron is where its package says', () => {
  const dir = folder();
  expect(electronBinary(dir, {})).toBeNull();
  writeFileSync(join(dir, 'path.txt'), 'Electron.app/Electron\n');
  expect(electronBinary(dir, {})).toBeNull();
  mkdirSync(join(dir, 'dist', 'Electron.app'), { recursive: true });
  const binary = join(dir, 'dist', 'Electron.app', 'Electron');
  writeFileSync(binary, '');
  expect(electronBinary(dir, {})).toBe(binary);
  const elsewhere = folder();
  expect(electronBinary(dir, { ELECTRON_OVERRIDE_DIST_PATH: elsewhere })).toBeNull();
  mkdirSync(join(elsewhere, 'Electron.app'));
  writeFileSync(join(elsewhere, 'Electron.app', 'Electron'), '');
  expect(electronBinary(dir, { ELECTRON_OVERRIDE_DIST_PATH: elsewhere })).toBe(
    join(elsewhere, 'Electron.app', 'Electron'),
  );
});
