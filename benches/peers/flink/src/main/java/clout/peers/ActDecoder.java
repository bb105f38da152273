package clout.peers;

import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Reads acts from the events of the input. */
final class ActDecoder implements KafkaRecordDeserializationSchema<Act> {
    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> message, Collector<Act> acts) {
        Event event = Event.decode(message.value());
        Act act = new Act();
        act.target = event.target();
        act.at = event.at();
        act.kind = event.kind();
        acts.collect(act);
    }

    @Override
    public TypeInformation<Act> getProducedType() {
        return new ActType();
    }

    /** Tells Flink to take our serializer. */
    private static final class ActType extends TypeInformation<Act> {
        @Override
        public TypeSerializer<Act> createSerializer(SerializerConfig config) {
            return new Act.Serializer();
        }

        @Override
        public Class<Act> getTypeClass() {
            return Act.class;
        }

        @Override
        public boolean isBasicType() {
            return false;
        }

        @Override
        public boolean isTupleType() {
            return false;
        }

        @Override
        public boolean isKeyType() {
            return false;
        }

        @Override
        public int getArity() {
            return 1;
        }

        @Override
        public int getTotalFields() {
            return 1;
        }

        @Override
        public boolean canEqual(Object other) {
            return other instanceof ActType;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof ActType;
        }

        @Override
        public int hashCode() {
            return ActType.class.hashCode();
        }

        @Override
        public String toString() {
            return "Act";
        }
    }
}
