package clout.peers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** An event on its way to its target. */
public final class Act {
    String target;
    long at;
    int kind;

    /** A byte for the length of the name, the name, eight bytes for the time and one for the kind. */
    static final class Serializer extends RecordSerializer<Act> {
        @Override
        public Act createInstance() {
            return new Act();
        }

        @Override
        public Act copy(Act from, Act to) {
            to.target = from.target;
            to.at = from.at;
            to.kind = from.kind;
            return to;
        }

        @Override
        public void serialize(Act act, DataOutputView output) throws IOException {
            byte[] target = act.target.getBytes(StandardCharsets.ISO_8859_1);
            output.writeByte(target.length);
            output.write(target);
            output.writeLong(act.at);
            output.writeByte(act.kind);
        }

        @Override
        public Act deserialize(Act act, DataInputView input) throws IOException {
            byte[] target = new byte[input.readUnsignedByte()];
            input.readFully(target);
            act.target = new String(target, StandardCharsets.ISO_8859_1);
            act.at = input.readLong();
            act.kind = input.readByte();
            return act;
        }

        @Override
        public Snapshot snapshotConfiguration() {
            return new Snapshot();
        }
    }

    /** Tells a restart which serializer wrote the state; Flink makes it by its name. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Act> {
        public Snapshot() {
            super(Serializer::new);
        }
    }
}
