import { expect, test, vi } from 'vitest';
import type { Updater } from '../../../src-main/shells/electron/updates.ts';
import { Updates } from '../../../src-main/shells/electron/updates.ts';

type Found = Awaited<ReturnType<Updater['checkForUpdates']>>;

function setUp(found: () => Promise<Found>, download: () => Promise<unknown> = async () => []) {
  const heard: ((error: Error) => void)[] = [];
  const updater = {
    autoDownload: true,
    autoInstallOnAppQuit: false,
    logger: console as object | null,
    on: (_: 'error', listener: (error: Error) => void) => heard.push(listener),
    checkForUpdates: vi.fn(found),
    downloadUpdate: vi.fn(download),
  } satisfies Updater;
  const labels: string[] = [];
  const talk = { changed: () => void labels.push(updates.entry.label), tell: vi.fn(), quit: vi.fn() };
  const updates: Updates = new Updates(async () => updater, talk);
  return { updates, updater, talk, labels, fail: (error: Error) => heard.forEach((hear) => hear(error)) };
}

const version2: Found = { isUpdateAvailable: true, updateInfo: { version: '2.0.0' } };

test('a new version is named in the menu, fetched when it is chosen, and put in place by quitting', async () => {
  const { updates, updater, talk, labels } = setUp(async () => version2);
  await updates.look();
  expect(updater).toMatchObject({ autoDownload: false, autoInstallOnAppQuit: true });
  expect(labels).toEqual(['Looking for Updates…', 'Download Version 2.0.0']);
  expect(talk.tell).not.toHaveBeenCalled();
  expect(updater.downloadUpdate).not.toHaveBeenCalled();

  await updates.goOn();
  expect(updater.downloadUpdate).toHaveBeenCalledOnce();
  expect(talk.tell.mock.lastCall?.[0]).toBe('Version 2.0.0 has been downloaded.');
  expect(updates.entry.label).toBe('Quit and Install Version 2.0.0');
  expect(talk.quit).not.toHaveBeenCalled();

  await updates.goOn();
  expect(talk.quit).toHaveBeenCalledOnce();
});

test('while it looks or fetches, the entry waits', async () => {
  const answer = Promise.withResolvers<Found>();
  const { updates, updater } = setUp(() => answer.promise);
  const looking = updates.look();
  expect(updates.entry.enabled).toBe(false);
  await updates.goOn();
  answer.resolve({ isUpdateAvailable: false, updateInfo: { version: '1.0.0' } });
  await looking;
  expect(updater.checkForUpdates).toHaveBeenCalledOnce();
  expect(updates.entry).toMatchObject({ label: 'Check for Updates…', enabled: true });
});

test('what fails is in the menu, and in words when it was asked for', async () => {
  const { updates, talk } = setUp(async () => {
    throw new Error('net::ERR_INTERNET_DISCONNECTED\nHeaders: {}');
  });
  await updates.look();
  expect(updates.entry).toMatchObject({ label: 'Updates Failed: Try Again…', enabled: true });
  expect(talk.tell).not.toHaveBeenCalled();
  await updates.goOn();
  const [message, detail] = talk.tell.mock.lastCall as [string, string];
  expect(message).toContain('has failed');
  expect(detail).toMatch(/^net::ERR_INTERNET_DISCONNECTED\n\nNothing has been changed/);
  expect(detail).not.toContain('Headers');
});

test('a download that fails is said, and can be tried again', async () => {
  const { updates, updater, talk } = setUp(
    async () => version2,
    async () => {
      throw new Error('the sum is wrong');
    },
  );
  await updates.look();
  await updates.goOn();
  expect(talk.tell.mock.lastCall?.[1]).toContain('the sum is wrong');
  await updates.goOn();
  expect(updater.checkForUpdates).toHaveBeenCalledTimes(2);
  expect(updates.entry.label).toBe('Download Version 2.0.0');
});

test('an updater that cannot be had is a failure like others', async () => {
  const changed = vi.fn();
  const talk = { changed, tell: vi.fn(), quit: vi.fn() };
  const updates = new Updates(() => Promise.reject(new Error('the version is no version')), talk);
  await updates.look();
  expect(updates.entry.label).toBe('Updates Failed: Try Again…');
  expect(changed).toHaveBeenCalled();
});

test('an error by itself is heard, and a copy that cannot replace itself says so', async () => {
  const { updates, talk, fail } = setUp(async () => null);
  await updates.goOn();
  expect(talk.tell.mock.lastCall?.[0]).toBe('This copy of Ganvas does not replace itself.');
  fail(new Error('the installer does not start'));
  expect(updates.entry.label).toBe('Updates Failed: Try Again…');
});
