import { expect, it } from 'vitest';
import { LibraryView, usualView } from '../../src-renderer/features/library/view.ts';
import { Kept } from '../../src-renderer/state/kept.svelte.ts';
import { browserStorage } from './browser-storage.ts';

const open = (storage = browserStorage()) => new Kept(storage, 'ganvas.library', LibraryView, usualView);

it('a place is as it was left, and as usual where nothing that can be read was kept', () => {
  const storage = browserStorage();
  expect(open(storage).value).toEqual(usualView);
  open(storage).change({ chosen: ['r1', 'r2'], comparing: true });
  expect(open(storage).value).toEqual({ ...usualView, chosen: ['r1', 'r2'], comparing: true });
  for (const text of [
    '',
    '{',
    '{"shelf":"experiments"}',
    JSON.stringify({ ...usualView, shelf: 'nowhere' }),
  ]) {
    storage.setItem('ganvas.library', text);
    expect(open(storage).value).toEqual(usualView);
  }
});

it('lasts as long as the page where the browser keeps nothing', () => {
  const kept = open(browserStorage(0));
  kept.change({ shelf: 'exports' });
  expect(kept.value.shelf).toBe('exports');
});
