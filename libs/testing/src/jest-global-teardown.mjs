export default async function tearDown() {
  await globalThis.strowgerTestServers?.stop();
}
