import { loadConfig } from '@strowger/config';
import { HierarchyConfig } from './config.js';

const env = { STROWGER_MODE: 'test', NATS_URL: 'nats://n', DATABASE_URL: 'postgres://d', OPS_PORT: '0' };
const load = (more: Record<string, string>) => () => loadConfig(HierarchyConfig, { ...env, ...more });

it('needs no operator', () => {
  expect(load({})()).toMatchObject({ sessionDays: 30, passwordMemoryKib: 19_456 });
});

it('wants both of the first operator’s settings or neither', () => {
  expect(load({ OPERATOR_EMAIL: 'a@b.example', OPERATOR_PASSWORD: 'long enough now' })()).toMatchObject({
    operatorEmail: 'a@b.example',
  });
  expect(load({ OPERATOR_EMAIL: 'a@b.example' })).toThrow('OPERATOR_PASSWORD');
  expect(load({ OPERATOR_PASSWORD: 'long enough now' })).toThrow('OPERATOR_EMAIL');
});
