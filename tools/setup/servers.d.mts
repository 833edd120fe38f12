export declare function freePort(): Promise<number>;
export declare function portIsFree(port: number): Promise<boolean>;
export declare function findBinary(...names: string[]): string | undefined;

export interface FoundServer {
  title: string;
  /** Oldest version that will do. */
  need: string;
  path?: string;
  version?: string;
  usable: boolean;
}
export declare function findServers(): Record<'postgres' | 'redis' | 'nats', FoundServer>;
export declare function makeFolder(path: string, mode?: number): string;
export declare function reachableFolder(path: string): string;
export declare function isAlive(pid: number): boolean;
export declare function lastLines(file: string, count?: number): string;
export declare function dieWithParent(
  deathSignal: string,
  command: string,
  args: string[],
  user?: { uid: number; gid: number },
): { command: string; args: string[]; uid?: number; gid?: number };

/** A server process with a fixed port and data folder; may be stopped, killed and started again. */
export declare class ServerProcess {
  private constructor();
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly pid: number | undefined;
  /** Settles when the process that runs now has ended. */
  readonly exited: Promise<unknown>;
  /** Starts it and waits until it serves. */
  start(): Promise<void>;
  /** Asks it to end, and ends it by force after 10 s. */
  stop(): Promise<void>;
  /** What a power cut does to the process: no flush, no goodbye. */
  kill9(): Promise<void>;
  /** Loses everything it stored. Only while stopped. */
  wipe(): void;
}

export declare function startPostgres(options: {
  dir: string;
  /** Default `dir`. */
  logDir?: string;
  port: number;
  password: string;
  durable?: boolean;
  settings?: Record<string, string | number>;
}): Promise<ServerProcess>;
export declare function startRedis(options: {
  dir: string;
  /** Default `dir`. */
  logDir?: string;
  port: number;
  persistent?: boolean;
  databases?: number;
}): Promise<ServerProcess>;
export declare function startNats(options: { dir: string; logDir?: string; port: number }): Promise<ServerProcess>;
