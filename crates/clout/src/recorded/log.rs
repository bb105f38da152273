//! The logs of one run: opened together, read one record after the other.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding as TextEncoding;
use networks::Network;
use vocabulary::Event;
use wire::{Encoding, EventReader, Layout, ProfileReader, ReadError, Reading};

use crate::interrupt::Interrupt;
use crate::recorded::Sink;
use crate::recorded::Stop;
use crate::recorded::folder;
use crate::recorded::gate::{Admitted, Gate};
use crate::recorded::input::{BytesRead, Contents, Head, Input, InputError};
use crate::recorded::merge::merge;
use crate::recorded::messages::{MessageLog, Networks, site_of};
use crate::recorded::packing::{Packing, Trailing};
use crate::recorded::reading::{NetworkArgs, ReadingArgs};
use crate::recorded::transcode::NOT_THE_TEXT;

/// All that is read, in the order of the command line.
pub(crate) struct Logs {
    profiles: Vec<ProfileLog>,
    events: Vec<Log>,
    options: networks::Options,
    /// The site of Stack Exchange that is said.
    site: Option<String>,
    letters: Option<&'static TextEncoding>,
    bytes_read: BytesRead,
    interrupt: Interrupt,
    /// Files of events so far, as the system names them.
    named: BTreeSet<PathBuf>,
    /// Notes about files that are not read: they have no records, or were named before.
    passed: Vec<String>,
    size_bytes: Option<u64>,
}

/// What is read, as the command line names it.
pub(crate) struct Files<'a> {
    pub(crate) files: &'a [PathBuf],
    pub(crate) profiles: &'a [PathBuf],
    /// How the files of events are written.
    pub(crate) reading: &'a ReadingArgs,
    pub(crate) networks: &'a NetworkArgs,
}

/// How a file is opened, once more.
pub(crate) struct Opener<'a> {
    letters: Option<&'static TextEncoding>,
    bytes_read: &'a BytesRead,
    interrupt: &'a Interrupt,
}

impl Opener<'_> {
    pub(crate) fn open(&self, path: &Path) -> Result<Input, InputError> {
        Input::open(path, self.letters, self.bytes_read, self.interrupt)
    }
}

/// A log of events, in whatever form they are.
pub(crate) enum Log {
    Events(Box<EventLog>),
    Messages(Box<MessageLog>),
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
    /// The same, of which it is remembered what accounts say of each other, if so.
    pub(crate) fn hearing_kin(mut self, hears_kin: bool) -> Logs {
        self.options.hears_kin = hears_kin;
        self
    }

    /// Opens everything before anything is read, so that a typing error costs no time.
    pub(crate) fn open(args: &Files<'_>, bytes_read: &BytesRead, interrupt: &Interrupt) -> Result<Logs, InputError> {
        let mut logs = Logs {
            profiles: Vec::new(),
            events: Vec::new(),
            options: args.networks.options(),
            site: args.networks.site.clone(),
            letters: args.reading.text_encoding,
            bytes_read: bytes_read.clone(),
            interrupt: interrupt.clone(),
            named: BTreeSet::new(),
            passed: Vec::new(),
            size_bytes: Some(0),
        };
        for path in args.profiles {
            let input = Input::open(path, args.reading.text_encoding, bytes_read, interrupt)?;
            logs.size_bytes = add(logs.size_bytes, input.size_bytes);
            let name = input.name.clone();
            match ProfileLog::of(input)? {
                Some(log) => logs.profiles.push(log),
                None => logs.passed.push(format!("no profiles in {name}")),
            }
        }
        let reading = args.reading.reading();
        for path in args.files {
            match folder::files(path)? {
                None if logs.is_again(path) => {}
                None => logs.add(path, args.reading, &reading)?,
                Some(files) => logs.add_folder(path, &files, args.reading, &reading)?,
            }
        }
        logs.connect();
        Ok(logs)
    }

    fn add(&mut self, path: &Path, args: &ReadingArgs, reading: &Reading) -> Result<(), InputError> {
        let bytes_before = self.bytes_read.get();
        let mut input = Input::open(path, self.letters, &self.bytes_read, &self.interrupt)?;
        let size_bytes = input.size_bytes;
        match input.contents(args.format, reading)? {
            Contents::Nothing => self.passed.push(format!("no events in {}", input.name)),
            Contents::Events(layout) => self.events.push(Log::Events(Box::new(EventLog::of(input, *layout)))),
            Contents::Messages(recognised) => {
                let site = self.site.clone().or_else(|| site_of(path));
                let log = MessageLog::of(input, path, recognised, site);
                if log.is_closed() {
                    self.bytes_read.set(bytes_before);
                }
                self.events.push(Log::Messages(Box::new(log)));
            }
        }
        self.size_bytes = add(self.size_bytes, size_bytes);
        Ok(())
    }

