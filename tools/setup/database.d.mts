export interface SqlClient {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}
export declare function withClient<T>(url: string, work: (client: SqlClient) => Promise<T>): Promise<T>;
export declare function inDatabase(url: string, database: string): string;
export declare function asRole(url: string, role: string, password: string): string;
export declare function createDatabase(url: string, name: string, template?: string): Promise<void>;
export declare function databaseExists(client: SqlClient, name: string): Promise<boolean>;
export declare function ensureServiceSchema(url: string, service: string, password: string): Promise<void>;
