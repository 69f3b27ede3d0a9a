import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultLibrary } from '../../src-main/shells/default-library.ts';

test('the library lies where the platform keeps the data of applications', () => {
  const home = '/home/ada';
  expect(defaultLibrary('linux', {}, home)).toBe(join(home, '.local', 'share', 'ganvas', 'library'));
  expect(defaultLibrary('linux', { XDG_DATA_HOME: '/data' }, home)).toBe(join('/data', 'ganvas', 'library'));
  expect(defaultLibrary('darwin', {}, home)).toBe(
    join(home, 'Library', 'Application Support', 'Ganvas', 'library'),
  );
  expect(defaultLibrary('win32', {}, home)).toBe(join(home, 'AppData', 'Local', 'Ganvas', 'library'));
  expect(defaultLibrary('win32', { LOCALAPPDATA: '/local' }, home)).toBe(join('/local', 'Ganvas', 'library'));
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    expect(defaultLibrary(platform, { GANVAS_LIBRARY: '/elsewhere' }, home)).toBe('/elsewhere');
  }
});
