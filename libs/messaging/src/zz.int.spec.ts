import { eventually, startNats } from '@strowger/testing';
import { Messaging, Publisher, Consumer, Consumers, Handles, kvBucket, type Received } from './index.js';
import { eventOf, UserRenamedV1 } from './messaging.fixtures.js';
@Consumer('zz')
class Z { seen: string[] = []; @Handles(UserRenamedV1) async on({ data }: Received<UserRenamedV1>) { this.seen.push(data.name); } }
it.each(['kill9', 'kv'] as const)('x %s', async (how) => {
  const nats = await startNats();
  const m = await Messaging.connect({ natsUrl: nats.url, name: 't' });
  const p = new Publisher(m);
  const z = new Z();
  const c = new Consumers(m, p);
  const b = kvBucket(m, 'b');
  if (how === 'kv') { await b.put('a', '1'); } else { c.start([z]); await c.started(); }
  await p.publish(eventOf(UserRenamedV1, { name: 'x' }));
  await nats.kill9();
  await eventually(() => !m.connected);
  const t = Date.now();
  const say: string[] = [];
  m.onConnected(() => say.push(`ensured ${Date.now() - t}`));
  void (async () => { for await (const s of m.nc.status()) say.push(`${s.type} ${Date.now() - t} ${'error' in s ? s.error : ''}`); })();
  for (const r of (c as any).runners) for (const d of r.durables) void (async () => { for await (const s of d.messages.status()) say.push(`${s.type} ${d.spec.stream} ${Date.now() - t}`); })();
  const orig = m.nc.request.bind(m.nc);
  (m.nc as any).request = async (s: string, ...a: any[]) => { const t0 = Date.now(); try { const r = await orig(s, ...a as [any]); say.push(`req ${s} at ${t0 - t} took ${Date.now() - t0}`); return r; } catch (e) { say.push(`req ${s} at ${t0 - t} failed ${e} took ${Date.now() - t0}`); throw e; } };
  await nats.start();
  say.push(`nats up ${Date.now() - t}`);
  if (how === 'kv') {
    await eventually(() => b.delete('a').then(() => true), { timeoutMs: 15000 });
    say.push(`kv ${Date.now() - t}`);
  } else {
  await eventually(() => p.publish(eventOf(UserRenamedV1, { name: 'after' })), { timeoutMs: 15000 });
  say.push(`published ${Date.now() - t}`);
  await eventually(() => z.seen.includes('after'), { timeoutMs: 15000 });
  say.push(`seen ${Date.now() - t}`);
  }
  console.log(say.join('\n'));
  await c.stop();
  await m.close(); await nats.stop();
}, 40000);
