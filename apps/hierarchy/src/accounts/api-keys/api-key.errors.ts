import { AppError } from '@strowger/kernel';

/** The same for an unknown key, a wrong secret, an expired key and a revoked one. */
export class ApiKeyRefused extends AppError {
  constructor() {
    super(
      'unauthenticated',
      'api-key-refused',
      'The API key is not known, has expired or was revoked. Check that it was copied whole, or ask for a new one.',
    );
  }
}
