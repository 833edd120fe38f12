import {
  AS_GIVEN,
  IMPORT_COLUMNS,
  REQUIRED_IMPORT_COLUMNS,
  type ImportColumn,
  type ImportRowState,
} from '@strowger/contracts-hierarchy';
import { shownCode } from '@strowger/http';
import { AppError } from '@strowger/kernel';
import { productOf } from '../../licensing/catalog.js';
import type { CsvRecord } from './csv.js';

/** What a row holds and how it ended, if it has. */
export interface ImportRow {
  number: number;
  values: Record<ImportColumn, string>;
  state: ImportRowState;
  code?: string;
  message?: string;
}

/** Which column of the file is which, by position. */
export type ImportColumns = readonly ImportColumn[];

const LENGTHS: Record<ImportColumn, number> = {
  resellerId: 30,
  resellerName: 255,
  groupId: 30,
  groupName: 255,
  broadworksUserId: 161,
  userName: 255,
  applicationName: 255,
  licenseType: 255,
};

/** Reads the header; a string says what is wrong with it. Capital and small letters count as the same. */
export function columnsOf(header: readonly string[]): ImportColumns | string {
  const known = new Map(IMPORT_COLUMNS.map((column) => [column.toLowerCase(), column]));
  const columns = header.map((name) => known.get(name.trim().toLowerCase()));
  const unknown = header.filter((_, i) => columns[i] === undefined);
  const permitted = `The columns are: ${IMPORT_COLUMNS.join(', ')}.`;
  if (unknown.length > 0)
    return `The first row must name the columns, and there is none called '${unknown[0]!.slice(0, 100)}'. ${permitted}`;
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice) return `The column '${twice}' is there twice.`;
  const missing = REQUIRED_IMPORT_COLUMNS.filter((column) => !columns.includes(column));
  return missing.length > 0
    ? `Missing in the first row: ${missing.join(', ')}. ${permitted}`
    : (columns as ImportColumn[]);
}

/** A record as a row: pending, or failed already when its form says so. */
export function rowOf({ row, fields }: CsvRecord, columns: ImportColumns): ImportRow {
  const values = Object.fromEntries(IMPORT_COLUMNS.map((column) => [column, ''])) as Record<ImportColumn, string>;
  columns.forEach((column, i) => (values[column] = fields[i] ?? ''));
  const problem =
    fields.length === columns.length
      ? problemOf(values)
      : wrong(
          'parameter-invalid',
          `The row has ${fields.length} fields, the first row names ${columns.length} columns.`,
        );
  if (!problem) return { number: row, values, state: 'pending' };
  // Kept as far as the columns hold it: what is too long is not worth its space.
  for (const column of IMPORT_COLUMNS) values[column] = values[column].slice(0, 300).toWellFormed();
  return { number: row, values, state: 'failed', code: shownCode(problem.code), message: problem.message };
}

const wrong = (code: string, message: string): Pick<AppError, 'code' | 'message'> => ({ code, message });

function problemOf(values: Record<ImportColumn, string>): Pick<AppError, 'code' | 'message'> | undefined {
  for (const column of IMPORT_COLUMNS) {
    const value = values[column];
    if (REQUIRED_IMPORT_COLUMNS.includes(column) && value.trim() === '')
      return wrong('parameter-missing', `${column} is missing.`);
    if (value.length > LENGTHS[column])
      return wrong('parameter-invalid', `${column} has ${value.length} characters; it may have ${LENGTHS[column]}.`);
    if (!AS_GIVEN.test(value))
      return wrong('parameter-invalid', `${column} must not begin or end with a space or hold control characters.`);
  }
  const { applicationName, licenseType } = values;
  if (applicationName === '' && licenseType === '') return undefined;
  if (applicationName === '' || licenseType === '')
    return wrong('parameter-missing', 'applicationName and licenseType belong together: give both or neither.');
  try {
    productOf(applicationName, licenseType);
    return undefined;
  } catch (error) {
    return AppError.wrap(error);
  }
}
