import { ConnectorApplicationMissing, PlatformUnavailable } from '../errors.js';
import type { PlatformAccess } from '../port.js';
import { RESTCOMM } from './answers.js';
import { type Json, type RestcommClient, str } from './client.js';

export const DEFAULT_APPLICATION = 'UnitySmsConnector';

export interface ConnectorApplication {
  sid: string;
  name: string;
  warnings: string[];
}

/**
 * The application numbers are bound to, by its exact name (carrier-restcomm §2.2). The list has no filter and no pages;
 * rows of other accounts and shared rows are passed over; of several the one of kind `sms`, then the oldest, is taken.
 */
export async function resolveApplication(
  client: RestcommClient,
  access: PlatformAccess,
  downloadUrl: string,
): Promise<ConnectorApplication> {
  const name = access.applicationName ?? DEFAULT_APPLICATION;
  const body = await client.read(access, 'Applications', {}, [404]);
  if (!Array.isArray(body)) throw new PlatformUnavailable(RESTCOMM, 'unreadable answer');
  const own = (body as Json[]).filter((row) => str(row, 'account_sid') === access.accountSid);
  const named = own.filter((row) => str(row, 'friendly_name') === name).toSorted(byPreference);
  const sid = named[0] && str(named[0], 'sid');
  if (!sid) {
    const names = own.map((row) => str(row, 'friendly_name') ?? '');
    const variant = names.find((other) => other.trim().toLowerCase() === name.toLowerCase());
    throw new ConnectorApplicationMissing(name, downloadUrl, variant);
  }
  const warnings =
    named.length > 1
      ? [`Restcomm has ${named.length} applications named ${name}; ${sid} is used. Remove the others.`]
      : [];
  return { sid, name, warnings };
}

function byPreference(a: Json, b: Json): number {
  const kind = Number(str(b, 'kind') === 'sms') - Number(str(a, 'kind') === 'sms');
  return kind || Date.parse(str(a, 'date_created') ?? '') - Date.parse(str(b, 'date_created') ?? '') || 0;
}
