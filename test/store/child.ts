/**
 * What the tests need a process of its own for: `child.ts <what> <library> [run]`. Prints one line of JSON when it is ready.
 * `hold`: opens for writing and stays. `train`: that, with a run in the middle of training. `try-write`, `try-read`: opens and
 * goes, as a user without rights where this one has all. `die-deleting`: is killed while it deletes a run.
 */
import { openDatabase } from '../../src-main/store/database.ts';
import { libraryFolder } from '../../src-main/store/library-folder.ts';
import { openStore } from '../../src-main/store/open-store.ts';
import { createTrash } from '../../src-main/store/trash.ts';
import { toErrorData } from '../../src-shared/errors.ts';
import { startedRun, steps } from './content.ts';

const [what, dir = '', run = ''] = process.argv.slice(2);

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function withoutRights(): void {
  openDatabase(':memory:', 'write').close(); // loads what has to be loaded, while that can be read
  if (process.getuid?.() === 0) process.setuid?.(65534);
}

try {
  if (what === 'hold') {
    openStore(dir, { access: 'write' });
    globalThis.gc?.(); // nothing refers to the store any more; the lock must not go with it
    await new Promise(setImmediate);
    globalThis.gc?.();
    say('open');
    process.stdin.resume();
  } else if (what === 'train') {
    const store = openStore(dir, { access: 'write' });
    const { id } = startedRun(store);
    store.steps.append(id, steps(1, 50));
    say(id);
    process.stdin.resume();
  } else if (what === 'try-write' || what === 'try-read') {
    withoutRights();
    openStore(dir, { access: what === 'try-write' ? 'write' : 'read' }).close();
    say('opened');
  } else {
    const folder = libraryFolder(dir);
    const database = openDatabase(folder.database, 'write');
    const die = () => process.kill(process.pid, 'SIGKILL');
    const mortal = {
      ...database,
      command(sql: string) {
        const command = database.command(sql);
        return sql.startsWith('DELETE FROM runs')
          ? (parameters: Parameters<typeof command>[0]) => (die(), command(parameters))
          : command;
      },
    };
    createTrash(mortal, folder).discard([{ kind: 'run', run }]);
    say('survived');
  }
} catch (error) {
  say(toErrorData(error));
}
