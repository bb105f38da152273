package clout.peers;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The state of one target: its tally, and when it was published. */
public final class Kept {
    final Tally tally = new Tally();
    /** Milliseconds since 1970, by the clock of this machine. */
    long publishedAt;
    /** Whether a timer will publish the tally. */
    boolean isWaiting;

    static final class Serializer extends RecordSerializer<Kept> {
        @Override
        public Kept createInstance() {
            return new Kept();
        }

        @Override
        public Kept copy(Kept from, Kept to) {
            to.tally.sum = from.tally.sum;
            to.tally.newest = from.tally.newest;
            to.tally.mentions = from.tally.mentions;
            to.tally.retweets = from.tally.retweets;
            to.tally.replies = from.tally.replies;
            to.publishedAt = from.publishedAt;
            to.isWaiting = from.isWaiting;
            return to;
        }

        @Override
        public void serialize(Kept kept, DataOutputView output) throws IOException {
            output.writeDouble(kept.tally.sum);
            output.writeLong(kept.tally.newest);
            output.writeLong(kept.tally.mentions);
            output.writeLong(kept.tally.retweets);
            output.writeLong(kept.tally.replies);
            output.writeLong(kept.publishedAt);
            output.writeBoolean(kept.isWaiting);
        }

        @Override
        public Kept deserialize(Kept kept, DataInputView input) throws IOException {
            kept.tally.sum = input.readDouble();
            kept.tally.newest = input.readLong();
            kept.tally.mentions = input.readLong();
            kept.tally.retweets = input.readLong();
            kept.tally.replies = input.readLong();
            kept.publishedAt = input.readLong();
            kept.isWaiting = input.readBoolean();
            return kept;
        }

        @Override
        public Snapshot snapshotConfiguration() {
            return new Snapshot();
        }
    }

    /** Tells a restart which serializer wrote the state; Flink makes it by its name. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Kept> {
        public Snapshot() {
            super(Serializer::new);
        }
    }
}
