import { Injectable } from '@nestjs/common';
import {
  provisioningRpc as rpc,
  type CountNumbersUnder,
  type ListNumbers,
  type NumbersUnder,
  type NumberView,
  type OperationView,
  type TimelineEntryView,
} from '@strowger/contracts-provisioning';
import {
  isE164,
  isId,
  NotFound,
  pageOf,
  readCursor,
  withinScope,
  type Page,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { SagaRunner, type SagaView } from '@strowger/saga';
import { PlatformsService } from '../platforms/platforms.service.js';
import { CpaasNumber } from './number.entity.js';
import { provisionProblem, releaseProblem } from './provision-number.problem.js';
import { releaseNumber } from './release-number.saga.js';
import { Timeline } from './timeline.service.js';

const DEFAULT_LIMIT = 50;
/** How many numbers a count names. */
const FIRST = 5;
const COLUMN = {
  'system-provider': 'systemProviderId',
  reseller: 'resellerId',
  group: 'groupId',
  user: 'userId',
} as const;
/** Punctuation people write numbers with. */
const WRITTEN_NUMBER = /^[+(\d][\d\s().-]*$/;

@Injectable()
export class NumberQueries {
  constructor(
    private readonly db: Db,
    private readonly sagas: SagaRunner,
    private readonly entries: Timeline,
    private readonly platforms: PlatformsService,
  ) {}

  /** @throws NotFound the same for a missing and for a foreign one */
  async find(scope: TenantScope, id: string): Promise<CpaasNumber> {
    const number = await this.db.em().findOne(CpaasNumber, { $and: [withinScope(scope), { id }] });
    if (!number) throw new NotFound('number', id);
    return number;
  }

  @Answers(rpc.getNumber)
  async get({ scope, body }: RpcRequest<rpc.ById>): Promise<NumberView> {
    return this.view(await this.find(scope, body.id));
  }

  async view(number: CpaasNumber): Promise<NumberView> {
    const names = await this.platforms.names([number.platformId]);
    return number.view(names.get(number.platformId) ?? '');
  }

  /** In order of the numbers; ended assignments only when asked for by state `released`. */
  @Answers(rpc.listNumbers)
  async list({ scope, body: query }: RpcRequest<ListNumbers>): Promise<Page<NumberView>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const where: Record<string, unknown>[] = [withinScope(scope), ...matching(query.search)];
    where.push(query.state ? { state: query.state } : { endedAt: null });
    if (query.userId) where.push({ userId: query.userId });
    if (query.cursor) where.push(...after(query.cursor));
    const rows = await this.db
      .em()
      .find(CpaasNumber, { $and: where } as object, { orderBy: { e164: 'asc', id: 'asc' }, limit: limit + 1 });
    const names = await this.platforms.names(rows.map(({ platformId }) => platformId));
    return pageOf(
      rows,
      limit,
      (row) => [row.e164, row.id],
      (row) => row.view(names.get(row.platformId) ?? ''),
    );
  }

  /** Counts the numbers that are not released, and which of them are stuck at a carrier. */
  @Answers(rpc.countNumbersUnder)
  async countUnder({ scope, body: { level, id } }: RpcRequest<CountNumbersUnder>): Promise<NumbersUnder> {
    const em = this.db.em();
    const held = { $and: [withinScope(scope), { [COLUMN[level]]: id, endedAt: null }] };
    const stuckOnes = { $and: [held, { state: 'cleanup-required' }] };
    const [count, stuck] = [
      await em.count(CpaasNumber, held as object),
      await em.count(CpaasNumber, stuckOnes as object),
    ];
    const some = async (where: object, limit: number): Promise<CpaasNumber[]> =>
      limit > 0 ? em.find(CpaasNumber, where, { orderBy: { e164: 'asc', id: 'asc' }, limit }) : [];
    const first = stuck > 0 ? await some(stuckOnes, FIRST) : [];
    if (count > stuck)
      first.push(...(await some({ $and: [held, { state: { $ne: 'cleanup-required' } }] }, FIRST - first.length)));
    return { count, stuck, first: first.map(({ id, e164, state }) => ({ id, e164, state })) };
  }

  @Answers(rpc.numberTimeline)
  async timeline({ scope, body }: RpcRequest<rpc.ById>): Promise<TimelineEntryView[]> {
    await this.find(scope, body.id);
    return (await this.entries.of(body.id)).map((entry) => entry.view());
  }

  @Answers(rpc.getOperation)
  async operation({ scope, body: { id } }: RpcRequest<rpc.ById>): Promise<OperationView> {
    const missing = (): never => {
      throw new NotFound('operation', id);
    };
    const saga = await this.sagas.view(id).catch(missing);
    await this.find(scope, saga.subject).catch(missing);
    return operationOf(saga);
  }
}

/** The state of a saga, in the words of those who wait for it. */
export function operationOf(saga: SagaView): OperationView {
  const isRelease = saga.name === releaseNumber.name;
  const problem = isRelease ? releaseProblem(saga) : provisionProblem(saga);
  return {
    id: saga.id,
    // A release can't be taken back: its undo ends with the number released, too.
    state: isRelease && saga.state === 'undone' ? 'succeeded' : STATES[saga.state],
    kind: isRelease ? 'release-number' : 'provision-number',
    step: saga.step,
    subjectId: saga.subject,
    error: problem?.toJSON(),
    startedAt: saga.startedAt.toISOString(),
    finishedAt: saga.finishedAt?.toISOString(),
  };
}

const STATES: Record<SagaView['state'], OperationView['state']> = {
  running: 'running',
  waiting: 'running',
  undoing: 'running',
  done: 'succeeded',
  undone: 'failed',
  stuck: 'stuck',
};

/** `%` and `_` mean themselves; a number matches however it is written. */
function matching(search: string | null | undefined): Record<string, unknown>[] {
  const text = search?.trim();
  if (!text) return [];
  const like = (value: string): object => ({ $ilike: `%${value.replaceAll(/[\\%_]/g, '\\$&')}%` });
  const digits = text.replaceAll(/\D/g, '');
  const fields = ['friendlyName', 'ownerName', 'broadworksUserId'].map((field) => ({ [field]: like(text) }));
  const byNumber = WRITTEN_NUMBER.test(text) && digits !== '' ? [{ e164: like(digits) }] : [];
  return [{ $or: [...fields, ...byNumber] }];
}

/** The first condition bounds the index scan, the second drops what lies before the cursor. */
function after(cursor: string): Record<string, unknown>[] {
  const [e164, id] = readCursor(cursor, isE164, isId);
  return [{ e164: { $gte: e164 } }, { $or: [{ e164: { $gt: e164 } }, { id: { $gt: id } }] }];
}
