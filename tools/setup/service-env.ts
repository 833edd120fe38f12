/** Who runs on which port with which environment: the one place that knows. */

export type DatabaseService = 'hierarchy' | 'provisioning' | 'routing' | 'notification';
export type AppService = DatabaseService | 'ingestion' | 'gateway';
export type StackService = AppService | 'mail-sink' | 'carrier-twins';

export const WITH_DATABASE: readonly DatabaseService[] = ['hierarchy', 'provisioning', 'routing', 'notification'];
const TOOLS: readonly StackService[] = ['mail-sink', 'carrier-twins'];
/** Order of starting; stopping goes backwards, wave by wave. */
export const WAVES: readonly (readonly StackService[])[] = [TOOLS, WITH_DATABASE, ['ingestion', 'gateway']];

export const hasDatabase = (service: StackService): service is DatabaseService =>
  WITH_DATABASE.some((name) => name === service);

/** Offsets from the port base. */
export const PORTS = {
  gateway: 0,
  hooks: 1,
  twins: 2,
  mail: 3,
  smtp: 4,
  gatewayOps: 10,
  hierarchyOps: 11,
  provisioningOps: 12,
  ingestionOps: 13,
  routingOps: 14,
  notificationOps: 15,
  postgres: 20,
  redis: 21,
  nats: 22,
};
export type Ports = Record<keyof typeof PORTS, number>;

/** One Redis database each; 0 is left for looking around. */
const REDIS_DATABASE: Record<AppService, number> = {
  hierarchy: 1,
  provisioning: 2,
  routing: 3,
  notification: 4,
  ingestion: 5,
  gateway: 6,
};

/** The first operator, who makes everything else. */
export const OPERATOR_EMAIL = 'operator@strowger.example';

export const folderOf = (service: StackService): string => `${TOOLS.includes(service) ? 'tools' : 'apps'}/${service}`;

/** What a person opens and carriers call. */
export function urlsOf(port: Ports) {
  const at = (name: keyof Ports): string => `http://127.0.0.1:${port[name]}`;
  return {
    gatewayUrl: at('gateway'),
    docsUrl: `${at('gateway')}/docs`,
    soapUrl: `${at('gateway')}/KakapoProvision/ProvisionV3.asmx`,
    hooksUrl: at('hooks'),
    twinsUrl: at('twins'),
    mailUrl: at('mail'),
    smtpUrl: `smtp://127.0.0.1:${port.smtp}`,
  };
}

/** Answers 2xx once the service can work. */
export function readyUrlOf(service: StackService, port: Ports): string {
  if (service === 'mail-sink') return `${urlsOf(port).mailUrl}/readyz`;
  if (service === 'carrier-twins') return `${urlsOf(port).twinsUrl}/control/state`;
  return `http://127.0.0.1:${port[`${service}Ops`]}/readyz`;
}

export interface ServerUrls {
  /** Superuser. */
  postgresUrl: string;
  redisUrl: string;
  natsUrl: string;
}

/** Made once for each stack; they keep stored secrets and sessions valid over restarts. */
export interface Secrets {
  keyring: string;
  tokenSecret: string;
  operatorPassword: string;
  postgres: string;
  roles: Record<DatabaseService, string>;
}

export type Mode = 'development' | 'test' | 'production';
export type ServiceEnv = Record<string, string | number | boolean | undefined>;

/** The environment that a service of a stack runs with. */
export function envOf(
  service: StackService,
  {
    port,
    servers,
    secrets,
    dataDir,
    mode = 'development',
  }: {
    port: Ports;
    servers: ServerUrls & { databaseUrl: (service: DatabaseService) => string };
    secrets: Secrets;
    dataDir: string;
    mode?: Mode | undefined;
  },
): ServiceEnv {
  const urls = urlsOf(port);
  if (service === 'mail-sink') {
    return {
      MAIL_SINK_SMTP_PORT: port.smtp,
      MAIL_SINK_HTTP_PORT: port.mail,
      MAIL_SINK_FILE: `${dataDir}/mail.jsonl`,
    };
  }
  if (service === 'carrier-twins') return twinsEnv(port.twins, `${dataDir}/twins.json`);
  const redis = new URL(servers.redisUrl);
  redis.pathname = `/${REDIS_DATABASE[service]}`;
  return {
    STROWGER_MODE: mode,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
    NATS_URL: servers.natsUrl,
    REDIS_URL: redis.href,
    ...(hasDatabase(service) && { DATABASE_URL: servers.databaseUrl(service) }),
    // No TLS in front of it here.
    ...(service === 'gateway' && { PORT: port.gateway, SECURE_COOKIES: false }),
    ...(service === 'ingestion' && { PORT: port.hooks, SPOOL_DIR: `${dataDir}/spool` }),
    // On a developer's machine nobody waits twenty minutes for a poll.
    ...(service === 'provisioning' && { ENABLEMENT_POLL_SECONDS: 5 }),
    ...(service === 'routing' && { RECONCILE_SECONDS: 15 }),
    ...(service === 'hierarchy' && { OPERATOR_EMAIL, OPERATOR_PASSWORD: secrets.operatorPassword }),
    HOST: '127.0.0.1',
    OPS_HOST: '127.0.0.1',
    OPS_PORT: port[`${service}Ops`],
    STROWGER_SECRET_KEYS: secrets.keyring,
    STROWGER_TOKEN_SECRET: secrets.tokenSecret,
    GATEWAY_PUBLIC_URL: urls.gatewayUrl,
    HOOKS_PUBLIC_URL: urls.hooksUrl,
    CARRIER_RESTCOMM_BASE_URLS: `${urls.twinsUrl}/restcomm/2012-04-24`,
    MESSAGE_EXCHANGE_BASE_URLS: `${urls.twinsUrl}/message-exchange`,
    TELEAPI_BASE_URLS: `${urls.twinsUrl}/teleapi`,
    SMTP_URL: urls.smtpUrl,
  };
}

/** Also for the twins alone, which forget everything when they stop. */
export const twinsEnv = (
  port: string | number = process.env.TWINS_PORT ?? 27_002,
  stateFile: string | undefined = process.env.TWINS_STATE_FILE,
): { TWINS_PORT: string; TWINS_STATE_FILE: string | undefined } => ({
  TWINS_PORT: String(port),
  TWINS_STATE_FILE: stateFile,
});
