import { basename, extname, join } from 'node:path';
import type { Session } from 'electron';
import { app } from 'electron';

/** What a page saves asks where to, in the system's dialog. */
export function askWhereToSave(session: Session): void {
  session.on('will-download', (_, item) => {
    const name = basename(item.getFilename());
    const extension = extname(name).slice(1);
    item.setSaveDialogOptions({
      title: 'Save',
      defaultPath: join(app.getPath('downloads'), name),
      ...(extension !== '' && { filters: [{ name: `.${extension}`, extensions: [extension] }] }),
    });
  });
}
