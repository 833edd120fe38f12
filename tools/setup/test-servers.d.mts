export interface TestServers {
  /** As a superuser. */
  postgresUrl: string;
  redisUrl: string;
  natsUrl: string;
  stop(): Promise<void>;
}
export declare function runFolder(): string;
export declare function privateFolder(kind: string): string;
export declare function startTestServers(): Promise<TestServers>;
export declare function publishTestServers(urls: Omit<TestServers, 'stop'>): void;
