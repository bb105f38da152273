package clout.peers;

import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Writes updates as messages of the output, keyed by target. */
final class UpdateEncoder implements KafkaRecordSerializationSchema<Update> {
    private final String topic;

    UpdateEncoder(String topic) {
        this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(Update update, KafkaSinkContext context, Long time) {
        byte[] key = update.target.getBytes(StandardCharsets.ISO_8859_1);
        return new ProducerRecord<>(topic, key, update.tally.toBytes());
    }
}
