import {
  hierarchyRpc,
  type ById,
  type DeletionPreview,
  type DeletionView,
  SearchTree,
  type SearchHit,
} from '@strowger/contracts-hierarchy';
import { OperationView, provisioningRpc, type NumberView } from '@strowger/contracts-provisioning';
import { routingRpc } from '@strowger/contracts-routing';
import { AppError, type Page, type RpcContract, validated } from '@strowger/kernel';
import type { Answer, Ask } from './route.js';

/** A deletion as an operation: it runs until provisioning holds no number under the node any more. */
const operationOf = (
  { id, level, deletedAt: startedAt }: DeletionView,
  state: 'running' | 'succeeded' = 'running',
): OperationView => ({ id, state, kind: `delete-${level}`, subjectId: id, startedAt });

export const deletionStarted = {
  status: 202,
  response: { view: OperationView },
  answer: (deletion: DeletionView): Answer => ({
    status: 202,
    body: operationOf(deletion),
    headers: { location: `/v1/operations/${deletion.id}`, 'retry-after': '2' },
  }),
};

/** One of provisioning's, or else a deletion, whose id is the deleted node's. */
export async function findOperation(ask: Ask, { id }: ById): Promise<OperationView> {
  try {
    return await ask(provisioningRpc.getOperation, { id });
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'not-found') throw error;
    const deletion = await ask(hierarchyRpc.getDeletion, { id }).catch((other: unknown) => {
      throw other instanceof AppError && other.kind === 'not-found' ? error : other;
    });
    const { count } = await ask(provisioningRpc.countNumbersUnder, { level: deletion.level, id });
    return operationOf(deletion, count === 0 ? 'succeeded' : 'running');
  }
}

/** Each service counts what it would lose. */
export const previewDeletion =
  (contract: RpcContract<ById, DeletionPreview>) =>
  async (ask: Ask, { id }: ById): Promise<DeletionPreview> => {
    const preview = await ask(contract, { id });
    const under = { level: preview.level, id: preview.id };
    const [numbers, queues] = await Promise.all([
      ask(provisioningRpc.countNumbersUnder, under),
      ask(routingRpc.countQueuesUnder, under),
    ]);
    return { ...preview, numbers: numbers.count, queues: queues.count };
  };

const DEFAULT_LIMIT = 50;
/** Marks a cursor as one of provisioning's list of numbers. */
const NUMBERS = 'numbers.';

/** Digits and what people write between them; shorter ones find too much to be meant as a number. */
const looksLikeNumber = (text: string): boolean => /^[\d+\s().-]{3,}$/.test(text) && /\d{2}/.test(text);

/** First what hierarchy finds, then the numbers; a page may hold the end of the one and the beginning of the other. */
export async function searchEverything(ask: Ask, given: SearchTree): Promise<Page<SearchHit>> {
  const query = validated(SearchTree, given);
  const { search, kind, limit = DEFAULT_LIMIT, cursor } = query;
  const amongNumbers = kind === 'number' || cursor?.startsWith(NUMBERS);
  const found: Page<SearchHit> = amongNumbers ? { items: [] } : await ask(hierarchyRpc.searchTree, query);
  if (found.nextCursor || (!amongNumbers && (kind !== undefined || !looksLikeNumber(search)))) return found;
  const room = limit - found.items.length;
  if (room === 0) return { ...found, nextCursor: NUMBERS };
  const numbers = await ask(provisioningRpc.listNumbers, {
    search,
    limit: room,
    cursor: cursor?.slice(NUMBERS.length) || undefined,
  });
  return {
    items: [...found.items, ...numbers.items.map(hitOf)],
    ...(numbers.nextCursor ? { nextCursor: NUMBERS + numbers.nextCursor } : {}),
  };
}

const hitOf = ({ id, e164, friendlyName, owner }: NumberView): SearchHit => ({
  kind: 'number',
  id,
  name: friendlyName,
  key: e164,
  path: owner.kind === 'user' ? [{ level: 'user', id: owner.id, name: owner.name }] : [],
});
