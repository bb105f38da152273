//! Readers of the stream, for the benchmark of the server: a process of their own, so that the server's memory is its own.
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What they ask for, in turn; the last never reads.
const KINDS: [(&str, &str); 4] = [
    ("of every change", "/v1/stream"),
    ("of changes by 5 points", "/v1/stream?min_change=5"),
    ("of three users", "/v1/stream?user=u000001&user=u000002&user=u000003"),
    ("asleep", "/v1/stream"),
];
/// As a browser does before it comes back.
const PAUSE: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct Count {
    readers: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
}

/// So many of them, until the server ends.
pub(crate) fn run(address: SocketAddr, readers: usize) -> Result<(), Box<dyn Error>> {
    let counts = KINDS.map(|_| Arc::new(Count::default()));
    let began = Instant::now();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut all = JoinSet::new();
        for (kind, count) in (0..KINDS.len()).zip(&counts).cycle().take(readers) {
            count.readers.fetch_add(1, Relaxed);
            all.spawn(come_back(address, kind, Arc::clone(count)));
        }
        while all.join_next().await.is_some() {}
    });
    let seconds = began.elapsed().as_secs_f64();
    println!("  readers                    events/s each    MB/s all    dropped");
    for ((name, _), count) in KINDS.iter().zip(&counts) {
        let number = |count: &AtomicU64| count.load(Relaxed) as f64;
        println!(
            "  {:4} {name:24} {:10.1}  {:10.1} {:10}",
            number(&count.readers),
            number(&count.events) / number(&count.readers) / seconds,
            number(&count.bytes) / seconds / 1e6,
            number(&count.dropped)
        );
    }
    Ok(())
}

async fn come_back(address: SocketAddr, kind: usize, count: Arc<Count>) {
    while let Ok(stream) = TcpStream::connect(address).await {
        let _ = read(stream, kind, &count).await;
        count.dropped.fetch_add(1, Relaxed);
        sleep(PAUSE).await;
    }
    // The server's end is no drop.
    count.dropped.fetch_sub(1, Relaxed);
}

/// Reads to the end.
async fn read(mut stream: TcpStream, kind: usize, count: &Count) -> std::io::Result<()> {
    let (name, path) = KINDS[kind];
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await?;
    if name == "asleep" {
        loop {
            sleep(PAUSE).await;
            // Whoever is cut notices when writing: what waits to be read is never taken.
            stream.write_all(b" ").await?;
        }
    }
    let mut buffer = vec![0; 64 << 10];
    loop {
        let len = stream.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        count.bytes.fetch_add(len as u64, Relaxed);
        let events = buffer[..len].windows(7).filter(|window| window == b"\nevent:").count();
        count.events.fetch_add(events as u64, Relaxed);
    }
}
