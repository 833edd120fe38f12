import { setTimeout as wait } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { Clients, type Sightings } from './clients.js';
import { HttpLoad } from './http-load.js';
import type { LoadOrder, LoadReport, WorkerCall, WorkerReply } from './load.js';
import { requestsOf, SOAP_SUCCESS } from './requests.js';

/** The thread that generates load and plays the clients, so that one clock times both ends. */
const clients = new Clients();
/** Frames stop coming: what is not there after this long without a new one is lost. */
const QUIET_MS = 10_000;

async function run(order: LoadOrder): Promise<LoadReport> {
  const { plan, maxInFlight, awaitFrames, ...rest } = order;
  let accepted = 0;
  let underWay = 0;
  const watched = awaitFrames || maxInFlight !== undefined;
  if (watched) clients.begin();
  const load = new HttpLoad({
    ...rest,
    request: requestsOf(plan),
    // Every SOAP answer is a 200.
    ...(plan.kind === 'soap' && { holding: SOAP_SUCCESS }),
    ...(watched && {
      onSent: (sequence, at) => {
        underWay++;
        clients.noteSent(sequence, at);
      },
      onAccepted: () => {
        accepted++;
      },
    }),
    ...(maxInFlight !== undefined && { maySend: () => underWay - clients.seen < maxInFlight }),
  });
  if (maxInFlight !== undefined)
    clients.onFrame = () => {
      if (underWay - clients.seen < maxInFlight) load.resume();
    };
  const result = await load.run();
  clients.onFrame = () => undefined;
  let sightings: Sightings | undefined;
  if (watched) {
    let seen = clients.seen;
    let since = performance.now();
    while (clients.seen < accepted && performance.now() - since < QUIET_MS) {
      await wait(20);
      if (clients.seen > seen) [seen, since] = [clients.seen, performance.now()];
    }
    sightings = clients.result(order.firstSequence, result.sent, result.from, result.to);
  }
  return { ...result, sightings, dropped: clients.dropped };
}

async function perform(call: WorkerCall): Promise<unknown> {
  if (call.op === 'load') return run(call.order);
  if (call.op === 'connect') return clients.connect(call.gatewayUrl, call.logins);
  return clients.close();
}

parentPort!.on('message', ({ id, call }: { id: number; call: WorkerCall }) => {
  const reply = (message: Omit<WorkerReply, 'id'>): void => parentPort!.postMessage({ id, ...message });
  perform(call).then(
    (value) => reply({ value }),
    (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
