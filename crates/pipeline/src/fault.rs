//! What can go wrong, by what to do next.

use std::any::Any;

use crate::settings::AcceptedGap;
use crate::supervisor::panic_text;

/// Why a worker cannot go on. Its state is dropped in any case.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A new worker will do: rebuild the clients, restore, go on.
    #[error("{0}; the worker starts anew from what is committed")]
    Broken(String),
    /// Somebody has to do something first.
    #[error(transparent)]
    Fatal(#[from] Box<Fatal>),
}

impl Fault {
    /// Whoever finds records missing while it reads on may have lost the shard to somebody who does not need them any
    /// more: whether they are missing indeed, only a restore can tell.
    pub(crate) fn unless_lost(self) -> Fault {
        match self {
            Fault::Fatal(fatal) if matches!(*fatal, Fatal::Expired { .. } | Fatal::Shortened { .. }) => {
                Fault::Broken(fatal.to_string())
            }
            fault => fault,
        }
    }
}

impl Fatal {
    /// What a panic of a thread is.
    pub fn panicked(thread: &str, panic: &(dyn Any + Send)) -> Fatal {
        Fatal::Panicked { thread: thread.to_owned(), message: panic_text(panic).to_owned() }
    }
}

impl From<Fatal> for Fault {
    fn from(fatal: Fatal) -> Fault {
        Fault::Fatal(Box::new(fatal))
    }
}

