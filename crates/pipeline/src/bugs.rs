//! Mistakes that can be switched on, each one that somebody has made in a system like this, so that the tests see the
//! simulator find them. Without the feature `planted-bugs` none can be, and the compiler removes their code.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// What is late depends on the wall clock at the time of the step, not on the journal's.
    StepLooksAtClock,
    /// A slice takes its events in the order of a hash map.
    HashMapOrder,
    /// A slice takes the inputs' records in the order in which they happened to arrive.
    ArrivalOrder,
    /// A checkpoint is taken before its epoch's commit.
    CheckpointBeforeCommit,
    /// After a restore the exchange is read from where the checkpoint's slice began.
    ExchangeTwice,
    /// A checkpoint is used whatever its checksum says.
    TornCheckpoint,
    /// The journal is believed although records are missing.
    JournalGap,
    /// What is told through the exchange is rounded on the way to whoever does a slice again.
    F32Drift,
    /// A restore does not know the ids that were seen before its checkpoint.
    IdsForgotten,
    /// Offsets and journal are committed, and then the outputs. Planted in the simulator's log.
    OffsetsOutside,
    /// Whoever does a slice again closes days if it is told to, and not if the slice did.
    ClosesAsTold,
    /// Closes are stored whatever becomes of their transaction. Planted in the simulator's log.
    ClosesOutside,
    /// Credits are stored whatever becomes of their transaction. Planted in the simulator's log.
    CreditsOutside,
    /// Blocks that another shard tells are not heard.
    BlocksUnheard,
}

impl Bug {
    /// All of them.
    pub const ALL: [Bug; 14] = [
        Bug::StepLooksAtClock,
        Bug::HashMapOrder,
        Bug::ArrivalOrder,
        Bug::CheckpointBeforeCommit,
        Bug::ExchangeTwice,
        Bug::TornCheckpoint,
        Bug::JournalGap,
        Bug::F32Drift,
        Bug::IdsForgotten,
        Bug::OffsetsOutside,
        Bug::ClosesAsTold,
        Bug::ClosesOutside,
        Bug::CreditsOutside,
        Bug::BlocksUnheard,
    ];
}

/// The mistakes of one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bugs(Option<Bug>);

impl Bugs {
    /// None.
    pub const NONE: Bugs = Bugs(None);

    /// One.
    #[cfg(feature = "planted-bugs")]
    pub const fn planted(bug: Bug) -> Bugs {
        Bugs(Some(bug))
    }

    /// Whether this one is switched on.
    #[inline]
    pub fn has(self, bug: Bug) -> bool {
        cfg!(feature = "planted-bugs") && self.0 == Some(bug)
    }
}
