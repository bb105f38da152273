package clout.peers;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** What serializers of mutable records have in common. Written by hand, as those that Flink derives are slower. */
abstract class RecordSerializer<T> extends TypeSerializerSingleton<T> {
    private static final int VARIABLE = -1;

    @Override
    public boolean isImmutableType() {
        return false;
    }

    @Override
    public int getLength() {
        return VARIABLE;
    }

    @Override
    public T copy(T from) {
        return copy(from, createInstance());
    }

    @Override
    public T deserialize(DataInputView input) throws IOException {
        return deserialize(createInstance(), input);
    }

    @Override
    public void copy(DataInputView input, DataOutputView output) throws IOException {
        serialize(deserialize(input), output);
    }
}
