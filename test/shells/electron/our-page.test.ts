import { expect, test, vi } from 'vitest';
import { address, isOurPage, isOurs, links, openLink } from '../../../src-main/shells/electron/our-page.ts';

const openExternal = vi.hoisted(() => vi.fn(() => Promise.resolve()));
vi.mock('electron', () => ({ shell: { openExternal } }));

test.each([
  [address, true],
  ['app://gan/', true],
  ['app://gan/index.html#/design/x', true],
  ['app://gan/?next=http://evil.test', true],
  ['APP://GAN/', false],
  ['app://gan', true],
  ['app://gan.evil.test/', false],
  ['app://evil/', false],
  ['app://gan:80/', false],
  ['app://gan@evil/', false],
  ['app://user:word@gan/', false],
  ['http://gan/', false],
  ['https://evil.test/?next=app://gan/', false],
  ['https://evil.test/#app://gan/', false],
  ['file:///app://gan/', false],
  ['data:text/html,app://gan/', false],
  ['javascript:app://gan/', false],
  ['blob:app://gan/1234', false],
  ['about:blank', false],
  ['', false],
  ['not an address', false],
])('%s: ours %s', (url, ours) => {
  expect(isOurs(url)).toBe(ours);
});

test('only the page itself is heard: no frame in it, no other page, none that is gone', () => {
  const frame = { url: address, parent: null, isDestroyed: () => false };
  expect(isOurPage(frame)).toBe(true);
  expect(isOurPage(null)).toBe(false);
  expect(isOurPage({ ...frame, parent: frame })).toBe(false);
  expect(isOurPage({ ...frame, url: 'https://evil.test/' })).toBe(false);
  expect(isOurPage({ ...frame, isDestroyed: () => true })).toBe(false);
});

test('nothing is opened elsewhere but what is on the list', () => {
  const others = [
    'file:///etc/hosts',
    'javascript:alert(1)',
    'smb://evil/share',
    'ms-calculator:',
    'http://www.electronjs.org/',
  ];
  others.push(
    'https://www.electronjs.org.evil.test/',
    `${links.electron}?x`,
    'https://evil.test/',
    'mailto:x@evil.test',
    '',
    '%',
  );
  for (const url of others) expect(openLink(url)).toBe(false);
  expect(openExternal).not.toHaveBeenCalled();
  expect(openLink(links.electron)).toBe(true);
  expect(openExternal.mock.calls).toEqual([[links.electron]]);
});
