import { createGroup, type Group, type GroupPorts } from './group.js';
import type { MemberRequest, Membership } from './member.js';

/** The streams of durable subscribers in this process. */
export interface Memberships {
  /** Joins a subscriber: its streams, on any instances, share the partitions. */
  join(request: MemberRequest): Membership;
  /** Resolves when all streams that are over have left: their partitions are free for others. */
  drain(): Promise<void>;
  close(): void;
}

export function createMemberships(ports: GroupPorts): Memberships {
  const groups = new Map<string, Group>();
  return {
    join(request) {
      const { subscriber } = request;
      let group = groups.get(subscriber);
      if (!group || group.isOver) {
        const created = createGroup(ports, subscriber);
        groups.set(subscriber, created);
        void created.ended.then(() => {
          if (groups.get(subscriber) === created) groups.delete(subscriber);
        });
        group = created;
      }
      return group.join(request);
    },
    async drain() {
      await Promise.all([...groups.values()].map(({ ended }) => ended));
    },
    close() {
      for (const group of groups.values()) group.close();
    },
  };
}
