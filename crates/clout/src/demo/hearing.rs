//! A reader of networks' messages for demos: it gives acts, what becomes of accounts, and what they are called.

use networks::{Reader, Source};
use wire::Names;

use crate::recorded::messages::Findings;
use crate::recorded::naming::{Naming, Said};
use crate::route::messages::Gone;

/// A reader of messages, with all that it has to remember.
pub(crate) struct Hearing {
    pub(crate) reader: Reader,
    pub(crate) source: Source,
    naming: Naming,
    gone: Gone,
    /// The findings since it was last cleared.
    pub(crate) findings: Findings,
    /// The names of accounts that were told since it was last taken.
    pub(crate) said: Vec<Said>,
}

impl Hearing {
    pub(crate) fn new(reader: Reader, source: Source) -> Hearing {
        let (naming, gone) = (Naming::default(), Gone::default());
        Hearing { reader, source, naming, gone, findings: Findings::default(), said: Vec::new() }
    }

    /// Reads a message, and adds what it says.
    pub(crate) fn hear(&mut self, message: &[u8]) {
        let Hearing { reader, source, naming, gone, findings, said } = self;
        let names = Names::default();
        reader.read(source, message, &mut |found| {
            naming.hear(&found, &names, Some(said));
            findings.take(&found, |profile| gone.learn(profile, &names));
        });
    }
}
