/** A twin is one carrier, played: what it holds, what it answers, and how tests reach behind its API. */
import { type ControlRequest, ControlTable, type ControlRoutes } from './control/table.js';
import type { TwinsOptions } from './options.js';
import type { Call, Operation } from './wire.js';
import type { World } from './world.js';

/** A carrier's own behaviors that tests can change while it runs. */
export type Switches = object;

/** One table of the page for people. */
export interface Section {
  caption: string;
  heads: string[];
  rows: (string | number)[][];
}

export interface TwinSpec<Store extends { clear(): void }, Own extends Switches> {
  /** What faults, the journal and `/control/<kind>` call it. */
  kind: string;
  /** What people call it. */
  title: string;
  /** The base URLs that callers are configured with, below the twins' own, by what they are for. */
  addresses: Record<string, string>;
  /** By what the path begins with; the handler is given what follows. */
  routes: Record<string, (store: Store, call: Call, path: string) => Operation>;
  /** What it sends by itself, for faults to match, such as `inbound.webhook`. */
  sends?: readonly string[];
  switches(options: TwinsOptions): Own;
  /** Everything it holds, and the parts that act on it. `clear` empties it and stops what is under way. */
  store(world: World, switches: Own): Store;
  /** What stands there on the first day. */
  seed?(store: Store, options: TwinsOptions): void;
  /** Below `/control/<kind>/`. Every twin also has `GET state`, `GET switches` and `PUT switches` there. */
  control: ControlRoutes<Store>;
  state(store: Store): object;
  page(store: Store): Section[];
  snapshot: { save(store: Store): object; restore(store: Store, saved: unknown): void };
}

/** A twin at work in one world. */
export interface Twin {
  readonly kind: string;
  readonly title: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly sends: readonly string[];
  readonly routes: readonly { prefix: string; operation(call: Call, path: string): Operation }[];
  /** Undefined when the route is not known. */
  control(request: ControlRequest): { answer: unknown } | undefined;
  page(): Section[];
  save(): object;
  restore(saved: unknown): void;
  /** Empty, with nothing under way. */
  clear(): void;
  /** Empty but for what is seeded, with the switches of the first day. */
  reset(): void;
}

export interface TwinDefinition {
  readonly kind: string;
  start(world: World): Twin;
}

/** `in` gives other code the twin's own store in a world, typed. */
export function defineTwin<Store extends { clear(): void }, Own extends Switches>(
  spec: TwinSpec<Store, Own>,
): TwinDefinition & { in(world: World): Store } {
  const stores = new WeakMap<World, Store>();
  const { kind, title, addresses, sends = [] } = spec;
  return {
    kind,
    in(world) {
      const store = stores.get(world);
      if (!store) throw new TypeError(`This world has no twin '${kind}'`);
      return store;
    },
    start(world) {
      const switches = spec.switches(world.options);
      const store = spec.store(world, switches);
      stores.set(world, store);
      const table = new ControlTable<Store>({
        'GET state': (own) => spec.state(own),
        'GET switches': () => ({ ...switches }),
        'PUT switches': (_own, request) => {
          changeSwitches(switches, request.body());
          world.changed();
          return { ...switches };
        },
        ...spec.control,
      });
      const seed = (): void => spec.seed?.(store, world.options);
      seed();
      return {
        kind,
        title,
        addresses,
        sends,
        routes: Object.entries(spec.routes).map(([prefix, route]) => ({
          prefix,
          operation: (call, path) => route(store, call, path),
        })),
        control: (request) => table.run(store, request),
        page: () => spec.page(store),
        save: () => ({ switches, store: spec.snapshot.save(store) }),
        restore: (saved) => {
          if (!isRecord(saved)) return;
          restoreSwitches(switches, saved['switches']);
          store.clear();
          spec.snapshot.restore(store, saved['store']);
        },
        clear: () => store.clear(),
        reset: () => {
          store.clear();
          Object.assign(switches, spec.switches(world.options));
          seed();
        },
      };
    },
  };
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Takes known switches of the right type; names the first that is not. */
function changeSwitches(switches: Switches, change: object): void {
  const types = typesOf(switches);
  for (const [name, value] of Object.entries(change)) {
    const type = types.get(name);
    if (type === undefined) throw new TypeError(`Unknown switch '${name}'`);
    if (typeof value !== type) throw new TypeError(`Switch '${name}' is a ${type}`);
  }
  Object.assign(switches, change);
}

/** A file of an earlier version may hold switches that are gone. */
function restoreSwitches(switches: Switches, saved: unknown): void {
  if (!isRecord(saved)) return;
  const types = typesOf(switches);
  Object.assign(
    switches,
    Object.fromEntries(Object.entries(saved).filter(([name, value]) => types.get(name) === typeof value)),
  );
}

const typesOf = (switches: Switches): Map<string, string> =>
  new Map(Object.entries(switches).map(([name, value]) => [name, typeof value]));
