//! What goes wrong: faults are done to the run, and what only somebody from outside can heal is healed, if the error said
//! how.

use std::sync::Arc;

use pipeline::{AcceptedGap, Fatal, Settings, Worker};

use crate::broker::Topic;
use crate::judge;
use crate::log::CommitFault;
use crate::run::Simulation;
use crate::scenario::{Happens, Mishap, PanicPlace, Tear, Timed};

/// More often than this no run is healed from outside.
const FATALS_MAX: u64 = 100;

/// What was done that only an error can answer, and what undoes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// The records before an offset are gone.
    Begin { topic: Topic, shard: u16 },
    /// The records from an offset on are.
    End { topic: Topic, shard: u16 },
    /// A checkpoint is gone, or of no use.
    Checkpoint { shard: u16 },
    /// All are.
    Checkpoints { shard: u16 },
    /// A record is not there, or another one.
    Record { topic: Topic, shard: u16, offset: i64 },
    /// The group's offsets are others than the journal's.
    Offsets { shard: u16 },
    /// A worker has other settings.
    Settings { worker: usize },
}

impl Simulation<'_> {
    pub(crate) fn go_wrong(&mut self, timed: &Timed) {
        *self.verdict.faults.entry(timed.fault.name()).or_default() += 1;
        let now = self.now;
        match timed.fault {
            Mishap::Crash { worker, back_ms } => {
                let slot = &mut self.slots[worker];
                slot.hooks.borrow_mut().has_died = true;
                slot.worker = None;
                slot.back_at = now + back_ms;
            }
            Mishap::CrashInCommit { worker, moment, back_ms } => {
                self.slots[worker].hooks.borrow_mut().commit = Some(CommitFault::Crash(moment));
                self.slots[worker].dead_ms = back_ms;
            }
            Mishap::Ambiguous { worker, happens } => {
                self.slots[worker].hooks.borrow_mut().commit = Some(CommitFault::Lost(happens));
                if let Happens::Later { ms } = happens {
                    // Who comes back sooner fences the end off: sometimes it does, sometimes somebody else is waiting.
                    self.slots[worker].dead_ms = ms * (self.scenario.seed % 3) as i64;
                }
            }
            Mishap::Panic { worker, place, leaves, back_ms } => self.plant_panic(worker, place, leaves, back_ms),
            Mishap::Pause { worker, pause_ms } => self.slots[worker].paused_until = now + pause_ms,
            Mishap::Zombie { worker, pause_ms } => {
                self.slots[worker].paused_until = now + pause_ms;
                self.slots[worker].hooks.borrow_mut().is_deaf = true;
            }
            Mishap::Move { salt } => self.shared.broker.borrow_mut().shuffle(salt, false),
            Mishap::Seize { salt } => self.shared.broker.borrow_mut().shuffle(salt, true),
            Mishap::LogAway { away_ms } => self.shared.broker.borrow_mut().away_until = now + away_ms,
            Mishap::SmallLetters { small_ms } => self.shared.broker.borrow_mut().small_letters_until = now + small_ms,
            Mishap::Starve { shard, starve_ms } => {
                self.shared.starved.borrow_mut().insert(shard, now + starve_ms);
            }
            Mishap::StoreAway { away_ms } => self.store_away_until = now + away_ms,
            Mishap::StoreFull { full_ms } => self.store_full_until = now + full_ms,
            Mishap::Torn { shard, tear } => {
                if tear == Tear::Untold {
                    self.do_harm(Harm::Checkpoint { shard });
                }
                self.store.tear_next(shard, tear);
            }
            Mishap::Corrupt { shard } => self.corrupt(shard),
            Mishap::Rotten { shard } => self.rot(shard),
            Mishap::LoseNewest { shard } => {
                self.do_harm(Harm::Checkpoint { shard });
                self.store.list_shard(shard).first().into_iter().for_each(|path| self.store.lose(path));
            }
            Mishap::LoseAll { shard } => self.lose_checkpoints(shard),
            Mishap::Stale { shard } => self.put_stale(shard),
            Mishap::Old { shard } => self.put_old(shard),
            Mishap::Shorten { topic, shard } => self.shorten(topic, shard),
            Mishap::Outrun { topic, shard } => self.outrun(topic, shard),
            Mishap::Cut { topic, shard } => self.cut(topic, shard),
            Mishap::LoseJournal { shard } => self.lose_journal(shard),
            Mishap::PunchJournal { shard } => self.punch(shard),
            Mishap::Change { topic, shard } => self.change(topic, shard),
            Mishap::OtherEngine { shard } => self.change(Topic::Journal, shard),
            Mishap::ForgetOffsets { shard } => self.forget_offsets(shard),
            Mishap::MoveOffsets { shard } => self.move_offsets(shard),
            // A shard without a journal would take any settings.
            Mishap::OtherModel { .. } | Mishap::OtherWindow { .. } if !self.all_have_journals() => {}
            Mishap::OtherModel { worker } => self.change_settings(worker, |settings| settings.model.rho /= 2.0),
            Mishap::OtherWindow { worker } => self.change_settings(worker, |settings| {
                settings.dedup_window_ms = Some(settings.dedup_window_ms.map_or(1_000, |window_ms| window_ms + 1));
            }),
        }
    }

    fn plant_panic(&mut self, number: usize, place: PanicPlace, leaves: bool, back_ms: i64) {
        let slot = &mut self.slots[number];
        (slot.leaves, slot.dead_ms) = (leaves, back_ms);
        match place {
            PanicPlace::Step => slot.worker.iter_mut().for_each(Worker::plant_panic),
            PanicPlace::Commit(moment) => {
                let mut hooks = slot.hooks.borrow_mut();
                (hooks.commit, hooks.panics) = (Some(CommitFault::Crash(moment)), true);
            }
            // Whoever is the next to need the store.
            PanicPlace::Keeper => self.store.panic_next(true),
        }
    }

    fn do_harm(&mut self, harm: Harm) {
        self.harm.push(harm.clone());
        self.provoked.push(harm);
    }

    fn corrupt(&mut self, shard: u16) {
        self.do_harm(Harm::Checkpoint { shard });
        if let Some(path) = self.store.list_shard(shard).first() {
            let at = self.scenario.seed as usize;
            self.store.change(path, |bytes| {
                let place = at % bytes.len().max(1);
                bytes.iter_mut().skip(place).take(3).for_each(|byte| *byte ^= 0x5a);
            });
        }
    }

    /// Whatever the frame's own checksum says, what is in it is not what was written.
    fn rot(&mut self, shard: u16) {
        self.do_harm(Harm::Checkpoint { shard });
        let Some(path) = self.store.list_shard(shard).into_iter().next() else { return };
        let seed = self.scenario.seed as usize;
        self.store.change(&path, |bytes| {
            let Ok(mut whole) = zstd::decode_all(&bytes[..]) else { return };
            // Behind the header there are tables of numbers, and ids at the end.
            let place = match seed % 3 {
                0 => whole.len().saturating_sub(4),
                _ => (whole.len() / 3 + seed * 8) % whole.len().max(1),
            };
            whole.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1);
            if let Ok(packed) = zstd::encode_all(&whole[..], 1) {
                *bytes = packed;
            }
        });
    }

    fn lose_checkpoints(&mut self, shard: u16) {
        self.do_harm(Harm::Checkpoints { shard });
        self.store.list_shard(shard).iter().for_each(|path| self.store.lose(path));
    }

    /// A newer checkpoint of a shard, of an epoch that nobody has journaled.
    fn put_stale(&mut self, shard: u16) {
        if let Some(path) = self.store.list_shard(shard).first()
            && let Some((_, sequence, digest)) = crate::store::parse(path)
        {
            let other = format!("shard-{shard:05}/{:020}-{:016x}.checkpoint", sequence + 1, digest ^ 1);
            self.store.write(&other.into(), b"of another history".to_vec());
        }
    }

    /// The newest checkpoint of a shard is an older one, whatever its name says.
    fn put_old(&mut self, shard: u16) {
        if let [newest, old, ..] = &self.store.list_shard(shard)[..] {
            self.do_harm(Harm::Checkpoint { shard });
            let old = self.store.read(old);
            self.store.write(newest, old);
        }
    }

    fn all_have_journals(&self) -> bool {
        let broker = self.shared.broker.borrow();
        (0..self.scenario.shards).all(|shard| !broker.read(Topic::Journal, shard, 0, 1).0.is_empty())
    }

    /// Retention takes what a restore needs, and there is no checkpoint.
    fn shorten(&mut self, topic: Topic, shard: u16) {
        self.lose_checkpoints(shard);
        let mut broker = self.shared.broker.borrow_mut();
        let (was, ends) = broker.bounds(topic, shard);
        // The last record of a journal stays.
        let last = broker.read(topic, shard, 0, usize::MAX).0.last().map_or(0, |(offset, _)| *offset);
        let begins = if topic == Topic::Journal { last } else { ends };
        broker.set_begin(topic, shard, begins.max(was));
        drop(broker);
        self.do_harm(Harm::Begin { topic, shard });
        self.lose_owner(shard);
    }

    /// Retention takes what a worker has not even read yet.
    fn outrun(&mut self, topic: Topic, shard: u16) {
        let mut broker = self.shared.broker.borrow_mut();
        let (was, ends) = broker.bounds(topic, shard);
        broker.set_begin(topic, shard, ends.max(was));
        drop(broker);
        self.do_harm(Harm::Begin { topic, shard });
    }

    /// A topic ends before what was read of it, as one that was created anew does.
    fn cut(&mut self, topic: Topic, shard: u16) {
        let mut broker = self.shared.broker.borrow_mut();
        let Ok(Some(committed)) = broker.committed(topic, shard) else { return };
        broker.set_end(topic, shard, Some(committed / 2));
        drop(broker);
        self.do_harm(Harm::End { topic, shard });
        self.lose_owner(shard);
    }

    /// With its offsets as well, nothing would say that the shard has ever been.
    fn lose_journal(&mut self, shard: u16) {
        let mut broker = self.shared.broker.borrow_mut();
        if !matches!(broker.committed(Topic::Exchange, shard), Ok(Some(_))) {
            return;
        }
        let (_, ends) = broker.bounds(Topic::Journal, shard);
        broker.set_begin(Topic::Journal, shard, ends);
        drop(broker);
        self.lose_checkpoints(shard);
        self.do_harm(Harm::Begin { topic: Topic::Journal, shard });
        self.lose_owner(shard);
    }

    fn forget_offsets(&mut self, shard: u16) {
        if !self.harm.contains(&Harm::Begin { topic: Topic::Journal, shard }) {
            self.shared.broker.borrow_mut().forget_offsets(shard);
        }
    }

    fn punch(&mut self, shard: u16) {
        let broker = self.shared.broker.borrow();
        let (begins, _) = broker.bounds(Topic::Journal, shard);
        let (records, _) = broker.read(Topic::Journal, shard, begins, usize::MAX);
        let offsets: Vec<i64> = records.iter().map(|(offset, _)| *offset).collect();
        drop(broker);
        if let [_, .., middle, _] = offsets[..] {
            self.shared.broker.borrow_mut().take_out(Topic::Journal, shard, middle);
            self.do_harm(Harm::Record { topic: Topic::Journal, shard, offset: middle });
            self.lose_owner(shard);
        }
    }

    /// A record that was taken already becomes another one: in a journal the last, elsewhere any.
    fn change(&mut self, topic: Topic, shard: u16) {
        let broker = self.shared.broker.borrow();
        let taken = if topic == Topic::Journal { i64::MAX } else { judge::reached(&broker, topic, shard) };
        let (begins, _) = broker.bounds(topic, shard);
        let (records, _) = broker.read(topic, shard, begins, usize::MAX);
        let records: Vec<_> = records.into_iter().filter(|(offset, _)| *offset < taken).collect();
        let place = if topic == Topic::Journal {
            records.len()
        } else {
            self.scenario.seed as usize % records.len().max(1) + 1
        };
        let Some((offset, record)) = place.checked_sub(1).and_then(|place| records.get(place)) else { return };
        let (offset, changed) = (*offset, crate::log::changed(topic, record.value.as_deref().unwrap_or_default()));
        drop(broker);
        self.shared.broker.borrow_mut().replace(topic, shard, offset, changed);
        self.do_harm(Harm::Record { topic, shard, offset });
        // The two checkpoints that are kept would make up for it.
        self.lose_checkpoints(shard);
        self.lose_owner(shard);
    }

    fn move_offsets(&mut self, shard: u16) {
        let mut broker = self.shared.broker.borrow_mut();
        let topic = if self.scenario.seed.is_multiple_of(2) { Topic::Input(1) } else { Topic::Exchange };
        let Ok(Some(committed)) = broker.committed(topic, shard) else { return };
        broker.store_offset(topic, shard, committed + 1);
        drop(broker);
        self.do_harm(Harm::Offsets { shard });
        self.lose_owner(shard);
    }

    fn change_settings(&mut self, worker: usize, change: impl FnOnce(&mut Settings)) {
        let mut settings = Settings::clone(&self.settings);
        change(&mut settings);
        self.slots[worker].other = Some(Arc::new(settings));
        self.slots[worker].worker = None;
        self.do_harm(Harm::Settings { worker });
    }

    /// Whoever has the shard dies, so that somebody must restore it.
    fn lose_owner(&mut self, shard: u16) {
        let owner =
            self.shared.broker.borrow().owner(shard).and_then(|owner| self.shared.broker.borrow().worker(owner));
        if let Some(worker) = owner {
            self.slots[worker].worker = None;
        }
    }

    /// An error that nobody inside can heal: it must be one that was provoked, it must say where and what to do, and
    /// once its cause is undone everything goes on.
    pub(crate) fn heal(&mut self, number: usize, fatal: &Fatal) -> Result<(), String> {
        let text = fatal.to_string();
        if !self.is_provoked(number, fatal) {
            return Err(format!("worker {number} gave up for no reason: {text}"));
        }
        let (shard, offsets) = place(fatal);
        let names_shard = [format!("shard {shard} "), format!("shard {shard}:"), format!("[{shard}]")];
        let says_where = names_shard.iter().any(|name| text.contains(name)) && text.contains("offset");
        let says_which = offsets.iter().all(|offset| text.contains(&offset.to_string()));
        if !(says_where && says_which && text.contains("start under a new application id")) {
            return Err(format!("an error does not say where, or what to do: {text}"));
        }
        *self.verdict.errors.entry(name(fatal)).or_default() += 1;
        if self.verdict.errors.values().sum::<u64>() > FATALS_MAX {
            return Err(format!("what was undone does not heal it: {text}"));
        }
        // Sometimes what nobody has read is given up for good.
        match fatal {
            Fatal::Unread { missing } if (self.scenario.seed + missing.next as u64).is_multiple_of(2) => {
                self.accept(missing)
            }
            Fatal::OtherGap { missing, .. } => self.accept(missing),
            _ => self.undo(),
        }
        Ok(())
    }

    fn accept(&mut self, missing: &AcceptedGap) {
        let accepted = &mut Arc::make_mut(&mut self.settings).accepted_gaps;
        accepted.retain(|gap| (&gap.topic, gap.partition) != (&missing.topic, missing.partition));
        accepted.push(missing.clone());
        *self.verdict.errors.entry("gap-accepted").or_default() += 1;
    }

    fn is_provoked(&self, number: usize, fatal: &Fatal) -> bool {
        let was = |is: &dyn Fn(&Harm) -> bool| self.provoked.iter().any(is);
        let lost_records = |of: u16| was(&|harm| matches!(harm, Harm::Begin { shard, .. } if *shard == of));
        let other_record = |of: u16, is: fn(&Topic) -> bool| {
            was(&|harm| matches!(harm, Harm::Record { topic, shard, .. } if *shard == of && is(topic)))
        };
        match *fatal {
            Fatal::ModelChanged { .. } => was(&|harm| *harm == Harm::Settings { worker: number }),
            Fatal::JournalShortened { shard, .. } => lost_records(shard) || self.has_lost_checkpoints(shard),
            Fatal::JournalMissing { partition, .. } | Fatal::Expired { partition, .. } => {
                lost_records(partition) || self.has_lost_checkpoints(partition)
            }
            Fatal::Unread { ref missing } | Fatal::OtherGap { ref missing, .. } => lost_records(missing.partition),
            Fatal::Shortened { partition, .. } => {
                was(&|harm| matches!(harm, Harm::End { shard, .. } if *shard == partition))
            }
            Fatal::OffsetsDiffer { partition, .. } => was(&|harm| *harm == Harm::Offsets { shard: partition }),
            Fatal::JournalGap { shard, .. } | Fatal::EngineChanged { shard, .. } => {
                other_record(shard, |topic| *topic == Topic::Journal)
            }
            Fatal::SliceChanged { shard, .. } => other_record(shard, |topic| matches!(topic, Topic::Input(_))),
            Fatal::DigestDiffers { shard, .. } => other_record(shard, |topic| *topic == Topic::Exchange),
            _ => false,
        }
    }

    /// Two are kept, so that one may be lost.
    fn has_lost_checkpoints(&self, shard: u16) -> bool {
        let lost = |harm: &Harm| match harm {
            Harm::Checkpoints { shard: lost } if *lost == shard => 2,
            Harm::Checkpoint { shard: lost } if *lost == shard => 1,
            _ => 0,
        };
        self.provoked.iter().map(lost).sum::<usize>() >= 2
    }

    pub(crate) fn undo(&mut self) {
        let mut broker = self.shared.broker.borrow_mut();
        // Nobody has lost checkpoints, and what is harmed may be written later: everything is done again.
        for harm in &self.provoked {
            if let Harm::Checkpoint { shard } | Harm::Checkpoints { shard } = *harm {
                [Topic::Journal, Topic::Exchange].iter().for_each(|topic| broker.set_begin(*topic, shard, 0));
            }
        }
        for harm in self.harm.drain(..) {
            match harm {
                Harm::Begin { topic, shard } => broker.set_begin(topic, shard, 0),
                Harm::End { topic, shard } => broker.set_end(topic, shard, None),
                Harm::Checkpoint { .. } | Harm::Checkpoints { .. } => {}
                Harm::Record { topic, shard, offset } => broker.put_back(topic, shard, offset),
                Harm::Offsets { shard } => {
                    let last = judge::journal(&broker, shard).ok().and_then(|journal| journal.last().cloned());
                    for (topic, range) in last.iter().flat_map(judge::places) {
                        broker.store_offset(topic, shard, range.next);
                    }
                }
                Harm::Settings { worker } => self.slots[worker].other = None,
            }
        }
    }
}

