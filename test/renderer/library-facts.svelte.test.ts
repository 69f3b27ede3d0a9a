import { expect, it } from 'vitest';
import { oneAtATime } from '../../src-renderer/state/library-facts.svelte.ts';
import { Notices } from '../../src-renderer/state/notices.svelte.ts';

it('does the work once more behind the one that runs, however often it was asked for', async () => {
  const ends: (() => void)[] = [];
  const ask = oneAtATime(() => new Promise((resolve) => ends.push(() => resolve())));
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  ask();
  ask();
  ask();
  expect(ends).toHaveLength(1);
  ends[0]!();
  await settle();
  expect(ends).toHaveLength(2);
  ends[1]!();
  await settle();
  expect(ends).toHaveLength(2);
  ask();
  expect(ends).toHaveLength(3);
});

it('notices can offer something to do', () => {
  const notices = new Notices();
  let undone = 0;
  notices.say('It was deleted.', { label: 'Undo', act: () => (undone += 1) });
  notices.list[0]?.action?.act();
  expect(undone).toBe(1);
});
