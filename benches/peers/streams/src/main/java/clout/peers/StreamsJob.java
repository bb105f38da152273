package clout.peers;

import java.nio.ByteBuffer;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The fold on Kafka Streams, exactly once: events are written once more by target, and a tally of each target is published
 * when it has changed, at most once a commit.
 *
 * <p>Arguments: brokers, input, output, application id, folder of the state. Runs until it is ended.
 */
public final class StreamsJob {
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();
    private static final Serde<Tally> TALLIES = Serdes.serdeFrom(
        (topic, tally) -> tally == null ? null : tally.toBytes(),
        (topic, bytes) -> bytes == null ? null : Tally.fromBytes(bytes));
    /** An event on its way to its target: time and kind. */
    private static final int ACT_BYTES = Long.BYTES + 1;

    private StreamsJob() {}

    public static void main(String[] arguments) throws InterruptedException {
        String brokers = arguments[0];
        String input = arguments[1];
        String output = arguments[2];
        String application = arguments[3];
        String folder = arguments[4];

        KafkaStreams streams = new KafkaStreams(topology(input, output), settings(brokers, application, folder));
        CountDownLatch ended = new CountDownLatch(1);
        // A run that has failed is to be seen as such, and not to go on with one thread less.
        streams.setUncaughtExceptionHandler(failure -> {
            failure.printStackTrace();
            ended.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        ended.await();
        System.exit(1);
    }

    private static Properties settings(String brokers, String application, String folder) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, folder);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 100L << 20);
        settings.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
        return settings;
    }

    private static Topology topology(String input, String output) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(input, Consumed.with(BYTES, BYTES))
            .map((actor, message) -> byTarget(message))
            .groupByKey(Grouped.with("by-target", BYTES, BYTES))
            .aggregate(Tally::new, (target, act, tally) -> add(act, tally), store())
            .toStream()
            .to(output, Produced.with(BYTES, TALLIES));
        return builder.build();
    }

    private static KeyValue<byte[], byte[]> byTarget(byte[] message) {
        Event event = Event.decode(message);
        byte[] act = new byte[ACT_BYTES];
        ByteBuffer.wrap(act).putLong(event.at()).put((byte) event.kind());
        return KeyValue.pair(event.targetBytes(), act);
    }

    private static Tally add(byte[] act, Tally tally) {
        ByteBuffer buffer = ByteBuffer.wrap(act);
        return tally.add(buffer.getLong(), buffer.get());
    }

    /** In memory, with a changelog; the cache before it holds changes back until the next commit. */
    private static Materialized<byte[], Tally, KeyValueStore<Bytes, byte[]>> store() {
        return Materialized.<byte[], Tally>as(Stores.inMemoryKeyValueStore("tallies"))
            .withKeySerde(BYTES)
            .withValueSerde(TALLIES)
            .withCachingEnabled();
    }
}
