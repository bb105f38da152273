package clout.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * The fold on Flink, exactly once, in one process: a checkpoint each second, whose transaction makes the output visible; a
 * target's tally is published at most each 100 ms.
 *
 * <p>Arguments: brokers, input, output, application id, folder of the checkpoints. Runs until it is ended, and goes on from the
 * newest checkpoint if there is one.
 */
public final class FlinkJob {
    private static final int PARALLELISM = 2;

    private FlinkJob() {}

    public static void main(String[] arguments) throws Exception {
        String brokers = arguments[0];
        String input = arguments[1];
        String output = arguments[2];
        String application = arguments[3];
        Path folder = Path.of(arguments[4]);

        StreamExecutionEnvironment environment =
            StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, settings(folder));
        environment.fromSource(source(brokers, input, application), WatermarkStrategy.noWatermarks(), "events")
            .uid("events")
            .keyBy((KeySelector<Act, String>) act -> act.target, TypeInformation.of(String.class))
            .process(new Fold(), TypeInformation.of(Update.class))
            .uid("fold")
            .sinkTo(sink(brokers, output, application))
            .uid("scores");
        environment.execute(application);
    }

    private static Configuration settings(Path folder) throws IOException {
        Configuration settings = new Configuration();
        settings.setString("state.backend.type", "hashmap");
        settings.setString("execution.checkpointing.storage", "filesystem");
        settings.setString("execution.checkpointing.dir", folder.toUri().toString());
        settings.setString("execution.checkpointing.interval", "1 s");
        settings.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
        settings.setString("pipeline.object-reuse", "true");
        // A failure ends the run, to be seen: whoever kills it starts it again.
        settings.setString("restart-strategy.type", "none");
        newestCheckpoint(folder).ifPresent(
            checkpoint -> settings.setString("execution.state-recovery.path", checkpoint.toUri().toString()));
        return settings;
    }

    /** Checkpoints lie in FOLDER/JOB/chk-NUMBER; one is whole when its metadata are there. */
    private static Optional<Path> newestCheckpoint(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.endsWith("_metadata"))
                .max(Comparator.comparing(FlinkJob::writtenAt))
                .map(Path::getParent);
        }
    }

    private static FileTime writtenAt(Path file) {
        try {
            return Files.getLastModifiedTime(file);
        } catch (IOException gone) {
            return FileTime.fromMillis(0);
        }
    }

    private static KafkaSource<Act> source(String brokers, String input, String application) {
        return KafkaSource.<Act>builder()
            .setBootstrapServers(brokers)
            .setTopics(input)
            .setGroupId(application)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setDeserializer(new ActDecoder())
            .build();
    }

    private static KafkaSink<Update> sink(String brokers, String output, String application) {
        return KafkaSink.<Update>builder()
            .setBootstrapServers(brokers)
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(application)
            .setProperty("transaction.timeout.ms", "600000")
            .setProperty("compression.type", "lz4")
            .setRecordSerializer(new UpdateEncoder(output))
            .build();
    }
}
