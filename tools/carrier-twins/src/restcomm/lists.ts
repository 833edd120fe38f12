import type { RestcommStore } from './store.js';
import { type Call, empty, escapeXml, type Reply } from '../wire.js';
import { type Representation, render } from './format.js';

export interface Paging {
  page: number;
  pageSize: number;
}

/** Non-numeric values and a page size of 0 are uncaught: 500, empty (§3.1). */
export function pagingOf(call: Call): Paging | Reply {
  const page = integer(call.query.get('Page'), 0);
  const pageSize = integer(call.query.get('PageSize'), 50);
  if (page === undefined || pageSize === undefined || pageSize <= 0 || page < 0) return empty(500);
  return { page, pageSize };
}

export const isReply = (value: Paging | Reply): value is Reply => 'status' in value;

function integer(value: string | null, absent: number): number | undefined {
  if (value === null) return absent;
  return /^[+-]?\d{1,9}$/.test(value) ? Number(value) : undefined;
}

export interface Listing {
  key: 'incomingPhoneNumbers' | 'messages' | 'notifications';
  tag: string;
  /** The list's own address, without the servlet context. */
  uri: string;
  /** Messages and notifications carry the context in their addresses; numbers don't (§4.4). */
  withContext: boolean;
  total: number;
  lastSid?: string;
  items: unknown[];
}

/**
 * The envelope of §3.1. `num_pages` is floor(total / size), so it equals the last page's index, and a total that is an exact
 * multiple advertises an empty page at the end. Absent neighbors are the string "null"; filters are dropped from the links.
 */
export function renderList(
  store: RestcommStore,
  shape: Representation,
  { page, pageSize }: Paging,
  list: Listing,
): Reply {
  const numPages = Math.floor(list.total / pageSize);
  const uri = list.withContext || store.switches.uriWithContext ? `/restcomm${list.uri}` : list.uri;
  const at = (index: number, after = ''): string => `${uri}?Page=${index}&PageSize=${pageSize}${after}`;
  const after = list.lastSid ? `&AfterSid=${list.lastSid}` : '';
  const first = page * pageSize;
  let metadata: Record<string, string | number> = {
    page,
    num_pages: numPages,
    page_size: pageSize,
    total: list.total,
    start: String(first),
    end: String(page === numPages ? first + (list.total % pageSize) : first + pageSize - 1),
    uri,
    first_page_uri: at(0),
    previous_page_uri: page === 0 ? 'null' : at(page - 1),
    next_page_uri: page === numPages ? 'null' : at(page + 1, after),
    last_page_uri: at(numPages),
  };
  if (store.switches.racyPaging) {
    const mine = metadata;
    metadata = store.lastListMetadata ?? mine;
    store.lastListMetadata = mine;
  }
  if (shape.asJson) return render(shape, list.tag, { ...metadata, [list.key]: list.items });
  // The converter writes the page count where the total belongs.
  const attributes = Object.entries({ ...metadata, total: metadata['num_pages']! })
    .map(([name, value]) => ` ${name.replaceAll('_', '')}="${escapeXml(String(value))}"`)
    .join('');
  return render(shape, list.tag, list.items, attributes);
}
