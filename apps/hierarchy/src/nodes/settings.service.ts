import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { SettingLevel } from '@strowger/contracts-hierarchy';
import type { TenantColumns } from '@strowger/kernel';
import { effectiveOf, SETTINGS_AT, type EffectiveSettings, type Origin, type OwnSettings } from './settings.js';

/** One node on the way from the top of the tree to the node asked about. */
export interface SettingsLink {
  origin: Origin;
  own: OwnSettings;
}
interface Row {
  of: string;
  level: SettingLevel;
  id: string;
  name: string;
  own: OwnSettings;
}

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What a row sets itself, as JSON under the settings' names. */
const ownOf = (level: SettingLevel): string => {
  const names = [...SETTINGS_AT[level], ...(level === 'system-provider' ? ['automaticAssignment'] : [])];
  return `jsonb_strip_nulls(jsonb_build_object(${names.map((name) => `'${name}', n.${snake(name)}`).join(', ')}))`;
};

const PROVIDERS = `
  select p.id as of, 'system-provider' as level, n.id, n.name, ${ownOf('system-provider')} as own, step.depth
  from system_provider p cross join unnest(p.path) with ordinality as step(id, depth) join system_provider n on n.id = step.id
  where p.id = any(?::uuid[])`;
/** Deeper than any provider. */
const BELOW: Record<Exclude<SettingLevel, 'system-provider'>, string> = {
  reseller: `select n.id, 'reseller', n.id, n.name, ${ownOf('reseller')}, 1000001 from reseller n where n.id = ?`,
  group: `select n.id, 'group', n.id, n.name, ${ownOf('group')}, 1000002 from reseller_group n where n.id = ?`,
  user: `select n.id, 'user', n.id, n.name, ${ownOf('user')}, 1000003 from app_user n where n.id = ?`,
};

/** Settings as they apply at a node: each from the nearest node, itself first, that sets it. */
@Injectable()
export class SettingsService {
  /**
   * At the node the ids lead to: a user's, group's or reseller's row will do, or `{ systemProviderId }` alone. One
   * statement; flush what it must see.
   */
  async effective(em: EntityManager, node: TenantColumns): Promise<EffectiveSettings> {
    return effectiveOf(await this.chain(em, node));
  }

  /** The nodes from the top down to this one, each with what it sets itself. */
  async chain(em: EntityManager, node: TenantColumns): Promise<SettingsLink[]> {
    const below = (
      [
        ['reseller', node.resellerId],
        ['group', node.groupId],
        ['user', node.userId],
      ] as const
    ).filter((part): part is [(typeof part)[0], string] => !!part[1]);
    const statement = [PROVIDERS, ...below.map(([level]) => BELOW[level])].join(' union all ');
    const rows = await em.execute<Row[]>(`${statement} order by depth`, [
      arrayOf([node.systemProviderId]),
      ...below.map(([, id]) => id),
    ]);
    return rows.map(linkOf);
  }

  /** Of many system providers at once. */
  async ofProviders(em: EntityManager, ids: readonly string[]): Promise<Map<string, EffectiveSettings>> {
    if (ids.length === 0) return new Map();
    const chains = new Map<string, SettingsLink[]>(ids.map((id) => [id, []]));
    const rows = await em.execute<Row[]>(`${PROVIDERS} order by depth`, [arrayOf(ids)]);
    for (const row of rows) chains.get(row.of)?.push(linkOf(row));
    return new Map([...chains].map(([id, chain]) => [id, effectiveOf(chain)]));
  }
}

const linkOf = ({ level, id, name, own }: Row): SettingsLink => ({ origin: { level, id, name }, own });
/** Postgres' text form: ids need no quotes. */
const arrayOf = (ids: readonly string[]): string => `{${ids.join(',')}}`;
