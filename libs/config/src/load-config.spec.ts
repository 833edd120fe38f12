import { inspect } from 'node:util';
import { IsArray, IsInt, IsOptional, IsString, Min } from 'class-validator';
import {
  ConfigInvalid,
  DEVELOPMENT_KEYRING,
  Env,
  EnvList,
  EnvLists,
  IsKeyring,
  IsUrlList,
  IsUrlListPerName,
  loadConfig,
  Secret,
  ServiceConfig,
} from './index.js';

class RoutingConfig extends ServiceConfig {
  @Env('PORT') @IsInt() @Min(1) port!: number;
  @Env('POLL_SECONDS') @IsInt() @Min(60) pollSeconds = 1200;
  @Env('FAST') fast = false;
  @Env('REGION') @IsOptional() @IsString() region?: string;
  @EnvList('BASE_URLS') @IsArray() @IsUrlList() baseUrls: string[] = ['https://carrier.example/v1'];
  @EnvLists('CARRIER_<NAME>_URLS', { OLD_URLS: 'old' }) @IsUrlListPerName() carrierUrls: Record<string, string[]> = {};
  @Env('STROWGER_SECRET_KEYS') @Secret() @IsKeyring() secretKeys: string = DEVELOPMENT_KEYRING;
  @Env('STROWGER_TOKEN_SECRET') @Secret({ minLength: 32 }) tokenSecret!: string;
}

const KEYRING = `k1:${Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 37 + 11) % 256)).toString('base64')}`;
const TOKEN_SECRET = 'Zp3v9qL0sXw7tB2nK5yR8uE1cH6mJ4aD';
const good = {
  STROWGER_MODE: 'production',
  NATS_URL: 'nats://user:hunter22@nats:4222',
  OPS_PORT: '9000',
  PORT: '8080',
  STROWGER_SECRET_KEYS: KEYRING,
  STROWGER_TOKEN_SECRET: TOKEN_SECRET,
};

function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    loadConfig(RoutingConfig, env);
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems;
    throw error;
  }
  return [];
}

