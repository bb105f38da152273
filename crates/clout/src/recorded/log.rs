//! The logs of one run: opened together, read one record after the other.

use std::io;
use std::path::PathBuf;

use vocabulary::Event;
use wire::{Encoding, EventReader, Layout, ProfileReader, ReadError};

use crate::interrupt::Interrupt;
use crate::recorded::Sink;
use crate::recorded::Stop;
use crate::recorded::gate::{Admitted, Gate};
use crate::recorded::input::{BytesRead, Head, Input, InputError};
use crate::recorded::merge::merge;
use crate::recorded::packing::{Packing, Trailing};
use crate::recorded::reading::ReadingArgs;
use crate::recorded::transcode::NOT_THE_TEXT;

/// All that is read, in the order of the command line.
pub(crate) struct Logs {
    profiles: Vec<ProfileLog>,
    events: Vec<EventLog>,
    /// What there is nothing of, and in which files.
    empty: Vec<String>,
    size_bytes: Option<u64>,
}

/// What is read, as the command line names it.
pub(crate) struct Files<'a> {
    pub(crate) files: &'a [PathBuf],
    pub(crate) profiles: &'a [PathBuf],
    /// How the files of events are written.
    pub(crate) reading: &'a ReadingArgs,
}

/// What was read of a file.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct FileRead {
    pub(crate) file: String,
    pub(crate) format: &'static str,
    pub(crate) packing: Option<String>,
    pub(crate) records: u64,
    /// Those of them that are understood.
    pub(crate) understood: u64,
    /// Unpacked.
    pub(crate) bytes: u64,
}

impl Logs {
    /// Opens everything before anything is read, so that a typing error costs no time.
    pub(crate) fn open(args: &Files<'_>, bytes_read: &BytesRead, interrupt: &Interrupt) -> Result<Logs, InputError> {
        let mut logs = Logs { profiles: Vec::new(), events: Vec::new(), empty: Vec::new(), size_bytes: Some(0) };
        for path in args.profiles {
            let input = Input::open(path, args.reading.text_encoding, bytes_read, interrupt)?;
            logs.size_bytes = add(logs.size_bytes, input.size_bytes);
            let name = input.name.clone();
            match ProfileLog::of(input)? {
                Some(log) => logs.profiles.push(log),
                None => logs.empty.push(format!("no profiles in {name}")),
            }
        }
        let reading = args.reading.reading();
        for path in args.files {
            let mut input = Input::open(path, args.reading.text_encoding, bytes_read, interrupt)?;
            logs.size_bytes = add(logs.size_bytes, input.size_bytes);
            match input.layout(args.reading.format, &reading)? {
                Some(layout) => logs.events.push(EventLog::of(input, layout)),
                None => logs.empty.push(format!("no events in {}", input.name)),
            }
        }
        Ok(logs)
    }

    /// Packed bytes of all, unless one is a pipe.
    pub(crate) fn size_bytes(&self) -> Option<u64> {
        self.size_bytes
    }

    /// What there is nothing of, in words.
    pub(crate) fn empty(&self) -> impl Iterator<Item = &str> {
        self.empty.iter().map(String::as_str)
    }

    /// Reads the profiles, then the events by their time.
    pub(crate) fn read(mut self, gate: &mut Gate, sink: &mut impl Sink, files: &mut Vec<FileRead>) -> Result<(), Stop> {
        for log in &self.events {
            log.layout.notes().iter().for_each(|note| gate.notes.guessed(&log.whence.name, note));
        }
        let read = self.read_profiles(gate, sink).and_then(|()| match &mut self.events[..] {
            [log] => log.read(gate, sink),
            logs => merge(logs, gate, sink),
        });
        for log in &self.events {
            let Whence { name, packing, trailing, .. } = &log.whence;
            gate.notes.read(name, log.reader.midnights(), &packing.to_string(), trailing.get());
        }
        files.extend(self.events.iter().map(EventLog::file_read));
        read
    }

    fn read_profiles(&mut self, gate: &mut Gate, sink: &mut impl Sink) -> Result<(), Stop> {
        self.profiles.iter_mut().try_for_each(|log| log.read(gate, sink))
    }
}

fn add(sum: Option<u64>, size: Option<u64>) -> Option<u64> {
    Some(sum? + size?)
}

/// One log of events.
pub(crate) struct EventLog {
    whence: Whence,
    layout: Layout,
    reader: EventReader<Head>,
    understood: u64,
}

/// What was next in a log.
pub(crate) enum Next<T> {
    Event(T),
    StaysOut,
    End,
}

/// What an error says of the place.
struct Whence {
    name: String,
    packing: Packing,
    trailing: Trailing,
    /// The last record's.
    line: u64,
}

