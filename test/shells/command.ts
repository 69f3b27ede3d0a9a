import { fileURLToPath } from 'node:url';
import { pinnedNode } from '../../src-main/shells/node-binary.ts';

/** The command line on the Node that Ganvas brings. */
export const command: readonly string[] = [
  pinnedNode(),
  fileURLToPath(new URL('../../src-main/shells/cli/main.ts', import.meta.url)),
];
