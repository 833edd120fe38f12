/** The control API: what concerns every twin, and the way to each twin's own routes below `/control/<kind>/`. */
import type { ClockView } from '../clock.js';
import type { Fault, FaultInput } from '../faults.js';
import { type Call, empty, json, type Reply } from '../wire.js';
import type { World } from '../world.js';
import { ControlError, ControlRequest, ControlTable } from './table.js';

export interface WorldState {
  clock: ClockView;
  faults: Fault[];
  webhooksInFlight: number;
  /** The kinds of the twins that are played. */
  twins: string[];
}

export interface ClockChange {
  advanceMs?: number;
  freeze?: boolean;
}

const WORLD = new ControlTable<World>({
  'GET state': ({ clock, faults, webhooks, twins }): WorldState => ({
    clock: clock.view(),
    faults: faults.list(),
    webhooksInFlight: webhooks.inFlight,
    twins: [...twins.keys()],
  }),
  'GET clock': ({ clock }) => clock.view(),
  'POST clock': (world, request) => {
    const { clock } = world;
    const { freeze, advanceMs } = request.body<ClockChange>();
    if (freeze === true) clock.freeze();
    if (freeze === false) clock.resume();
    if (advanceMs !== undefined) clock.advance(advanceMs);
    world.changed();
    return clock.view();
  },
  'GET faults': ({ faults }) => faults.list(),
  'POST faults': ({ faults }, request) => faults.add(request.body<FaultInput>()),
  'DELETE faults': ({ faults }) => faults.clear(),
  'DELETE faults/:id': ({ faults }, request) => faults.clear(request.param('id')),
  'GET requests': ({ journal }, request) =>
    journal.list({
      carrier: request.text('carrier'),
      operation: request.text('operation'),
      number: request.text('number'),
      accountSid: request.text('accountSid'),
      since: request.integer('since'),
      limit: request.integer('limit'),
    }),
  'GET webhooks': ({ webhooks }, request) => webhooks.list(request.integer('limit'), request.text('messageSid')),
  'POST reset': (world) => world.reset(),
});

/** Rejects with ControlError: 400 for what makes no sense, 404 for what is not there. `path` is what follows `/control/`. */
export async function controlAnswer(world: World, method: string, path: string, input?: unknown): Promise<unknown> {
  const mark = path.indexOf('?');
  const [resource, search] = mark < 0 ? [path, ''] : [path.slice(0, mark), path.slice(mark + 1)];
  try {
    const segments = resource.replace(/\/$/, '').split('/').map(decodeURIComponent);
    const request = new ControlRequest(method, segments, new URLSearchParams(search), input);
    const twin = world.twins.get(segments[0]!);
    const found = twin ? twin.control(request.with(segments.slice(1))) : WORLD.run(world, request);
    if (found) return await found.answer;
  } catch (error) {
    if (error instanceof TypeError) throw new ControlError(400, error.message);
    throw error;
  }
  throw new ControlError(404, `No such control: ${method} /control/${resource}`);
}

/** The same over HTTP, JSON in and out; errors are `{"error": "…"}`. */
export async function controlReply(world: World, call: Call, path: string): Promise<Reply> {
  try {
    const input: unknown = call.body === '' ? undefined : JSON.parse(call.body);
    const answer = await controlAnswer(world, call.method, call.search === '' ? path : `${path}?${call.search}`, input);
    return answer === undefined ? empty(204) : json(200, answer);
  } catch (error) {
    if (error instanceof ControlError) return json(error.status, { error: error.message });
    if (error instanceof SyntaxError) return json(400, { error: error.message });
    throw error;
  }
}