impl EventLog {
    fn of(input: Input, layout: Layout) -> EventLog {
        let whence = Whence { name: input.name, packing: input.packing, trailing: input.trailing, line: 0 };
        let reader = EventReader::with_layout(input.read, &layout);
        EventLog { whence, layout, reader, understood: 0 }
    }

    /// Takes all of it: events are borrowed from the reader, nothing is copied on the way.
    fn read(&mut self, gate: &mut Gate, sink: &mut impl Sink) -> Result<(), Stop> {
        while !matches!(self.next(gate, |event| sink.event(event))?, Next::End) {}
        Ok(())
    }

    /// Reads one record and, if it is an event that may come in, does this with it.
    #[inline]
    pub(crate) fn next<T>(
        &mut self,
        gate: &mut Gate,
        take: impl FnOnce(&Event<'_>) -> Result<T, Stop>,
    ) -> Result<Next<T>, Stop> {
        gate.look()?;
        let record = match self.reader.next() {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Next::End),
            Err(error) => return Err(self.whence.stop(error, gate)),
        };
        self.whence.line = record.position.number;
        let admitted = gate.admit(&self.whence.name, record)?;
        self.understood += u64::from(matches!(admitted, Admitted::In(_) | Admitted::Left));
        match admitted {
            Admitted::In(event) => take(&event).map(Next::Event),
            Admitted::Left | Admitted::NoAct | Admitted::Bad => Ok(Next::StaysOut),
        }
    }

    fn file_read(&self) -> FileRead {
        FileRead {
            file: self.whence.name.clone(),
            format: self.layout.format().name(),
            packing: (self.whence.packing != Packing::Not).then(|| self.whence.packing.to_string()),
            records: self.reader.records(),
            understood: self.understood,
            bytes: self.reader.bytes(),
        }
    }
}

/// One file of profiles.
struct ProfileLog {
    whence: Whence,
    reader: ProfileReader<Head>,
}

impl ProfileLog {
    fn of(input: Input) -> Result<Option<ProfileLog>, InputError> {
        let encoding: Option<Encoding> = input.encoding()?;
        Ok(encoding.map(|encoding| ProfileLog {
            whence: Whence { name: input.name, packing: input.packing, trailing: input.trailing, line: 0 },
            reader: ProfileReader::new(input.read, encoding),
        }))
    }

    fn read(&mut self, gate: &mut Gate, sink: &mut impl Sink) -> Result<(), Stop> {
        loop {
            gate.look()?;
            let record = match self.reader.next() {
                Ok(Some(record)) => record,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.whence.stop(error, gate)),
            };
            self.whence.line = record.position.number;
            if let Admitted::In(profile) = gate.admit_profile(&self.whence.name, record)? {
                sink.profile(&profile)?;
            }
        }
    }
}

impl Whence {
    /// What a failed read means: the reading of a pipe fails when somebody presses Ctrl-C.
    #[cold]
    fn stop(&self, error: ReadError, gate: &Gate) -> Stop {
        if gate.watch.interrupt.is_asked() {
            return Stop::Interrupted;
        }
        Stop::Unreadable(Box::new(Unreadable {
            name: self.name.clone(),
            packing: self.packing,
            line: self.line,
            error,
        }))
    }
}

/// An input that breaks off or is corrupt.
#[derive(Debug)]
pub struct Unreadable {
    name: String,
    packing: Packing,
    line: u64,
    error: ReadError,
}

impl std::error::Error for Unreadable {}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.write(f)?;
        write!(f, "; the results are those of what was read until then")
    }
}

impl Unreadable {
    /// What is wrong, without what became of the results.
    pub(crate) fn what(&self) -> String {
        struct What<'a>(&'a Unreadable);
        impl std::fmt::Display for What<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.write(f)
            }
        }
        What(self).to_string()
    }

    fn write(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Unreadable { name, packing, line, error } = self;
        match error {
            ReadError::Io { bytes, source, .. } => {
                let what = match (packing, source.kind()) {
                    (Packing::Not, _) => "cannot be read on".to_owned(),
                    (packing, io::ErrorKind::UnexpectedEof) => {
                        format!("breaks off in the middle of the {packing} data")
                    }
                    (_, io::ErrorKind::InvalidData) if source.to_string().starts_with(NOT_THE_TEXT) => {
                        "cannot be read on".to_owned()
                    }
                    // zstd says so of its window, which its packer chose.
                    (packing, _) if source.to_string().to_lowercase().contains("allocation error") => {
                        format!("needs more memory than there is to unpack the {packing} data")
                    }
                    (packing, _) => format!("holds corrupt {packing} data"),
                };
                let unpacked = if *packing == Packing::Not { "" } else { " of what is unpacked" };
                write!(f, "{name} {what} after line {line}, byte {bytes}{unpacked} ({source})")?;
            }
            ReadError::Header { line, reason } => write!(f, "{name}:{line}: the header {reason}")?,
            error => write!(f, "{name}: {error}")?,
        }
        Ok(())
    }
}
