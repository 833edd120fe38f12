import { AppError } from './app-error.js';

/** Somebody else changed it since the caller read it (RFC 9110, If-Match). */
export class VersionMismatch extends AppError {
  constructor(what: string, given: number, current: number) {
    super(
      'precondition-failed',
      'version-mismatch',
      `This ${what} was changed by someone else meanwhile (version ${current}, yours is ${given}). Read it again, then repeat your change.`,
      { given, current },
    );
  }
}

/** Throws when the caller changes another version than it read; without a version the last write wins. */
export function checkVersion(what: string, row: { version: number }, given: number | null | undefined): void {
  if (given !== undefined && given !== null && given !== row.version)
    throw new VersionMismatch(what, given, row.version);
}
