import { AppError } from '@strowger/kernel';

/** The file as a whole is not an import. */
export class ImportUnreadable extends AppError {
  constructor(message: string) {
    super('invalid', 'import-unreadable', message);
  }
}

export class ImportIncomplete extends AppError {
  constructor(expected: number, received: number) {
    super(
      'conflict',
      'import-incomplete',
      `Of ${expected} parts of the file, ${received} have arrived. Send it again.`,
      {
        expected,
        received,
      },
    );
  }
}

export class ImportNotOpen extends AppError {
  constructor(state: string) {
    super('conflict', 'import-not-open', `This import is ${state}; it takes no more of the file.`, { state });
  }
}

export class ImportOver extends AppError {
  constructor(state: string) {
    super('conflict', 'import-over', `This import is ${state} already; there is nothing left to cancel.`, { state });
  }
}
