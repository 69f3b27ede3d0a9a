import { expect, it } from 'vitest';
import { Notices } from '../../src-renderer/state/notices.svelte.ts';

it('notices can offer something to do', () => {
  const notices = new Notices();
  let undone = 0;
  notices.say('It was deleted.', { label: 'Undo', act: () => (undone += 1) });
  notices.list[0]?.action?.act();
  expect(undone).toBe(1);
});