describe('loading a configuration', () => {
  it('reads a list for each name that has one, and a former variable where the new one is not set', () => {
    const env = {
      ...good,
      CARRIER_ONE_URLS: 'https://one.example',
      CARRIER_TWO_B_URLS: 'https://b.example,https://c.example',
    };
    expect(loadConfig(RoutingConfig, { ...env, OLD_URLS: 'https://old.example' }).carrierUrls).toEqual({
      one: ['https://one.example'],
      'two-b': ['https://b.example', 'https://c.example'],
      old: ['https://old.example'],
    });
    expect(
      loadConfig(RoutingConfig, { ...good, OLD_URLS: 'https://old.example', CARRIER_OLD_URLS: 'https://new.example' })
        .carrierUrls,
    ).toEqual({ old: ['https://new.example'] });
    expect(loadConfig(RoutingConfig, good).carrierUrls).toEqual({});
    expect(problemsOf({ ...good, CARRIER_ONE_URLS: 'ftp://one.example' })).toEqual([
      expect.stringMatching(/^CARRIER_<NAME>_URLS must be lists of http or https addresses/),
    ]);
  });

  it('converts by declared type and keeps defaults', () => {
    const config = loadConfig(RoutingConfig, {
      ...good,
      FAST: '1',
      BASE_URLS: 'https://a.example/x , https://b.example',
    });
    expect(config).toMatchObject({
      port: 8080,
      opsPort: 9000,
      pollSeconds: 1200,
      fast: true,
      mode: 'production',
      logLevel: 'info',
    });
    expect(config.baseUrls).toEqual(['https://a.example/x', 'https://b.example']);
    expect(config.region).toBeUndefined();
  });

  it('names all wrong variables at once, with their rule', () => {
    const problems = problemsOf({
      ...good,
      PORT: undefined,
      POLL_SECONDS: '5',
      OPS_PORT: 'many',
      FAST: 'perhaps',
      LOG_LEVEL: 'loud',
      BASE_URLS: 'ftp://x',
    });
    expect(problems).toHaveLength(6);
    for (const expected of [
      /^PORT is required$/,
      /^POLL_SECONDS must not be less than 60, not 5$/,
      /^OPS_PORT must be a number, not 'many'$/,
      /^FAST must be true, false, 1 or 0/,
      /^LOG_LEVEL must be one of/,
      /^BASE_URLS must be a list of http/,
    ])
      expect(problems).toContainEqual(expect.stringMatching(expected));
  });

  it('counts an empty variable as not set', () => {
    expect(problemsOf({ ...good, PORT: ' ' })).toEqual(['PORT is required']);
  });

  it('is read-only, lists included', () => {
    const config = loadConfig(RoutingConfig, good);
    expect(() => ((config as { port: number }).port = 1)).toThrow(TypeError);
    expect(() => config.baseUrls.push('https://evil.example')).toThrow(TypeError);
  });

  it.each([
    [
      'the development keyring',
      { STROWGER_SECRET_KEYS: DEVELOPMENT_KEYRING },
      /^STROWGER_SECRET_KEYS holds the development key/,
    ],
    ['a keyring that is not one', { STROWGER_SECRET_KEYS: 'k1:c2hvcnQ=' }, /^STROWGER_SECRET_KEYS must be a keyring/],
    [
      'a keyring of zeros',
      { STROWGER_SECRET_KEYS: `k1:${Buffer.alloc(32).toString('base64')}` },
      /^STROWGER_SECRET_KEYS holds a key that is not random/,
    ],
    ['no keyring', { STROWGER_SECRET_KEYS: undefined }, /^STROWGER_SECRET_KEYS is required: a secret has no default/],
    [
      'a short secret',
      { STROWGER_TOKEN_SECRET: 'Zp3v9qL0' },
      /^STROWGER_TOKEN_SECRET must have at least 32 characters$/,
    ],
    [
      'a placeholder',
      { STROWGER_TOKEN_SECRET: 'please-change-me-please-change-me-' },
      /^STROWGER_TOKEN_SECRET is a placeholder/,
    ],
    ['a repeated character', { STROWGER_TOKEN_SECRET: 'a'.repeat(40) }, /^STROWGER_TOKEN_SECRET repeats/],
  ])('refuses %s in production', (_, change, expected) => {
    const problems = problemsOf({ ...good, ...change });
    expect(problems).toEqual([expect.stringMatching(expected)]);
  });

  it('is production when nothing says otherwise', () => {
    expect(problemsOf({ ...good, STROWGER_MODE: undefined, STROWGER_SECRET_KEYS: undefined })).toHaveLength(1);
  });

  it('takes weak secrets and their defaults in development', () => {
    expect(
      problemsOf({
        ...good,
        STROWGER_MODE: 'development',
        STROWGER_SECRET_KEYS: undefined,
        STROWGER_TOKEN_SECRET: 'x',
      }),
    ).toEqual([]);
  });

  it('never shows a secret: not in errors, JSON or a debugger', () => {
    const canary = 'canary-canary-canary';
    const message = problemsOf({
      ...good,
      STROWGER_SECRET_KEYS: canary,
      STROWGER_TOKEN_SECRET: canary,
      NATS_URL: '',
    }).join();
    expect(message).toMatch(/STROWGER_SECRET_KEYS.*STROWGER_TOKEN_SECRET|STROWGER_TOKEN_SECRET.*STROWGER_SECRET_KEYS/s);
    expect(message).not.toContain(canary);
    const config = loadConfig(RoutingConfig, good);
    for (const shown of [JSON.stringify(config), inspect(config), inspect({ nested: [config] }, { depth: 5 })]) {
      expect(shown).toContain('[secret]');
      for (const secret of [KEYRING, TOKEN_SECRET, 'hunter22']) expect(shown).not.toContain(secret);
    }
    expect(Object.values({ ...config })).not.toContain(KEYRING);
    expect(config.secretKeys).toBe(KEYRING);
  });

  it('leaves the parent class alone when a subclass adds variables', () => {
    abstract class Parent extends ServiceConfig {}
    class Child extends Parent {
      @Env('CHILD_ONLY') childOnly!: string;
    }
    class Sibling extends Parent {}
    expect(() => loadConfig(Child, good)).toThrow('CHILD_ONLY is required');
    expect(() => loadConfig(Sibling, good)).not.toThrow();
  });
});
