/** Carriers Strowger knows; more are added as adapters. */
export const PLATFORM_KINDS = ['restcomm'] as const;
export type PlatformKind = (typeof PLATFORM_KINDS)[number];
