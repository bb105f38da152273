package clout.peers;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Counts the acts of each target. The first change is published at once, later ones at most each 100 ms. */
final class Fold extends KeyedProcessFunction<String, Act, Update> {
    private static final long PAUSE_MS = 100;

    private transient ValueState<Kept> state;
    /** Used again and again: the sink takes what it needs at once. */
    private transient Update update;

    @Override
    public void open(OpenContext context) {
        state = getRuntimeContext().getState(new ValueStateDescriptor<>("tallies", new Kept.Serializer()));
        update = new Update();
    }

    @Override
    public void processElement(Act act, Context context, Collector<Update> updates) throws Exception {
        Kept kept = state.value();
        if (kept == null) {
            kept = new Kept();
        }
        kept.tally.add(act.at, act.kind);
        if (!kept.isWaiting) {
            long now = context.timerService().currentProcessingTime();
            if (now - kept.publishedAt >= PAUSE_MS) {
                publish(act.target, kept, now, updates);
            } else {
                kept.isWaiting = true;
                context.timerService().registerProcessingTimeTimer(kept.publishedAt + PAUSE_MS);
            }
        }
        state.update(kept);
    }

    @Override
    public void onTimer(long time, OnTimerContext context, Collector<Update> updates) throws Exception {
        Kept kept = state.value();
        kept.isWaiting = false;
        publish(context.getCurrentKey(), kept, context.timerService().currentProcessingTime(), updates);
        state.update(kept);
    }

    private void publish(String target, Kept kept, long now, Collector<Update> updates) {
        kept.publishedAt = now;
        update.target = target;
        update.tally = kept.tally;
        updates.collect(update);
    }
}
