/** The methods of the contract that need a window of the system. */
import { join } from 'node:path';
import type { BrowserWindow } from 'electron';
import { app as electronApp, dialog, nativeTheme } from 'electron';
import type { ApiHandlers } from '../../../src-shared/api.ts';
import { experimentEnding } from '../../../src-shared/experiment-file.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { App } from '../../core/app.ts';
import { experimentFileName, readExperiment, writeExperiment } from './experiment-files.ts';
import type { Settings } from './settings.ts';

const experimentFilter = { name: 'Ganvas experiment', extensions: [experimentEnding] };

/** All methods, for the page of one window. */
export function windowHandlers({ handlers }: App, window: BrowserWindow, settings: Settings): ApiHandlers {
  return {
    ...handlers,
    'system.setTheme'({ theme }) {
      nativeTheme.themeSource = theme;
      settings.change({ theme });
      return null;
    },
    // The system's dialog shows folders to the person; the page needs no list of them.
    'datasets.browse'() {
      throw new AppError('shell.not-here', 'Folders are chosen in the dialog of the system here.');
    },
    async 'datasets.choose'({ kind }) {
      const { canceled, filePaths } = await dialog.showOpenDialog(window, {
        title: kind === 'folder' ? 'Choose a folder of images' : 'Choose a zip or IDX file of images',
        buttonLabel: 'Use it',
        properties: [kind === 'folder' ? 'openDirectory' : 'openFile'],
        ...(kind === 'file' && {
          filters: [
            { name: 'Zip and IDX files', extensions: ['zip', 'idx3-ubyte', 'gz'] },
            { name: 'All files', extensions: ['*'] },
          ],
        }),
      });
      return canceled ? null : (filePaths[0] ?? null);
    },
    async 'experiments.openFile'(_, context) {
      const { canceled, filePaths } = await dialog.showOpenDialog(window, {
        title: 'Open an experiment',
        filters: [experimentFilter],
        properties: ['openFile'],
      });
      const [path] = filePaths;
      if (canceled || path === undefined) return null;
      electronApp.addRecentDocument(path);
      return handlers['experiments.create'](await readExperiment(path), context);
    },
    async 'experiments.saveFile'({ id }, context) {
      const experiment = await handlers['experiments.get']({ id }, context);
      const { canceled, filePath } = await dialog.showSaveDialog(window, {
        title: 'Save the experiment as a file',
        defaultPath: join(electronApp.getPath('documents'), experimentFileName(experiment.name)),
        filters: [experimentFilter],
      });
      if (canceled || filePath === '') return false;
      await writeExperiment(filePath, experiment);
      electronApp.addRecentDocument(filePath);
      return true;
    },
  };
}
