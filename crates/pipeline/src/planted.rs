//! Faults of a worker's loop that tests switch on: it panics, or stands still. Without the feature `planted-bugs` none can
//! be, and the compiler removes their code.

#[cfg(feature = "planted-bugs")]
use std::time::Duration;

use influence::{Effects, Shard};

/// The variable that plants one into the workers of a whole process: `panic:1000` or `hang:1000`, after so many records.
#[cfg(feature = "planted-bugs")]
const VARIABLE: &str = "CLOUT_PLANTED_FAULT";

/// What happens in a step, once so many records have been stepped.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(feature = "planted-bugs"), expect(dead_code, reason = "no fault is planted"))]
pub(crate) struct Planted(Option<(Act, u64)>);

#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "planted-bugs"), expect(dead_code, reason = "no fault is planted"))]
enum Act {
    /// A panic that is told as every panic is.
    Panic,
    /// A panic that no hook hears of.
    Unwind,
    /// The step does not end.
    Hang,
}

impl Planted {
    /// What the environment says.
    pub(crate) fn of_environment() -> Planted {
        #[cfg(feature = "planted-bugs")]
        if let Ok(text) = std::env::var(VARIABLE) {
            let (act, records) = text.split_once(':').unwrap_or((&text, "0"));
            let act = if act == "hang" { Act::Hang } else { Act::Panic };
            return Planted(Some((act, records.parse().unwrap_or(0))));
        }
        Planted::default()
    }

    /// The next step panics, and no hook hears of it.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn unwind() -> Planted {
        Planted(Some((Act::Unwind, 0)))
    }

    /// A slice of so many records was stepped.
    #[inline]
    pub(crate) fn stepped(&mut self, records: impl FnOnce() -> u64) {
        #[cfg(feature = "planted-bugs")]
        if let Some((act, left)) = &mut self.0 {
            match (left.checked_sub(records()), *act) {
                (Some(rest), _) if rest > 0 => *left = rest,
                (_, Act::Panic) => panic!("a planted panic"),
                (_, Act::Unwind) => std::panic::resume_unwind(Box::new("a planted panic")),
                (_, Act::Hang) => loop {
                    std::thread::sleep(Duration::from_secs(1));
                },
            }
        }
        #[cfg(not(feature = "planted-bugs"))]
        let _ = (self, records);
    }
}

/// Sees what comes of slices that are done again, which nobody else does.
#[derive(Default)]
pub(crate) struct Watch(#[cfg(feature = "planted-bugs")] Option<Watching>);

#[cfg(feature = "planted-bugs")]
type Watching = Box<dyn FnMut(&Shard, &Effects) + Send>;

impl Watch {
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn new(watching: impl FnMut(&Shard, &Effects) + Send + 'static) -> Watch {
        Watch(Some(Box::new(watching)))
    }

    /// A slice was done again.
    #[inline]
    pub(crate) fn repeated(&mut self, shard: &Shard, effects: &Effects) {
        #[cfg(feature = "planted-bugs")]
        self.0.iter_mut().for_each(|watching| watching(shard, effects));
        #[cfg(not(feature = "planted-bugs"))]
        let _ = (self, shard, effects);
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}
