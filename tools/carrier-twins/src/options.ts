import type { TwinDefinition } from './twin.js';

export interface TwinsOptions {
  /** Default `TWINS`; tests may add more. */
  twins?: readonly TwinDefinition[];
  /** 0 picks a free one. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Message Exchange jobs take this long on the virtual clock; default 10 s. */
  jobDelayMs?: number;
  /** A message is `sent` after this; default 50 ms. */
  sentDelayMs?: number;
  /** And reaches its last state after this much more; default 200 ms. */
  deliveredDelayMs?: number;
  /** JSON snapshot: loaded at the start, saved after changes and at the stop. */
  stateFile?: string;
  /** `rcml_url` of the demo account's application; default a Visual Designer path that reaches nobody. */
  rcmlUrl?: string;
  /** Older messages are forgotten; default 500 000. */
  maxMessages?: number;
  /** Keep-alive connections per webhook origin; default 64. */
  webhookConnections?: number;
}

/** TWINS_PORT, TWINS_HOST, TWINS_JOB_DELAY_MS, TWINS_SENT_DELAY_MS, TWINS_DELIVERED_DELAY_MS, TWINS_STATE_FILE, TWINS_RCML_URL, TWINS_MAX_MESSAGES. */
export function optionsFromEnv(env: Record<string, string | undefined>): TwinsOptions {
  const number = (name: string): number | undefined => {
    const value = env[name];
    if (value === undefined || value === '') return undefined;
    if (!/^\d+$/.test(value)) throw new TypeError(`${name} must be a whole number, not '${value}'`);
    return Number(value);
  };
  return {
    port: number('TWINS_PORT') ?? 27_002,
    host: env['TWINS_HOST'] || undefined,
    jobDelayMs: number('TWINS_JOB_DELAY_MS'),
    sentDelayMs: number('TWINS_SENT_DELAY_MS'),
    deliveredDelayMs: number('TWINS_DELIVERED_DELAY_MS'),
    stateFile: env['TWINS_STATE_FILE'] || undefined,
    rcmlUrl: env['TWINS_RCML_URL'] || undefined,
    maxMessages: number('TWINS_MAX_MESSAGES'),
    webhookConnections: number('TWINS_WEBHOOK_CONNECTIONS'),
  };
}
