/** Stops the servers that the set-up started. */
export default async function tearDown(): Promise<void> {
  await globalThis.strowgerTestServers?.stop();
}
