import { expect, test } from 'vitest';
import { opener } from '../../src-main/shells/open-address.ts';

test.each([
  ['darwin', {}, ['open']],
  ['win32', {}, ['rundll32', 'url.dll,FileProtocolHandler']],
  ['linux', { DISPLAY: ':0' }, ['xdg-open']],
  ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, ['xdg-open']],
  ['linux', { SSH_CONNECTION: '10.0.0.1 1 10.0.0.2 22' }, null],
  ['linux', { DISPLAY: '' }, null],
] as const)('on %s with %j an address is opened by %j', (platform, env, command) => {
  expect(opener(platform, env)).toEqual(command);
});
