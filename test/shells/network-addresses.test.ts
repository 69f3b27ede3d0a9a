import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { networkAddresses } from '../../src-main/shells/cli/network-addresses.ts';

const info = (address: string, internal = false): NetworkInterfaceInfo => {
  const rest = { address, netmask: '', mac: '', cidr: null, internal };
  return address.includes(':') ? { ...rest, family: 'IPv6', scopeid: 0 } : { ...rest, family: 'IPv4' };
};
const interfaces = {
  lo: [info('127.0.0.1', true), info('::1', true)],
  eth0: [info('192.168.1.5'), info('2001:db8::5'), info('fe80::1')],
  wifi: [info('10.0.0.7')],
};
const own = 'http://127.0.0.1:4280/?token=abc';

test('all of IPv4: one address for each way in', () => {
  expect(networkAddresses(own, '0.0.0.0', interfaces)).toEqual([
    'http://192.168.1.5:4280/?token=abc',
    'http://10.0.0.7:4280/?token=abc',
  ]);
});

test('all of both: those of IPv6 as well, without those that browsers do not take', () => {
  expect(networkAddresses('http://[::1]:4280/?token=abc', '::', interfaces)).toEqual([
    'http://192.168.1.5:4280/?token=abc',
    'http://[2001:db8::5]:4280/?token=abc',
    'http://10.0.0.7:4280/?token=abc',
  ]);
});

test.each(['127.0.0.1', 'localhost', '192.168.1.5'])('%s says itself what to type', (host) => {
  expect(networkAddresses(own, host, interfaces)).toEqual([]);
});

test('without a network there is none', () => {
  expect(networkAddresses(own, '0.0.0.0', { lo: interfaces.lo })).toEqual([]);
});
