import type { AssignmentInfo, Frame } from '../../../core/subscribe/frames.js';

/** Every frame but those with records. */
export type ControlFrame = Exclude<Frame, { kind: 'events' }>;

/** What a control frame says, as the member of its name has it on the line formats. */
export function controlContent(frame: ControlFrame): object {
  switch (frame.kind) {
    case 'ready': {
      const { cursor, streamId, assignment } = frame;
      return { cursor, streamId, assignment: toAssignment(assignment) };
    }
    case 'heartbeat':
      return { cursor: frame.cursor, partitions: frame.partitions, filterErrors: frame.filterErrors };
    case 'gap': {
      const { topic, incarnation, partition, from, to, reason, message, cursor } = frame;
      return { topic, incarnation, partition, fromOffset: from, toOffset: to, reason, message, cursor };
    }
    case 'assignment':
      return toAssignment(frame.assignment);
    case 'end': {
      const { kind: _, ...content } = frame;
      return content;
    }
  }
}

/** The cursor after what was sent up to a control frame. */
export function cursorOf(frame: ControlFrame): string {
  return frame.kind === 'assignment' ? frame.assignment.cursor : frame.cursor;
}

/** `topics` says for one topic what it says for several. */
function toAssignment({ topics, generation, cursor, waiting }: AssignmentInfo): object {
  return { topics, generation, waiting, cursor };
}
