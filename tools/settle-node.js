// The package "node" lays its binary down through an npm of its own and leaves 2,800 files behind that npm does not know: the next
// "npm install" would remove them, and only the one after that would find nothing to do. The binary itself stays, in its bin folder.
import { rmSync } from 'node:fs';

rmSync(new URL('../node_modules/node/node_modules', import.meta.url), { recursive: true, force: true });
