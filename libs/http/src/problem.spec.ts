import { BadRequestException, HttpException } from '@nestjs/common';
import { AppError, type ErrorKind, InvalidInput, NotFound } from '@strowger/kernel';
import { errorOf, problemOf } from './problem.js';

it.each<[ErrorKind, number]>([
  ['invalid', 400],
  ['unauthenticated', 401],
  ['forbidden', 403],
  ['not-found', 404],
  ['conflict', 409],
  ['precondition-failed', 412],
  ['rate-limited', 429],
  ['unavailable', 503],
  ['internal', 500],
])('answers %s with %i', (kind, status) => {
  expect(problemOf(new AppError(kind, 'some-code', 'Some sentence.')).status).toBe(status);
});

it.each([
  ['idempotency-key-reused', 422],
  ['payload-too-large', 413],
])('answers the code %s with its own status', (code, status) => {
  expect(problemOf(new AppError('invalid', code, 'Some sentence.')).status).toBe(status);
});

it('carries code, detail, fields, details and an unknown outcome', () => {
  const error = new AppError(
    'unavailable',
    'carrier-timeout',
    'The carrier did not answer.',
    { carrier: 'x' },
    { outcome: 'unknown', errors: [{ field: 'a.b', rule: 'r', message: 'M.' }] },
  );
  expect(problemOf(error, 'urn:strowger:request:1')).toEqual({
    type: 'https://strowger.dev/problems/carrier-timeout',
    title: 'Carrier timeout',
    status: 503,
    detail: 'The carrier did not answer.',
    instance: 'urn:strowger:request:1',
    code: 'CARRIER_TIMEOUT',
    errors: [{ field: 'a.b', rule: 'r', message: 'M.' }],
    details: { carrier: 'x' },
    outcome: 'unknown',
  });
  expect(problemOf(new NotFound('number', 'n-1'))).toMatchObject({
    status: 404,
    code: 'NUMBER_NOT_FOUND',
    details: { id: 'n-1' },
  });
  expect(problemOf(new InvalidInput([{ field: 'x', rule: 'min', message: 'Too small.' }]))).toMatchObject({
    status: 400,
    code: 'INVALID_INPUT',
    detail: 'Too small.',
  });
});

it('says nothing of a bug', () => {
  const bug = new AppError(
    'internal',
    'canary-code',
    'canary message',
    { canary: 1 },
    { cause: new Error('canary cause') },
  );
  for (const thrown of [
    bug,
    new TypeError('canary'),
    'canary',
    { statusCode: 500, message: 'canary' },
    new HttpException('canary', 500),
  ])
    expect(JSON.stringify(problemOf(errorOf(thrown)))).not.toContain('canary');
});

it('believes a status only from frameworks', () => {
  expect(problemOf(errorOf(new BadRequestException()))).toMatchObject({ status: 400, code: 'MALFORMED_REQUEST' });
  expect(problemOf(errorOf({ statusCode: 404 }))).toMatchObject({ status: 500 });
});
