/** The one protocol that pages come by: `app:`, answered by what answers the server's requests as well. */
import { protocol } from 'electron';
import { AppError } from '../../../src-shared/errors.ts';
import { answerError } from '../answer.ts';
import type { Respond } from '../respond.ts';
import { isOurs, scheme } from './our-page.ts';

/** To be called before the app is ready. It is an origin like those of the web, with all their rules. */
export function declareScheme(): void {
  const privileges = { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true };
  protocol.registerSchemesAsPrivileged([{ scheme, privileges }]);
}

export function answerScheme(respond: Respond): void {
  protocol.handle(scheme, (request) =>
    isOurs(request.url)
      ? respond(request)
      : answerError(new AppError('file.missing', 'There is nothing at this address.')),
  );
}
