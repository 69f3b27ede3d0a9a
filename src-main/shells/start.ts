/** `npm start`. Further words go to the shell that is opened: `npm start -- --port 4300`. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chooseShell, fetchedElectron } from './choose-shell.ts';
import { opener } from './open-address.ts';

const tell = (text: string) => process.stdout.write(`${text}\n`);

const hasScreen = opener(process.platform, process.env) !== null;

async function serve(why: string): Promise<void> {
  tell(`${why} ${hasScreen ? 'Ganvas opens in your browser.' : 'Open the address below in a browser.'}`);
  process.argv.splice(2, 0, 'serve', '--open');
  await import('./cli/main.ts');
}

const shell = chooseShell({
  entry: fileURLToPath(new URL('../../dist/main/main.js', import.meta.url)),
  hasScreen,
  isRoot: process.platform === 'linux' && process.getuid?.() === 0,
  findElectron: () => fetchedElectron(process.env, tell),
});
if (shell.kind === 'server') await serve(shell.why);
else {
  // The folder, whose package.json names the entry: so the app learns its own name and version.
  const checkout = fileURLToPath(new URL('../..', import.meta.url));
  const child = spawn(shell.electron, [checkout, ...process.argv.slice(2)], { stdio: 'inherit' });
  child.on('error', (error) => void serve(`The desktop app does not start (${error.message}).`));
  child.on('exit', (status) => (process.exitCode = status ?? 1));
}
