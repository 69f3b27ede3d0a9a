/** Ganvas as a desktop app: Electron's main process owns the core and the windows. */
import { join, resolve } from 'node:path';
import { app, dialog, nativeTheme, session, shell } from 'electron';
import type { ApiEvent } from '../../../src-shared/api.ts';
import { toErrorData } from '../../../src-shared/errors.ts';
import { createApp } from '../../core/app.ts';
import { builtPage } from '../page.ts';
import { createRespond } from '../respond.ts';
import { createTrainerHost } from '../trainer-host.ts';
import { confine } from './confine.ts';
import { Desktop } from './desktop.ts';
import { experimentFiles } from './experiment-files.ts';
import { openLibrary } from './open-library.ts';
import { knowsUpdates, nodeForTrainers } from './packaged.ts';
import { answerScheme, declareScheme } from './protocol.ts';
import { requireSandbox } from './sandbox.ts';
import { askWhereToSave } from './save-dialog.ts';
import { Settings } from './settings.ts';
import { packagedUpdater } from './updates.ts';
import { followTheme } from './window.ts';

/** Files to be opened, until somebody can. */
const waiting = experimentFiles(process.argv);
let openFiles = (paths: readonly string[]): unknown => waiting.push(...paths);

async function start(): Promise<void> {
  requireSandbox();
  const settings = new Settings(join(app.getPath('userData'), 'desktop.json'));
  nativeTheme.themeSource = settings.content.theme;
  followTheme();
  confine();
  askWhereToSave(session.defaultSession);

  let hear: (event: ApiEvent) => void = () => undefined;
  const core = await openLibrary(settings, (libraryDir) =>
    createApp({
      libraryDir,
      trainerHost: createTrainerHost(nodeForTrainers()),
      broadcast: (event) => hear(event),
      shell: 'desktop',
      reveal: (path) => shell.showItemInFolder(path),
    }),
  );
  if (core === null) {
    app.quit();
    return;
  }
  answerScheme(createRespond({ page: builtPage(), files: core.files }));
  const desktop = new Desktop(core, settings);
  hear = (event) => desktop.hear(event);
  app.on('second-instance', (_, argv, folder) => {
    desktop.show();
    openFiles(experimentFiles(argv).map((path) => resolve(folder, path)));
  });
  app.on('activate', () => desktop.show());
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  desktop.openWindow();
  openFiles = (paths) => desktop.openExperiments(paths);
  openFiles(waiting);
  await desktop.goOn();
  if (knowsUpdates()) await desktop.update(packagedUpdater);
}

// All of this must have happened before the app is ready, so nothing here may wait.
app.enableSandbox();
app.setAppUserModelId('app.ganvas');
declareScheme();
app.on('open-file', (event, path) => {
  event.preventDefault();
  openFiles([path]);
});
if (app.requestSingleInstanceLock()) {
  app
    .whenReady()
    .then(start)
    .catch((error: unknown) => {
      dialog.showErrorBox('Ganvas cannot start', toErrorData(error).message);
      app.exit(1);
    });
} else {
  app.quit();
}
