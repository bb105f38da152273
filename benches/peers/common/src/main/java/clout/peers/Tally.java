package clout.peers;

import java.nio.ByteBuffer;

/**
 * What a peer keeps of one target: a weighted count that decays with a half-life of seven days, and how often each kind was
 * received. It has no graph: this is less than what Clout computes.
 */
public final class Tally {
    /** Bytes of a tally as it is published: three numbers and a count for each kind, eight bytes each. */
    public static final int BYTES = 40;

    private static final double HALF_LIFE_MS = 7 * 86_400_000.0;
    private static final double DECAY = Math.log(2) / HALF_LIFE_MS;
    private static final double MENTION_WEIGHT = 1;
    private static final double RETWEET_WEIGHT = 2;
    private static final double REPLY_WEIGHT = 3;

    /** The decayed sum, as of {@link #newest}. */
    public double sum;
    /** The newest event's time, in milliseconds since 1970. */
    public long newest;
    public long mentions;
    public long retweets;
    public long replies;

    /** Counts an event. One that is late has decayed already. */
    public Tally add(long at, int kind) {
        double weight = count(kind);
        if (at >= newest) {
            sum = sum * Math.exp(-DECAY * (at - newest)) + weight;
            newest = at;
        } else {
            sum += weight * Math.exp(-DECAY * (newest - at));
        }
        return this;
    }

    private double count(int kind) {
        switch (kind) {
            case 1 -> {
                mentions++;
                return MENTION_WEIGHT;
            }
            case 2 -> {
                retweets++;
                return RETWEET_WEIGHT;
            }
            case 3 -> {
                replies++;
                return REPLY_WEIGHT;
            }
            default -> throw new IllegalArgumentException("no kind that is counted has the number " + kind);
        }
    }

    /** What is published: numbers in the order of the fields, the highest byte first. */
    public byte[] toBytes() {
        byte[] bytes = new byte[BYTES];
        ByteBuffer.wrap(bytes).putDouble(sum).putLong(newest).putLong(mentions).putLong(retweets).putLong(replies);
        return bytes;
    }

    /** The tally that was written by {@link #toBytes}. */
    public static Tally fromBytes(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        Tally tally = new Tally();
        tally.sum = buffer.getDouble();
        tally.newest = buffer.getLong();
        tally.mentions = buffer.getLong();
        tally.retweets = buffer.getLong();
        tally.replies = buffer.getLong();
        return tally;
    }
}