/// The shard that an error is about, and the offsets it must name.
fn place(fatal: &Fatal) -> (u16, Vec<i64>) {
    match *fatal {
        Fatal::Expired { partition, begins, needed, .. } => (partition, vec![begins, needed]),
        Fatal::Unread { ref missing } | Fatal::OtherGap { ref missing, .. } => {
            (missing.partition, vec![missing.first, missing.next])
        }
        Fatal::Shortened { partition, ends, needed, .. } => (partition, vec![ends, needed]),
        Fatal::OffsetsDiffer { partition, committed, journal, .. } => (partition, vec![committed, journal]),
        Fatal::JournalMissing { partition, committed, .. } => (partition, vec![committed]),
        Fatal::Untidy { partition, delivered, expected, .. } => (partition, vec![delivered, expected]),
        Fatal::JournalShortened { shard, offset, .. }
        | Fatal::JournalGap { shard, offset, .. }
        | Fatal::ModelChanged { shard, offset, .. }
        | Fatal::EngineChanged { shard, offset, .. } => (shard, vec![offset]),
        Fatal::SliceChanged { shard, .. } | Fatal::DigestDiffers { shard, .. } => (shard, Vec::new()),
        _ => (u16::MAX, Vec::new()),
    }
}

fn name(fatal: &Fatal) -> &'static str {
    match fatal {
        Fatal::Expired { .. } => "expired",
        Fatal::Unread { .. } => "unread",
        Fatal::OtherGap { .. } => "other-gap",
        Fatal::Shortened { .. } => "shortened",
        Fatal::JournalShortened { .. } => "journal-shortened",
        Fatal::JournalGap { .. } => "journal-gap",
        Fatal::OffsetsDiffer { .. } => "offsets-differ",
        Fatal::JournalMissing { .. } => "journal-missing",
        Fatal::ModelChanged { .. } => "model-changed",
        Fatal::EngineChanged { .. } => "engine-changed",
        Fatal::SliceChanged { .. } => "slice-changed",
        Fatal::DigestDiffers { .. } => "digest-differs",
        _ => "other",
    }
}
