import { redacted, serializeError } from './logger.js';

it('redacts secret-sounding fields at every level and leaves the rest as it is', () => {
  const at = new Date(0);
  const plain = { numberId: 'n-1', at, count: 3, tags: ['a'] };
  expect(redacted({ numberId: 'n-1', count: 3 })).toEqual({ numberId: 'n-1', count: 3 });
  const fields = {
    ...plain,
    password: 'canary',
    headers: { authorization: 'canary', 'x-api-key': 'canary' },
    list: [{ endpointToken: 'canary' }],
    own: { toJSON: () => ({ secretKeys: 'canary', id: 7 }) },
    err: new Error('kept'),
    cause: Object.assign(new Error('also kept'), { config: 'canary' }),
  };
  const safe = redacted(fields);
  expect(JSON.stringify(safe)).not.toContain('canary');
  expect(safe).toMatchObject({
    numberId: 'n-1',
    at: at.toJSON(),
    count: 3,
    tags: ['a'],
    own: { id: 7 },
    list: [{ endpointToken: '[redacted]' }],
  });
  expect(safe).toMatchObject({ err: { message: 'kept' }, cause: { message: 'also kept' } });
  expect(fields.password).toBe('canary');
});

it('keeps what helps and cuts credentials out of errors, through causes', () => {
  const driver = Object.assign(new Error('connect postgres://svc:canary1@db:5432/x failed'), {
    code: 'ECONNREFUSED',
    parameters: ['canary2'],
  });
  const http = new Error(
    'GET https://x.example/hooks/restcomm/canary3canary3 with Authorization: Basic canary4canary4==',
    { cause: driver },
  );
  const shown = JSON.stringify(serializeError(new AggregateError([http], 'several', { cause: http })));
  expect(shown).toContain('ECONNREFUSED');
  expect(shown).toContain('@db:5432/x failed');
  expect(shown).not.toContain('canary');
});