/// What no retry heals. Nothing is lost: all that was committed stays, and so does the input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fatal {
    /// Records that are still needed are gone.
    #[error(
        "{topic}[{partition}] begins at offset {begins}, and shard {partition} needs it from {needed}: its retention is \
         too short for the time it was down; put a checkpoint back that ends at {begins} or later, or start under a new \
         application id"
    )]
    Expired {
        /// The topic.
        topic: String,
        /// The partition, and the shard.
        partition: u16,
        /// The first offset that there is.
        begins: i64,
        /// The first offset that is needed.
        needed: i64,
    },
    /// Records that nobody has read are gone.
    #[error(
        "{}[{}] begins at offset {}, and shard {} has read it to {}: records were deleted before they were read, as its \
         retention is too short for the time it was down, or producers give records an old time (CreateTime) by which \
         they expire at once; pass over them for good with `--accept-gap {missing}`, put a checkpoint back that ends at {} \
         or later, or start under a new application id",
        missing.topic, missing.partition, missing.next, missing.partition, missing.first, missing.next
    )]
    Unread {
        /// What is gone.
        missing: AcceptedGap,
    },
    /// Other records are gone than somebody accepted.
    #[error(
        "--accept-gap {accepted} is not what is missing: {}[{}] begins at offset {}, and shard {} has read it to {}; to pass \
         over these records for good, say `--accept-gap {missing}`, or start under a new application id",
        missing.topic, missing.partition, missing.next, missing.partition, missing.first
    )]
    OtherGap {
        /// What was accepted.
        accepted: AcceptedGap,
        /// What is gone.
        missing: AcceptedGap,
    },
    /// The topic is shorter than what was read of it.
    #[error(
        "{topic}[{partition}] ends at offset {ends}, and was read to {needed} before: it was created anew or has lost \
         records; put it back, or start under a new application id"
    )]
    Shortened {
        /// The topic.
        topic: String,
        /// The partition, and the shard.
        partition: u16,
        /// The offset behind the last record.
        ends: i64,
        /// The offset that is needed.
        needed: i64,
    },
    /// Neither a checkpoint nor the journal's beginning is there.
    #[error(
        "the journal of shard {shard} begins at sequence {begins} (offset {offset}), and no checkpoint reaches it ({found}{kept}): \
         put one back for sequence {begins} to {ends}, or start under a new application id; processes of several hosts need one \
         checkpoints.place that all of them see"
    )]
    JournalShortened {
        /// The shard.
        shard: u16,
        /// The first sequence that there is.
        begins: u64,
        /// Its record's offset.
        offset: i64,
        /// The last sequence.
        ends: u64,
        /// What checkpoints there are.
        found: String,
        /// Where they were, if it is known.
        kept: String,
    },
    /// A journal record does not go on where the one before it ended.
    #[error(
        "the journal of shard {shard} has a gap before sequence {sequence} (offset {offset}): {what}; its records were \
         changed by something else than this program: put the topic back, or start under a new application id"
    )]
    JournalGap {
        /// The shard.
        shard: u16,
        /// The record.
        sequence: u64,
        /// Its offset.
        offset: i64,
        /// What does not fit.
        what: String,
    },
    /// The offsets that were committed with the journal say something else.
    #[error(
        "{topic}[{partition}] is committed to offset {committed}, and the journal of shard {partition} (sequence \
         {sequence}) says {journal}: the group's offsets were changed from outside; set them back to the journal's, or \
         start under a new application id"
    )]
    OffsetsDiffer {
        /// The topic.
        topic: String,
        /// The partition, and the shard.
        partition: u16,
        /// The last sequence.
        sequence: u64,
        /// What the group says.
        committed: i64,
        /// What the journal says.
        journal: i64,
    },
    /// Offsets without a journal.
    #[error(
        "{topic}[{partition}] is committed to offset {committed}, but shard {partition} has no journal: the journal \
         topic was deleted or created anew; put it back, or start under a new application id"
    )]
    JournalMissing {
        /// The topic.
        topic: String,
        /// The partition, and the shard.
        partition: u16,
        /// What the group says.
        committed: i64,
    },
    /// Other parameters.
    #[error(
        "shard {shard} was made with other settings: {changed} (journal sequence {sequence}, offset {offset}); parameters of the \
         model, partitions, inputs, the clock and the window for repeated ids never change under one application id; \
         set them back, or start under a new application id"
    )]
    ModelChanged {
        /// The shard.
        shard: u16,
        /// The last sequence.
        sequence: u64,
        /// Its record's offset.
        offset: i64,
        /// Which one, and what it was.
        changed: String,
    },
    /// Other bits, and no checkpoint to go on from.
    #[error(
        "the journal of shard {shard} ends at sequence {sequence} (offset {offset}), made by engine revision {made_by}; \
         this is revision {revision} and can only go on from a checkpoint of that sequence: stop the old version in \
         good order once, it writes one, or start under a new application id"
    )]
    EngineChanged {
        /// The shard.
        shard: u16,
        /// The last sequence.
        sequence: u64,
        /// Its record's offset.
        offset: i64,
        /// The revision of the journal's records.
        made_by: u32,
        /// Our revision.
        revision: u32,
    },
    /// The records of a slice are not those it was made of.
    #[error(
        "shard {shard}: the records of the slice of sequence {sequence} ({ranges}) are not those it was made of: an \
         input was changed, or its encoding in the configuration; put it back (another encoding can be read after a stop in \
         good order, which writes checkpoints), or start under a new application id"
    )]
    SliceChanged {
        /// The shard.
        shard: u16,
        /// Whose slice.
        sequence: u64,
        /// The slice's offsets.
        ranges: String,
    },
    /// The same slice has given something else.
    #[error(
        "shard {shard}: doing the slice of sequence {sequence} ({ranges}) again gave another state (digest {digest:016x}, \
         the journal says {journal:016x}): the exchange was changed, or this program or this machine computes \
         differently; put the exchange back, use the program that wrote the journal and report this, or start under a \
         new application id"
    )]
    DigestDiffers {
        /// The shard.
        shard: u16,
        /// Whose slice.
        sequence: u64,
        /// The slice's offsets.
        ranges: String,
        /// What came out.
        digest: u64,
        /// What it should have been.
        journal: u64,
    },
    /// A log has delivered what it must not.
    #[error(
        "{topic}[{partition}] was delivered from offset {delivered} where {expected} was due: records are missing or \
         come twice; check the topic, then start again, or start under a new application id"
    )]
    Untidy {
        /// The topic.
        topic: String,
        /// The partition, and the shard.
        partition: u16,
        /// What came.
        delivered: i64,
        /// What was due.
        expected: i64,
    },
    /// A property of the clients is wrong.
    #[error("{what}: the property {name} is not accepted: {reason}")]
    Property {
        /// What cannot be done with it.
        what: String,
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The system has no room for another thread.
    #[error("no room for the thread {thread}: {reason}")]
    Thread {
        /// Its name.
        thread: String,
        /// What the system says.
        reason: String,
    },
    /// A thread of this process has panicked.
    #[error(
        "the thread {thread} panicked: {message}; this is a fault of the program: please report it with what it told. \
         Nothing that was committed is lost"
    )]
    Panicked {
        /// Its name.
        thread: String,
        /// The words of the panic.
        message: String,
    },
    /// A thread of this process has ended although nobody asked for that.
    #[error(
        "the thread {thread} has ended by itself; this is a fault of the program: please report it with what it told. \
         Nothing that was committed is lost"
    )]
    Ended {
        /// Its name.
        thread: String,
    },
    /// What only the log itself knows of.
    #[error("{0}")]
    Log(String),
}
