package clout.peers;

/** What is published. It goes to the sink in the same thread, so it is never serialized between operators. */
public final class Update {
    String target;
    Tally tally;
}
