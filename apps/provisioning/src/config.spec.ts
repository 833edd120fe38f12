import { DEVELOPMENT_KEYRING, loadConfig } from '@strowger/config';
import { ProvisioningConfig } from './config.js';

const LEAST = {
  STROWGER_MODE: 'development',
  NATS_URL: 'nats://127.0.0.1:27022',
  REDIS_URL: 'redis://127.0.0.1:27021/2',
  DATABASE_URL: 'postgres://provisioning:x@127.0.0.1:27020/strowger',
  OPS_PORT: '27012',
  STROWGER_SECRET_KEYS: DEVELOPMENT_KEYRING,
  HOOKS_PUBLIC_URL: 'http://127.0.0.1:27001',
  CARRIER_RESTCOMM_BASE_URLS: 'http://127.0.0.1:27002/restcomm/2012-04-24',
};

it('needs no more than servers, keys and addresses', () => {
  const config = loadConfig(ProvisioningConfig, LEAST);
  expect(config).toMatchObject({
    applicationName: 'UnitySmsConnector',
    enablementPollSeconds: 1200,
    numberValidation: 'strict',
    messageExchangeBaseUrls: [],
    carrierLookAgainMs: ['2000', '5000', '10000'],
  });
});

it('takes the addresses of version 0.1.0', () => {
  const { CARRIER_RESTCOMM_BASE_URLS: url, ...rest } = LEAST;
  expect(loadConfig(ProvisioningConfig, { ...rest, RESTCOMM_BASE_URLS: url }).carrierBaseUrls).toEqual({
    restcomm: [url],
  });
});

it('says which addresses of carriers are wrong', () => {
  const env = { ...LEAST, CARRIER_RESTCOMM_BASE_URLS: 'http://user:secret@127.0.0.1/2012-04-24' };
  expect(() => loadConfig(ProvisioningConfig, env)).toThrow('CARRIER_<NAME>_BASE_URLS must be lists of http');
});

it.each([
  ['MESSAGE_EXCHANGE_BASE_URLS', 'not-a-url'],
  ['CARRIER_LOOK_AGAIN_MS', '2000,soon'],
  ['NUMBER_VALIDATION', 'none'],
  ['HOOKS_PUBLIC_URL', 'hooks.example.net'],
])('names %s when it is wrong', (variable, value) => {
  expect(() => loadConfig(ProvisioningConfig, { ...LEAST, [variable]: value })).toThrow(variable);
});
