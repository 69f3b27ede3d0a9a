import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AppError } from '../../src-shared/errors.ts';
import { Notices } from '../../src-renderer/state/notices.svelte.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('notices can offer something to do', () => {
  const notices = new Notices();
  let undone = 0;
  notices.say('It was deleted.', { label: 'Undo', act: () => (undone += 1) });
  notices.list[0]?.action?.act();
  expect(undone).toBe(1);
});

it('what is said twice stands there once, and stays for longer', () => {
  const notices = new Notices();
  notices.say('Another window was faster.');
  vi.advanceTimersByTime(5000);
  notices.say('Another window was faster.');
  notices.fail(new AppError('disk.full', 'The disk is full.'));
  notices.fail(new AppError('disk.full', 'The disk is full.'));
  vi.advanceTimersByTime(5000);
  expect(notices.list.map(({ text }) => text)).toEqual(['Another window was faster.', 'The disk is full.']);
  vi.advanceTimersByTime(5000);
  expect(notices.list.map(({ text }) => text)).toEqual(['The disk is full.']);
});
