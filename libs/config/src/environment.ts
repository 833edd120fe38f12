/**
 * The process's environment: the one place that reads it, kept free of imports because the telemetry preload runs
 * before everything else. Services use `loadConfig`.
 */
export const environment: Readonly<Record<string, string | undefined>> = process.env;
