//! A Jetstream of the test's own: it sends lines from where it is asked to, and does all that real ones do to their clients.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, Utf8Bytes};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept_hdr};

/// What it does to those who ask.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// The time between two lines.
    pub(crate) pause: Duration,
    /// After this number of lines a connection ends, without a word; 0 is never.
    pub(crate) ends_after: usize,
    /// So many who come after that are sent away.
    pub(crate) is_out_for: usize,
    /// Whether it goes further back than it is asked to, each second time.
    pub(crate) goes_back: bool,
    /// Whether lines come in frames, and frames in pieces, with pings between them, each fifth line twice, and each seventh packed.
    pub(crate) is_torn: bool,
}

/// A server; it ends with the test's process.
pub(crate) struct Jetstream {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
    pongs: Arc<AtomicUsize>,
}

impl Jetstream {
    pub(crate) fn start(lines: Vec<String>, manners: Manners) -> Jetstream {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (asked, pongs) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicUsize>::default());
        let server = Server { lines: lines.into(), manners, asked: Arc::clone(&asked), pongs: Arc::clone(&pongs) };
        thread::spawn(move || {
            let mut sent_away = 0;
            for (number, stream) in listener.incoming().flatten().enumerate() {
                if manners.ends_after > 0 && number > 0 && sent_away < manners.is_out_for {
                    sent_away += 1;
                    continue;
                }
                let server = server.clone();
                thread::spawn(move || server.serve(stream, number));
            }
        });
        Jetstream { address, asked, pongs }
    }

    /// The address that a client is given: from the beginning on, where it knows no position.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/subscribe?cursor=0", self.address)
    }

    /// What was asked for, by each who came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a lock").clone()
    }

    pub(crate) fn pongs(&self) -> usize {
        self.pongs.load(SeqCst)
    }
}

#[derive(Clone)]
struct Server {
    lines: Arc<[String]>,
    manners: Manners,
    asked: Arc<Mutex<Vec<String>>>,
    pongs: Arc<AtomicUsize>,
}

impl Server {
    fn serve(&self, stream: TcpStream, number: usize) {
        let mut query = String::new();
        #[expect(clippy::result_large_err, reason = "the library wants it so")]
        let note = |request: &Request, response: Response| {
            query = request.uri().query().unwrap_or_default().to_owned();
            let agent = request.headers().get("user-agent").and_then(|agent| agent.to_str().ok());
            let asked = format!("{} {query}", agent.unwrap_or_default());
            self.asked.lock().expect("a lock").push(asked);
            Ok(response)
        };
        stream.set_nodelay(true).expect("a socket");
        let torn = Torn { stream: stream.try_clone().expect("a socket"), is_torn: self.manners.is_torn };
        let Ok(mut socket) = accept_hdr(torn, note) else { return };
        let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor=")?.parse().ok());
        let back = if self.manners.goes_back && number % 2 == 1 { 36 * 3_600_000_000 } else { 0 };
        let from = cursor.map_or(i64::MAX, |cursor: i64| cursor.saturating_sub(back));
        let _ = self.send(&mut socket, from);
        // Whoever has heard everything stays, until he goes.
        let mut rest = stream;
        let is_over = self.manners.ends_after > 0 && number == 0;
        while !is_over && rest.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
    }

    fn send(&self, socket: &mut WebSocket<Torn>, from: i64) -> Result<(), Box<dyn std::error::Error>> {
        let ends_after = if self.manners.ends_after > 0 { self.manners.ends_after } else { usize::MAX };
        let is_first = self.asked.lock().expect("a lock").len() == 1;
        for (number, line) in self.lines.iter().filter(|line| time(line) >= from).enumerate() {
            if is_first && number >= ends_after {
                return Err("it ends".into());
            }
            self.say(socket, line, number)?;
            if self.manners.is_torn && number % 5 == 4 {
                self.say(socket, line, number)?;
            }
            if !self.manners.pause.is_zero() {
                thread::sleep(self.manners.pause);
            }
        }
        Ok(())
    }

    fn say(&self, socket: &mut WebSocket<Torn>, line: &str, number: usize) -> Result<(), Box<dyn std::error::Error>> {
        if !self.manners.is_torn {
            return Ok(socket.send(Message::Text(Utf8Bytes::from(line)))?);
        }
        if number % 7 == 3 {
            return Ok(socket.send(Message::Binary(zstd::stream::encode_all(line.as_bytes(), 3)?.into()))?);
        }
        let half = (0..=line.len() / 2).rev().find(|&half| line.is_char_boundary(half)).unwrap_or(0);
        let (first, second) = line.as_bytes().split_at(half);
        let part =
            |bytes: &[u8], kind, is_final| Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(kind), is_final));
        socket.send(part(first, Data::Text, false))?;
        if number.is_multiple_of(40) {
            socket.send(Message::Ping("are you there".into()))?;
        }
        socket.send(part(second, Data::Continue, true))?;
        if number.is_multiple_of(40) && matches!(socket.read(), Ok(Message::Pong(_))) {
            self.pongs.fetch_add(1, SeqCst);
        }
        Ok(())
    }
}

/// The time of a line.
pub(crate) fn time(line: &str) -> i64 {
    let micros = line.split_once("\"time_us\":").map_or("", |(_, rest)| rest);
    micros.split(|c: char| !c.is_ascii_digit()).next().and_then(|micros| micros.parse().ok()).unwrap_or(0)
}

/// Writes in small pieces, each on its own way.
struct Torn {
    stream: TcpStream,
    is_torn: bool,
}

impl Read for Torn {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.read(bytes)
    }
}

impl Write for Torn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = if self.is_torn { 97 } else { bytes.len() };
        self.stream.write(&bytes[..bytes.len().min(most)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
