/** Opens the library, or says in a box of the system why it cannot be opened, and what can be done. Nothing is changed then. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dialog } from 'electron';
import { AppError, toErrorData } from '../../../src-shared/errors.ts';
import type { App } from '../../core/app.ts';
import { defaultLibrary } from '../default-library.ts';
import type { Settings } from './settings.ts';

/** @returns null when the person gave up */
export async function openLibrary(
  settings: Settings,
  open: (libraryDir: string) => App,
): Promise<App | null> {
  for (;;) {
    try {
      return open(libraryDir(settings));
    } catch (error) {
      const { code, message } = toErrorData(error);
      const own = error instanceof AppError;
      const { response } = await dialog.showMessageBox({
        type: 'error',
        title: 'Ganvas',
        message: 'Ganvas cannot open its library.',
        detail: own
          ? `${message}\n\nNothing has been changed.`
          : `Something went wrong inside Ganvas: ${message}`,
        buttons:
          code === 'node.missing' || code === 'machine.unsupported'
            ? ['Quit', 'Try Again']
            : ['Quit', 'Try Again', 'Choose Another Library…'],
        defaultId: 1,
        cancelId: 0,
      });
      if (response === 0) return null;
      if (response === 2) await chooseLibrary(settings);
    }
  }
}

/** @throws AppError `library.gone`: a folder that was chosen is not made anew where its drive is not there */
function libraryDir({ content: { library } }: Settings): string {
  const usual = defaultLibrary(process.platform, process.env, homedir());
  if (library === null || process.env['GANVAS_LIBRARY']) return usual;
  if (existsSync(library)) return library;
  throw new AppError(
    'library.gone',
    `The library folder ${library} is not there. If it lies on a drive, connect the drive and try again.`,
    { library },
  );
}

/** Lets the person choose the folder that will be the library. @returns whether they did */
export async function chooseLibrary(settings: Settings): Promise<boolean> {
  const { canceled, filePaths } = await dialog.showOpenDialog({
    title: 'Choose the library’s folder',
    buttonLabel: 'Use as Library',
    properties: ['openDirectory', 'createDirectory'],
  });
  const [library] = filePaths;
  if (canceled || library === undefined) return false;
  settings.change({ library });
  return true;
}
