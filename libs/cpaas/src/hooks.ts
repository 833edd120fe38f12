import type { HookRequest, ParsedHook, PlatformKind } from './port.js';
import { parseRestcommHook } from './restcomm/hook.js';

const PARSERS: Readonly<Record<PlatformKind, (request: HookRequest) => ParsedHook>> = { restcomm: parseRestcommHook };

/** The canonical facts of a carrier's webhook, and the answer it wants. Pure, and never throws on what a carrier sends. */
export const parseHook = (kind: PlatformKind, request: HookRequest): ParsedHook => PARSERS[kind](request);
