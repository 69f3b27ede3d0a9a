import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pinnedNode } from '../../src-main/shells/node-binary.ts';

/** The command line on the Node that Ganvas brings. */
export const command: readonly string[] = [
  pinnedNode(),
  fileURLToPath(new URL('../../src-main/shells/cli/main.ts', import.meta.url)),
];

/**
 * Words before a command that take root's right to ignore permissions away; none for anybody else. Null where that cannot be done.
 */
export function withoutPrivileges(): string[] | null {
  if (process.getuid?.() === undefined) return null;
  if (process.getuid() !== 0) return [];
  const drop = ['--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-dac_override,-dac_read_search'];
  const tried = spawnSync('setpriv', [...drop, 'true']);
  return tried.status === 0 ? ['setpriv', ...drop] : null;
}
