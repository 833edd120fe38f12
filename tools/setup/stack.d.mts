import type { ServerProcess } from './servers.mjs';

export type StackService =
  'mail-sink' | 'carrier-twins' | 'hierarchy' | 'provisioning' | 'routing' | 'notification' | 'ingestion' | 'gateway';

export interface StackChild {
  name: string;
  pid: number;
  logFile: string;
  /** Exit code, or the signal that ended it. */
  exited: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
}

export interface StackOptions {
  /** Folder for `data/`, `logs/` and `secrets.json`. */
  home: string;
  /** First base to try; default 27000. */
  portBase?: number;
  /** PostgreSQL with fsync. */
  durable?: boolean;
  /** Default all. */
  services?: StackService[];
  /** Additions for all (`*`) or one service; they win. */
  env?: Partial<Record<StackService | '*', Record<string, string | number | undefined>>>;
  /** Servers to use instead of our own. */
  given?: { postgresUrl?: string; redisUrl?: string; natsUrl?: string };
  mode?: 'development' | 'test' | 'production';
  /** Told of the stack before it starts anything. */
  created?: (stack: Stack) => void;
  /** Told of each part, for progress lines. */
  step?: <T>(title: string, work: () => Promise<T>) => Promise<T>;
}

export interface Stack {
  readonly home: string;
  readonly dataDir: string;
  readonly logDir: string;
  readonly ports: Record<string, number>;
  readonly urls: {
    gatewayUrl: string;
    docsUrl: string;
    soapUrl: string;
    hooksUrl: string;
    twinsUrl: string;
    mailUrl: string;
    smtpUrl: string;
    /** Superuser. */
    postgresUrl: string;
    redisUrl: string;
    natsUrl: string;
  };
  /** The first operator's login. */
  readonly operator: { email: string; password: string };
  /** The services that run. */
  readonly children: Map<string, StackChild>;
  /** The server processes of this stack (not those given): PostgreSQL, Redis, NATS. */
  readonly servers: readonly ServerProcess[];
  /** Settles when a child dies that nobody stopped. */
  readonly failed: Promise<Error>;
  databaseUrl(service: StackService): string;
  envOf(service: StackService): Record<string, string | number | undefined>;
  /** Starts one service and waits until it is ready. */
  startService(service: StackService, timeoutMs?: number): Promise<StackChild>;
  /** SIGTERM, by force after `graceMs` (28 s). Answers how it ended. */
  stopService(service: StackService, graceMs?: number): Promise<number | string | undefined>;
  kill9(service: StackService): Promise<void>;
  /** Stops everything it started, in reverse order. */
  stop(): Promise<void>;
  /** At once, by force. */
  kill(): Promise<void>;
}

export declare function startStack(options: StackOptions): Promise<Stack>;
export declare function removeData(dataDir: string): void;
