import { Injectable } from '@nestjs/common';
import {
  hierarchyRpc,
  type ById,
  type NodeLicensesView,
  type ProviderLicensesView,
} from '@strowger/contracts-hierarchy';
import type { RpcRequest } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { NodesService } from '../nodes/nodes.service.js';
import { rankOf } from './catalog.js';

interface Row {
  application: string;
  licenseType: string;
  /** The purchases' or sub-purchase's quantity. */
  quantity: number | null;
  drawn: number;
  used: number;
  consumed: number;
}

/** Per product and level: what there is, what is taken, what is free. In the order of the catalog. */
@Injectable()
export class BalancesService {
  constructor(
    private readonly db: Db,
    private readonly nodes: NodesService,
  ) {}

  @Answers(hierarchyRpc.listProviderLicenses)
  async ofProvider({ scope, body: { id } }: RpcRequest<ById>): Promise<ProviderLicensesView[]> {
    const provider = await this.nodes.get(scope, id, 'system-provider');
    const rows = await this.db.query<Row & { expiresAt: string | null }>(sql`
      select p.application, p.license_type as "licenseType", p.own as quantity, p.committed as drawn,
        (select coalesce(sum(s.drawn), 0)::int from license_share s where s.pool_id = p.id and s.level = 'group') as used,
        (select count(*)::int from license_assignment a
          where a.pool_id = p.id and a.ended_at is null and a.first_consumed_at is not null) as consumed,
        (select min(ends_at) from license_purchase where pool_id = p.id and state = 'active') as "expiresAt"
      from license_pool p where p.system_provider_id = ${provider.id}`);
    return inOrder(rows).map(({ application, licenseType, quantity, drawn, used, consumed, expiresAt }) => ({
      application,
      licenseType,
      ...(quantity === null ? {} : { purchased: quantity }),
      committed: drawn,
      used,
      consumed,
      ...(quantity === null ? {} : { free: Math.max(quantity - drawn, 0) }),
      ...(expiresAt ? { expiresAt: new Date(expiresAt).toISOString() } : {}),
    }));
  }

  @Answers(hierarchyRpc.listResellerLicenses)
  async ofReseller({ scope, body: { id } }: RpcRequest<ById>): Promise<NodeLicensesView[]> {
    const reseller = await this.nodes.get(scope, id, 'reseller');
    const rows = await this.db.query<Row>(sql`
      select p.application, p.license_type as "licenseType", s.quantity, s.drawn,
        (select coalesce(sum(g.drawn), 0)::int from license_share g
          where g.pool_id = p.id and g.reseller_id = s.node_id and g.level = 'group') as used,
        (select count(*)::int from license_share g join license_assignment a
          on a.pool_id = p.id and a.group_id = g.node_id and a.ended_at is null and a.first_consumed_at is not null
          where g.pool_id = p.id and g.reseller_id = s.node_id and g.level = 'group') as consumed
      from license_share s join license_pool p on p.id = s.pool_id
      where s.node_id = ${reseller.id} and (s.quantity is not null or s.drawn > 0)`);
    return inOrder(rows).map((row) => nodeView(row, Math.max(row.quantity ?? 0, row.drawn)));
  }

  @Answers(hierarchyRpc.listGroupLicenses)
  async ofGroup({ scope, body: { id } }: RpcRequest<ById>): Promise<NodeLicensesView[]> {
    const group = await this.nodes.get(scope, id, 'group');
    const rows = await this.db.query<Row>(sql`
      select p.application, p.license_type as "licenseType", s.quantity, s.drawn, s.drawn as used,
        (select count(*)::int from license_assignment a where a.pool_id = p.id and a.group_id = s.node_id
          and a.ended_at is null and a.first_consumed_at is not null) as consumed
      from license_share s join license_pool p on p.id = s.pool_id
      where s.node_id = ${group.id} and (s.quantity is not null or s.drawn > 0)`);
    return inOrder(rows).map((row) => nodeView(row, row.quantity ?? row.drawn));
  }
}

const inOrder = <T extends Row>(rows: T[]): T[] =>
  rows.sort((a, b) => rankOf(a.application, a.licenseType) - rankOf(b.application, b.licenseType));

const nodeView = (
  { application, licenseType, quantity, drawn, used, consumed }: Row,
  committed: number,
): NodeLicensesView => ({
  application,
  licenseType,
  ...(quantity === null ? {} : { subPurchased: quantity }),
  committed,
  drawn,
  used,
  consumed,
  ...(quantity === null ? {} : { free: Math.max(quantity - drawn, 0) }),
});