    /// Takes the files of a folder. Those in no known format are told, and passed over.
    fn add_folder(
        &mut self,
        folder: &Path,
        files: &[PathBuf],
        args: &ReadingArgs,
        reading: &Reading,
    ) -> Result<(), InputError> {
        let (before, mut passed, mut has_again) = (self.events.len(), Vec::new(), false);
        for file in files {
            if self.is_again(file) {
                has_again = true;
                continue;
            }
            match self.add(file, args, reading) {
                Err(InputError::NoEvents { name, .. }) => passed.push(name),
                added => added?,
            }
        }
        if self.events.len() == before && !has_again {
            return Err(InputError::NoFile { path: folder.to_owned() });
        }
        self.passed.extend(folder::passed_over(folder, &passed));
        Ok(())
    }

    /// Returns true if the file was named before, under this or another name, and adds a note that it is not read again. Reading
    /// it twice would count every record twice.
    fn is_again(&mut self, path: &Path) -> bool {
        // A pipe is another one each time.
        let Some(real) = path.is_file().then(|| path.canonicalize().ok()).flatten() else { return false };
        let is_again = !self.named.insert(real);
        if is_again {
            self.passed.push(format!("{} was named before: it is read once", path.display()));
        }
        is_again
    }

    /// Says which networks are read: copies of their accounts on other networks are dropped then.
    fn connect(&mut self) {
        let mut networks: Vec<Network> = self.messages().flat_map(MessageLog::networks).copied().collect();
        networks.sort_unstable();
        networks.dedup();
        self.options.connected = networks;
    }

    /// Whether there are messages of networks, which may say something about accounts.
    pub(crate) fn has_messages(&self) -> bool {
        self.messages().next().is_some()
    }

    fn messages(&self) -> impl Iterator<Item = &MessageLog> {
        self.events.iter().filter_map(|log| match log {
            Log::Messages(log) => Some(&**log),
            Log::Events(_) => None,
        })
    }

    /// Packed bytes of all, unless one is a pipe.
    pub(crate) fn size_bytes(&self) -> Option<u64> {
        self.size_bytes
    }

    /// The notes about files that are not read.
    pub(crate) fn passed(&self) -> impl Iterator<Item = &str> {
        self.passed.iter().map(String::as_str)
    }

    /// Reads the profiles, then the events by their time.
    pub(crate) fn read(mut self, gate: &mut Gate, sink: &mut impl Sink, files: &mut Vec<FileRead>) -> Result<(), Stop> {
        for log in &self.events {
            if let Log::Events(log) = log {
                log.layout.notes().iter().for_each(|note| gate.notes.guessed(&log.whence.name, note));
            }
        }
        if self.has_messages() {
            gate.networks = Some(Box::new(Networks::new(std::mem::take(&mut self.options))));
        }
        let profiles_read = self.read_profiles(gate, sink);
        let opener = Opener { letters: self.letters, bytes_read: &self.bytes_read, interrupt: &self.interrupt };
        let read = profiles_read.and_then(|()| match &mut self.events[..] {
            [Log::Events(log)] => log.read(gate, sink),
            [Log::Messages(log)] => log.read(&opener, gate, sink),
            logs => merge(logs, &opener, gate, sink),
        });
        for log in &self.events {
            let (Whence { name, packing, trailing, .. }, midnights) = match log {
                Log::Events(log) => (&log.whence, log.reader.midnights()),
                Log::Messages(log) => (&log.whence, 0),
            };
            gate.notes.read(name, midnights, &packing.to_string(), trailing.get());
        }
        files.extend(self.events.iter().map(|log| match log {
            Log::Events(log) => log.file_read(),
            Log::Messages(log) => log.file_read(),
        }));
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
pub(crate) struct Whence {
    pub(crate) name: String,
    pub(crate) packing: Packing,
    trailing: Trailing,
    /// The last record's.
    pub(crate) line: u64,
}

impl EventLog {
    fn of(input: Input, layout: Layout) -> EventLog {
        let whence = Whence::of(&input);
        let reader = EventReader::with_layout(input.read, &layout);
        EventLog { whence, layout, reader, understood: 0 }
    }

    /// Takes all of it: events are borrowed from the reader, nothing is copied on the way.
    fn read(&mut self, gate: &mut Gate, sink: &mut impl Sink) -> Result<(), Stop> {
        while !matches!(self.next(gate, |event| sink.event(event, ""))?, Next::End) {}
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
            whence: Whence::of(&input),
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
    pub(crate) fn of(input: &Input) -> Whence {
        let Input { name, packing, trailing, .. } = input;
        Whence { name: name.clone(), packing: *packing, trailing: trailing.clone(), line: 0 }
    }

    /// What a failed read means: the reading of a pipe fails when somebody presses Ctrl-C.
    #[cold]
    pub(crate) fn stop(&self, error: ReadError, gate: &Gate) -> Stop {
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
        write!(f, "; what was read until then counts")
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
