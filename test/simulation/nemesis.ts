import { BusError } from '../../src/core/errors.js';
import type { SettingsInput } from '../../src/core/topics/topic.js';
import type { Bus } from './bus.js';
import type { Fleet } from './fleet.js';
import type { Action } from './plan.js';
import { publish } from './publishers.js';

/** Does things to a fleet, and undoes them in time. */
export interface Nemesis {
  act(action: Action): void;
  /** Undoes all that still holds. */
  heal(): void;
}

/** A fleet keeps at most so many. */
const mostDatamarts = 6;
const mostPartitions = 8;
const mostTopics = 4;

export function createNemesis(fleet: Fleet): Nemesis {
  const { random, scheduler, plan } = fleet;
  const undo = new Set<() => void>();

  /** Undoes something after a while. */
  function later(ms: number, act: () => void): void {
    const once = () => {
      if (undo.delete(once)) act();
    };
    undo.add(once);
    scheduler.after(ms, once);
  }

  const one = <T>(items: readonly T[]): T | undefined => items[random.between(0, items.length - 1)];
  const liveBus = () => one(fleet.buses.filter(({ host }) => host.alive && !host.paused));
  const liveClient = () => one(fleet.datamarts.filter(({ stays, host }) => stays && !host.paused));

  /** Its place is taken a little later. */
  function replace(bus: Bus): void {
    fleet.buses.splice(fleet.buses.indexOf(bus), 1);
    later(random.between(200, 4_000), () => {
      fleet.note('an instance starts');
      fleet.startBus();
    });
  }

  function pause(what: { readonly name: string; pause(): void; resume(): void }, ms: number): void {
    fleet.note(`${what.name} is paused for ${ms} ms`);
    what.pause();
    later(ms, () => {
      fleet.note(`${what.name} goes on`);
      what.resume();
    });
  }

  function act(action: Action): void {
    const bus = liveBus();
    const client = liveClient();
    switch (action) {
      case 'publish':
        publish(fleet);
        return;
      case 'join': {
        if (fleet.datamarts.filter(({ stays }) => stays).length >= mostDatamarts) return;
        const subscriber = one(plan.subscribers);
        if (!subscriber) return;
        fleet.note(`a client of ${subscriber.name} joins`);
        fleet.startDatamart(subscriber);
        return;
      }
      case 'leave':
        if (!client) return;
        fleet.note(`${client.host.name} leaves`);
        client.leave();
        return;
      case 'kill client':
      case 'silence client':
        if (!client) return;
        fleet.note(`${client.host.name} is killed${action === 'kill client' ? '' : ', silently'}`);
        client.host.kill(action === 'silence client');
        return;
      case 'pause client':
        if (client) pause(client.host, random.between(100, 8_000));
        return;
      case 'grow':
        void grow(fleet);
        return;
      case 'create':
        if (fleet.topics.length >= mostTopics) return;
        void createTopic(fleet, `orders.new${random.between(0, 99)}`, random.between(1, 3));
        return;
      case 'stop':
        if (!bus?.core) return;
        fleet.note(`${bus.host.name} stops`);
        replace(bus);
        bus.host.run(() => void bus.stop());
        return;
      case 'kill':
        if (!bus) return;
        fleet.note(`${bus.host.name} is killed`);
        replace(bus);
        bus.host.kill();
        return;
      case 'pause':
        if (bus) pause(bus.host, random.between(50, 4_000));
        return;
      case 'pause long':
        if (bus) pause(bus.host, random.between(4_000, 15_000));
        return;
      case 'lose session':
        if (!bus) return;
        fleet.note(`${bus.host.name} loses its session`);
        bus.host.run(() => bus.loseSession());
        return;
      default: {
        if (!bus) return;
        const cable = action === 'cut log' ? bus.toLog : bus.toCoordination;
        if (cable.isCut) return;
        fleet.note(`${bus.host.name}: ${action}`);
        cable.cut();
        later(random.between(100, random.pick([1_000, 6_000, 20_000])), () => {
          fleet.note(`${bus.host.name}: ${action} is over`);
          cable.heal();
        });
      }
    }
  }

  return {
    act,
    heal() {
      for (const each of [...undo]) each();
    },
  };
}

async function grow(fleet: Fleet): Promise<void> {
  const { random, topics, world } = fleet;
  const topic = topics[random.between(0, topics.length - 1)] ?? '';
  const partitions = (world.topics.find(topic)?.partitions.length ?? mostPartitions) + 1;
  if (partitions > mostPartitions) return;
  fleet.note(`${topic} is to have ${partitions} partitions`);
  await applyTopic(fleet, topic, { partitions });
}

export async function createTopic(fleet: Fleet, name: string, partitions: number): Promise<void> {
  fleet.note(`topic ${name} is created`);
  await applyTopic(fleet, name, { partitions, schemaless: true });
  if (!fleet.topics.includes(name)) fleet.topics.push(name);
}

/** Through any instance, until one says that it is done: an attempt that was interrupted may have changed the log alone. */
async function applyTopic(fleet: Fleet, name: string, settings: SettingsInput): Promise<void> {
  const { random, network, operator, buses, underWay } = fleet;
  const token = {};
  underWay.add(token);
  for (let done = false; !done; ) {
    const bus = buses[random.between(0, buses.length - 1)];
    try {
      if (!bus) throw new Error('there is no instance');
      await network.call(operator, bus.host, async () => {
        if (!bus.core) throw new Error('not ready');
        await bus.core.topics.apply({ name, settings, schemas: [] });
      });
      done = true;
    } catch (error) {
      // Somebody else has made it larger meanwhile.
      done = error instanceof BusError && error.reason === 'TOPIC_SETTINGS_INVALID';
      if (!done) await operator.clock.sleep(200);
    }
  }
  underWay.delete(token);
}
