import { MOST_ADDRESSES, type InterfaceUserAddress } from '@strowger/contracts-hierarchy';
import { InvalidInput, parseNetwork, type FieldError } from '@strowger/kernel';
import { sql, type Db } from '@strowger/persistence';

/** The list with canonical texts, each once. Throws InvalidInput naming every entry that is no address. */
export function addressList(given: readonly InterfaceUserAddress[], field = 'addresses'): InterfaceUserAddress[] {
  const errors: FieldError[] = [];
  const list = new Map<string, InterfaceUserAddress>();
  given.forEach(({ address, description }, index) => {
    const { network, reason } = parseNetwork(address);
    const at = field === 'addresses' ? `addresses.${index}.address` : field;
    if (network === undefined)
      errors.push({ field: at, rule: 'ip-address', message: `The address '${address}' ${reason}.` });
    else if (list.has(network))
      errors.push({ field: at, rule: 'unique', message: `The address '${network}' is in the list twice.` });
    else list.set(network, { address: network, ...(description ? { description } : {}) });
  });
  if (list.size > MOST_ADDRESSES)
    errors.push({ field, rule: 'array-max-size', message: `A list has at most ${MOST_ADDRESSES} addresses.` });
  if (errors.length > 0) throw new InvalidInput(errors);
  return [...list.values()];
}

/** Lists by interface user, in the order they were given. */
export async function addressesOf(db: Db, ids: readonly string[]): Promise<Map<string, InterfaceUserAddress[]>> {
  const rows = await db.query(
    sql<{ id: string; network: string; description: string | null }>`
      select interface_user_id as id, network::text as network, description from interface_user_address
      where interface_user_id = any (${ids}::uuid[]) order by interface_user_id, position`,
  );
  const lists = new Map<string, InterfaceUserAddress[]>(ids.map((id) => [id, []]));
  for (const { id, network, description } of rows)
    lists.get(id)!.push({ address: withoutFullPrefix(network), ...(description ? { description } : {}) });
  return lists;
}

/** Replaces the whole list, in the caller's transaction. */
export async function replaceAddresses(db: Db, id: string, list: readonly InterfaceUserAddress[]): Promise<void> {
  await db.query(sql`delete from interface_user_address where interface_user_id = ${id}`);
  if (list.length === 0) return;
  const rows = JSON.stringify(list.map((entry, position) => ({ ...entry, position })));
  await db.query(sql`
    insert into interface_user_address (interface_user_id, network, description, position)
    select ${id}, address::inet, description, position
    from json_to_recordset(${rows}::json) as entry (address text, description text, position int)`);
}

/** Postgres casts a single address to text with its prefix length. */
export const withoutFullPrefix = (network: string): string =>
  network.replace(network.includes(':') ? /\/128$/ : /\/32$/, '');
