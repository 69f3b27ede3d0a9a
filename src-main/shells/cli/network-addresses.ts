/** Where other machines find a server that listens on all of this machine's addresses. */
import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';

const isAny = (host: string) => host === '0.0.0.0' || host === '::';

/**
 * @param address where this machine itself finds it
 * @param host what the server listens on; only `0.0.0.0` (IPv4) and `::` (IPv4 and IPv6) mean more than one address
 * @param interfaces as of `os.networkInterfaces()`
 * @returns the same address for each way into this machine; none where the host says already what to type
 */
export function networkAddresses(
  address: string,
  host: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
): string[] {
  if (!isAny(host)) return [];
  return Object.values(interfaces)
    .flatMap((found) => found ?? [])
    .filter(({ internal, family }) => !internal && (host === '::' || family === 'IPv4'))
    .map((found) => found.address)
    .filter((ip) => !/^fe80:/i.test(ip)) // Good on one cable only, and browsers take none of them.
    .map((ip) => {
      const url = new URL(address);
      url.hostname = isIPv6(ip) ? `[${ip}]` : ip;
      return url.href;
    });
}
