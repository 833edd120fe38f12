import type { ResellerKind, SettingLevel, SnapshotReportFrequency } from '@strowger/contracts-hierarchy';
import type { Level } from '@strowger/kernel';
import type { Changes } from '../history/changes.js';

/** What applies where nobody set anything. */
export interface SettingValues {
  timezone: string;
  language: string;
  brandingReference: string | null;
  accountsReference: string | null;
  trialDurationDays: number;
  useTrialLicensesUntilExpiration: boolean;
  snapshotReportFrequency: SnapshotReportFrequency;
  autoCreateFromClient: boolean;
  inviteFromBackOffice: boolean;
  newResellerKind: ResellerKind;
}
export type SettingName = keyof SettingValues;

export const DEFAULTS: Readonly<SettingValues> = {
  timezone: 'UTC',
  language: 'en',
  brandingReference: null,
  accountsReference: null,
  trialDurationDays: 14,
  useTrialLicensesUntilExpiration: false,
  snapshotReportFrequency: 'none',
  autoCreateFromClient: false,
  inviteFromBackOffice: true,
  newResellerKind: 'service-provider',
};

/** The settings a node of each level can have of its own; also the names of the entities' properties. */
const ANYWHERE = ['timezone', 'language', 'brandingReference'] as const;
const RESELLER = [...ANYWHERE, 'accountsReference'] as const;
export const SETTINGS_AT = {
  user: ANYWHERE,
  group: ANYWHERE,
  reseller: RESELLER,
  'system-provider': [
    ...RESELLER,
    'trialDurationDays',
    'useTrialLicensesUntilExpiration',
    'snapshotReportFrequency',
    'autoCreateFromClient',
    'inviteFromBackOffice',
    'newResellerKind',
  ],
} as const satisfies Record<SettingLevel, readonly SettingName[]>;

/** A node's own settings as stored; what is null or missing is as the node above has it. */
export type OwnSettings = Partial<{ [N in SettingName]: SettingValues[N] | null }> & {
  /** By application; `none` stops what a node above assigns. */
  automaticAssignment?: Record<string, string> | null;
};

/** Level and node a value comes from; `platform` is the default of the installation. */
export interface Origin {
  level: Exclude<Level, 'platform'> | 'platform';
  id: string;
  name: string;
}
export interface Effective<T> {
  value: T;
  from: Origin;
}
export type EffectiveSettings = { [N in SettingName]: Effective<SettingValues[N]> } & {
  /** By application the license type assigned when its trial ends, or `none`. */
  automaticAssignment: Record<string, Effective<string>>;
};

/** @param chain nodes from the top down, each with what it sets itself */
export function effectiveOf(chain: readonly { origin: Origin; own: OwnSettings }[]): EffectiveSettings {
  const from: Origin = { level: 'platform', id: '', name: '' };
  const settings: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(DEFAULTS)) settings[name] = { value, from };
  const automaticAssignment: Record<string, Effective<string>> = {};
  for (const { origin, own } of chain) {
    const { automaticAssignment: byApplication, ...values } = own;
    for (const [name, value] of Object.entries(values))
      if (value !== null && name in DEFAULTS) settings[name] = { value, from: origin };
    for (const [application, value] of Object.entries(byApplication ?? {}))
      automaticAssignment[application] = { value, from: origin };
  }
  return { ...settings, automaticAssignment } as EffectiveSettings;
}

/** Changes of a map, which counts as changed only when an entry differs. */
export function changeOfMap(
  from: Record<string, string> | null | undefined,
  to: Record<string, string> | null | undefined,
): Changes {
  const text = (map: Record<string, string> | null | undefined): string =>
    JSON.stringify(Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
  return to === undefined || text(from) === text(to) ? {} : { automaticAssignment: { from: from ?? null, to } };
}
