/** Who runs on which port with which environment: the one place that knows. */

/** Order of starting; stopping goes backwards, wave by wave. */
export const WAVES = [
  ['mail-sink', 'carrier-twins'],
  ['hierarchy', 'provisioning', 'routing', 'notification'],
  ['ingestion', 'gateway'],
];
export const WITH_DATABASE = ['hierarchy', 'provisioning', 'routing', 'notification'];
const TOOLS = ['mail-sink', 'carrier-twins'];

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

/** One Redis database each; 0 is left for looking around. */
const REDIS_DATABASE = { hierarchy: 1, provisioning: 2, routing: 3, notification: 4, ingestion: 5, gateway: 6 };

/** The first operator, who makes everything else. */
export const OPERATOR_EMAIL = 'operator@strowger.example';

export const folderOf = (service) => `${TOOLS.includes(service) ? 'tools' : 'apps'}/${service}`;

/** What a person opens and carriers call. */
export function urlsOf(port) {
  const at = (name) => `http://127.0.0.1:${port[name]}`;
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
export function readyUrlOf(service, port) {
  const url = {
    'mail-sink': `${urlsOf(port).mailUrl}/readyz`,
    'carrier-twins': `${urlsOf(port).twinsUrl}/control/state`,
  };
  return url[service] ?? `http://127.0.0.1:${port[`${service}Ops`]}/readyz`;
}

/** @param servers `{ natsUrl, redisUrl, databaseUrl(service) }` */
export function envOf(service, { port, servers, secrets, dataDir, mode = 'development' }) {
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
    ...(WITH_DATABASE.includes(service) && { DATABASE_URL: servers.databaseUrl(service) }),
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
export const twinsEnv = (port = process.env.TWINS_PORT ?? 27_002, stateFile = process.env.TWINS_STATE_FILE) => ({
  TWINS_PORT: String(port),
  TWINS_STATE_FILE: stateFile,
});
