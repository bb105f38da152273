//! Reading what may keep us waiting, a pipe or a terminal, on a thread of its own, so that Ctrl-C ends the wait.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::interrupt::Interrupt;

/// What is read at once.
const PIECE_BYTES: usize = 256 << 10;
/// Pieces that are read ahead.
const PIECES_AHEAD: usize = 4;
/// How long Ctrl-C may go unnoticed.
const WAIT: Duration = Duration::from_millis(50);

/// The reading end of that thread.
pub(crate) struct PipeReader {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    given: usize,
    has_ended: bool,
    interrupt: Interrupt,
}

impl PipeReader {
    /// Begins to read. The thread ends with what it reads, or with the program.
    ///
    /// # Errors
    /// If the system has no room for a thread.
    pub(crate) fn start(mut read: impl Read + Send + 'static, interrupt: Interrupt) -> io::Result<PipeReader> {
        let (sender, pieces) = sync_channel(PIECES_AHEAD);
        let run = move || {
            loop {
                let piece = read_piece(&mut read);
                let is_last = !matches!(&piece, Ok(bytes) if !bytes.is_empty());
                if sender.send(piece).is_err() || is_last {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("pipe".into()).spawn(run)?;
        Ok(PipeReader { pieces, piece: Vec::new(), given: 0, has_ended: false, interrupt })
    }

    fn next_piece(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if self.interrupt.is_asked() {
                return Err(io::Error::other("interrupted"));
            }
            match self.pieces.recv_timeout(WAIT) {
                Ok(piece) => {
                    self.has_ended = !matches!(&piece, Ok(bytes) if !bytes.is_empty());
                    return piece;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if self.has_ended => return Ok(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("who reads it has ended")),
            }
        }
    }
}

/// What there is, without waiting for more; nothing at the end.
fn read_piece(read: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match read.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => {
                piece.truncate(result?);
                return Ok(piece);
            }
        }
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.piece.len() {
            (self.piece, self.given) = (self.next_piece()?, 0);
        }
        let bytes = (&self.piece[self.given..]).read(buffer)?;
        self.given += bytes;
        Ok(bytes)
    }
}
