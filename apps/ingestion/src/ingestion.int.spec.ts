import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { DEVELOPMENT_KEYRING } from '@strowger/config';
import type { HookAuthentication } from '@strowger/cpaas';
import { addCarrier, paper } from '@strowger/cpaas/testing';
import { SecretBox } from '@strowger/kernel';
import { recordSpans } from '@strowger/telemetry/testing';
import { eventually } from '@strowger/testing';
import { IngestionWorld, sms, textsOf } from './testing/ingestion-world.fixtures.js';

describe('the webhook', () => {
  let world: IngestionWorld;
  beforeAll(async () => {
    world = await IngestionWorld.start();
    await world.serve();
  });
  afterAll(() => world.stop());

  const last = async () => (await world.delivered()).at(-1)!;

  it('answers in the carrier’s dialect and puts the delivery on the stream, raw and parsed', async () => {
    const endpoint = await world.givenEndpoint();
    const body = sms({ SmsSid: 'SM1', Body: 'hello' });
    const response = await world.post(`${endpoint.path}?a=b%20c`, body);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/xml');
    expect(await response.text()).toMatch(/<Response\/>$/);
    const event = await last();
    expect(event).toMatchObject({
      specversion: '1.0',
      type: 'ingestion.delivery.received.v1',
      source: '/ingestion',
      id: event.data.deliveryId,
      subject: event.data.deliveryId,
      tenantid: endpoint.systemProviderId,
      data: {
        endpointId: endpoint.endpointId,
        platformId: endpoint.platformId,
        systemProviderId: endpoint.systemProviderId,
        kind: 'restcomm',
        raw: { method: 'POST', contentType: 'application/x-www-form-urlencoded', query: 'a=b%20c' },
        facts: [
          {
            type: 'message.received',
            carrierMessageId: 'SM1',
            from: '+12015550199',
            to: '+12015550123',
            text: 'hello',
          },
        ],
      },
    });
    expect(Buffer.from(event.data.raw.bodyBase64, 'base64').toString()).toBe(body);
    expect(event.data.quarantine).toBeUndefined();
    expect(JSON.stringify(event)).not.toContain(endpoint.token);
  });

  it('answers a repeat as it did the first', async () => {
    const endpoint = await world.givenEndpoint();
    const body = sms();
    expect((await world.post(endpoint.path, body)).status).toBe(200);
    expect((await world.post(endpoint.path, body)).status).toBe(200);
  });

  it.each([
    [
      'JSON',
      '{"SmsSid":"SM2","AccountSid":"AC0123456789abcdef0123456789abcdef","From":"1","To":"2","Body":"é"}',
      'application/json',
      'é',
    ],
    [
      'JSON without a content type',
      '{"SmsSid":"SM3","AccountSid":"AC0123456789abcdef0123456789abcdef","From":"1","To":"2","Body":"x"}',
      '',
      'x',
    ],
    ['ISO-8859-1 escapes', `${sms({ Body: '' })}%E9t%E9`, 'application/x-www-form-urlencoded', 'été'],
    ['a malformed content type', sms({ Body: 'y' }), 'text/plain;;; =', 'y'],
  ])('reads %s', async (_name, body, contentType, text) => {
    const endpoint = await world.givenEndpoint();
    expect((await world.post(endpoint.path, Buffer.from(body), contentType)).status).toBe(200);
    expect(textsOf([await last()])).toEqual([text]);
  });

  it('reads the query of a GET', async () => {
    const endpoint = await world.givenEndpoint();
    const response = await fetch(`${world.url}${endpoint.path}?${sms({ Body: 'by query' })}`);
    expect(response.status).toBe(200);
    expect(textsOf([await last()])).toEqual(['by query']);
  });

  it.each([
    ['broken JSON', '{"Body": "a "quoted" word"}', 'application/json', 'broken-json'],
    ['another media type', '<xml/>', 'application/xml', 'unsupported-content-type'],
    ['nothing', '', 'application/x-www-form-urlencoded', 'empty'],
  ])('accepts %s and keeps it as it came', async (_name, body, contentType, reason) => {
    const endpoint = await world.givenEndpoint();
    expect((await world.post(endpoint.path, body, contentType)).status).toBe(200);
    const { data } = await last();
    expect(data.unreadable).toContain(reason);
    expect(data.facts).toEqual([]);
    expect(Buffer.from(data.raw.bodyBase64, 'base64').toString()).toBe(body);
  });

  it('keeps a compressed delivery as it came and says that it is compressed; a plain one is read whatever it is called', async () => {
    const { path } = await world.givenEndpoint();
    const post = (coding: string, body: Uint8Array<ArrayBuffer>) =>
      fetch(`${world.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': coding },
        body,
      });
    const compressed = new Uint8Array(gzipSync(sms({ Body: 'squeezed' })));
    expect((await post('gzip', compressed)).status).toBe(200);
    const { data } = await last();
    expect(data.unreadable).toBe('content-encoding: gzip');
    expect(Buffer.from(data.raw.bodyBase64, 'base64')).toEqual(Buffer.from(compressed));
    expect((await post('identity', new TextEncoder().encode(sms({ Body: 'as it is' })))).status).toBe(200);
    expect(textsOf([await last()])).toEqual(['as it is']);
  });

  it('accepts and marks a delivery for another account', async () => {
    const endpoint = await world.givenEndpoint();
    const before = await world.metric('ingestion_quarantined_total');
    expect((await world.post(endpoint.path, sms({ AccountSid: 'ACffffffffffffffffffffffffffffffff' }))).status).toBe(
      200,
    );
    expect((await last()).data.quarantine).toBe('account-mismatch');
    expect(await world.metric('ingestion_quarantined_total')).toBe(before + 1);
  });

  it('refuses another token, another kind and an expired token, and stores nothing for them', async () => {
    const endpoint = await world.givenEndpoint();
    const expired = await world.givenEndpoint({ expiresAt: new Date(Date.now() - 1000).toISOString() });
    const before = await world.storedCount();
    for (const path of [
      '/hooks/restcomm/nope',
      `/hooks/kaleyra/${endpoint.token}`,
      expired.path,
      `/hooks/restcomm/${'x'.repeat(300)}`,
    ]) {
      const response = await world.post(path);
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
    }
    expect(await world.storedCount()).toBe(before);
  });

  it('believes a delivery by a header that is a secret, and stores nothing of it', async () => {
    const [header, secret] = ['x-shared-key', 'a-key-both-sides-know'];
    const authentication: HookAuthentication = {
      secretHeaders: [header],
      keys: () => [secret],
      refusal: ({ headers }, keys) => (keys.includes(headers[header] ?? '') ? undefined : 'bad-key'),
    };
    const { manifest, hook } = paper;
    const headers = ['x-paper-delivery'];
    addCarrier({ ...paper, manifest: { ...manifest, kind: 'shared-key' }, hook: { ...hook, headers, authentication } });
    const platformId = randomUUID();
    const sealedKeys = SecretBox.fromKeyring(DEVELOPMENT_KEYRING).seal(
      JSON.stringify([secret]),
      `platform:${platformId}`,
    );
    const { path } = await world.givenEndpoint({ kind: 'shared-key', platformId, sealedKeys });
    const post = (key: string): Promise<Response> =>
      fetch(world.url + path, { method: 'POST', headers: { [header]: key, 'x-paper-delivery': 'd-1' }, body: '{}' });
    const before = await world.storedCount();
    expect((await post('another')).status).toBe(401);
    expect((await post(secret)).status).toBe(204);
    expect(await world.storedCount()).toBe(before + 1);
    const event = await last();
    expect(event.data).toMatchObject({ platformId, raw: { headers: { 'x-paper-delivery': 'd-1' } } });
    expect(JSON.stringify(event)).not.toContain(secret);
  });

  it('refuses a body beyond the limit', async () => {
    const endpoint = await world.givenEndpoint();
    const response = await world.post(endpoint.path, Buffer.alloc(300 * 1024, 'a'));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', status: 413 });
    expect((await world.post(endpoint.path, sms({ Body: 'b'.repeat(250 * 1024) }))).status).toBe(200);
  });

  it('stores nothing for a HEAD, and names its methods to any other', async () => {
    const endpoint = await world.givenEndpoint();
    const before = await world.storedCount();
    expect((await fetch(world.url + endpoint.path, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${world.url}/hooks/restcomm/nope`, { method: 'HEAD' })).status).toBe(404);
    const put = await fetch(world.url + endpoint.path, { method: 'PUT', body: 'x' });
    expect(put.status).toBe(405);
    expect(put.headers.get('allow')).toBe('GET, HEAD, POST');
    expect(await world.storedCount()).toBe(before);
  });

  it('forgets an endpoint that provisioning takes away', async () => {
    const endpoint = await world.givenEndpoint();
    expect((await world.post(endpoint.path)).status).toBe(200);
    await world.removeEndpoint(endpoint);
    await eventually(async () => (await world.post(endpoint.path)).status === 404);
  });

  it('carries the carrier’s trace in the event and beside it, and none when tracing is off', async () => {
    const endpoint = await world.givenEndpoint();
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01` };
    const post = () => fetch(world.url + endpoint.path, { method: 'POST', headers, body: sms() });
    const recording = await recordSpans();
    try {
      expect((await post()).status).toBe(200);
      const { traceparent } = await last();
      expect(traceparent).toContain(trace);
      expect(await world.lastHeader('traceparent')).toBe(traceparent);
    } finally {
      await recording.stop();
    }
    expect((await post()).status).toBe(200);
    expect((await last()).traceparent).toBeUndefined();
    expect(await world.lastHeader('traceparent')).toBeFalsy();
  });

  it('is not disturbed by a carrier that hangs up in the middle', async () => {
    const endpoint = await world.givenEndpoint();
    const before = await world.storedCount();
    await new Promise<void>((resolve) => {
      const socket = connect(Number(new URL(world.url).port), '127.0.0.1', () => {
        socket.write(`POST ${endpoint.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nSmsSid=`);
        socket.end();
      });
      socket.on('close', () => resolve()).resume();
    });
    expect((await world.post(endpoint.path)).status).toBe(200);
    expect(await world.storedCount()).toBe(before + 1);
  });
});
