//! The server: a listener, connections, and a good end. It has threads of its own, so that whoever starts it need not be
//! asynchronous.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use pipeline::{Fatal, Status, Supervisor, contain};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tower::ServiceExt;
use tracing::{debug, info, warn};

use crate::doors::{Bounds, Doors, Full, GUEST_HEAD_TIMEOUT, GUEST_STAY, Guests, Peer, Thing, Visitor};
use crate::host;
use crate::klout::Keys;
use crate::metrics::Counted;
use crate::routes::{self, App};
use crate::tokens::Tokens;
use crate::unstalled::Unstalled;
use crate::view::View;

/// How long a head of a request may take; a connection without one is idle, and closed then as well.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// What is read of a head at most.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long a reader may take nothing of what is written to it.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);
/// How long connections have for their end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(10);
/// Between two warnings that nobody more is let in.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// How often the stream shows what has changed.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// What is shown if it is not the real thing, but a log that passes faster.
#[derive(Clone, Debug)]
pub struct Demo {
    /// What it is, as a sentence begins: `A made-up town`.
    pub what: String,
    /// Seconds of it in a second.
    pub speed: f64,
    /// Whether it is at its end, and nothing moves any more.
    pub has_ended: Arc<AtomicBool>,
}

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Origins of pages that may ask, such as `https://example.org`; `*` lets all in.
    pub cors_origins: Vec<String>,
    /// Who may ask; everybody if there are none.
    pub tokens: Option<Tokens>,
    /// Names of this server, without ports. One that listens on this machine alone answers to these and its usual names,
    /// another one to these, or to all if there are none.
    pub hosts: Vec<String>,
    /// Connections at once; beyond that only health and metrics are answered. Fewer where fewer open files are allowed.
    pub connections_max: usize,
    /// Streams at once; half of the connections at most.
    pub streams_max: usize,
    /// Connections of one address at once, of IPv6 of one /64; an eighth of all unless given.
    pub peer_connections_max: Option<usize>,
    /// Streams of one address at once; an eighth of all unless given.
    pub peer_streams_max: Option<usize>,
    /// Said on the page and in the status, so that nobody takes it for real.
    pub demo: Option<Demo>,
    /// The keys of Klout's API; without them it is not there.
    pub klout: Option<Arc<Keys>>,
    /// How long a request may take to arrive and to be answered.
    pub request_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            cors_origins: Vec::new(),
            tokens: None,
            hosts: Vec::new(),
            connections_max: 8_192,
            streams_max: 2_048,
            peer_connections_max: None,
            peer_streams_max: None,
            demo: None,
            klout: None,
            request_timeout: Duration::from_secs(10),
        }
    }
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Nobody can listen there.
    #[error("cannot listen on {listen}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gives no threads.
    #[error("cannot start the server's threads")]
    Threads(#[source] io::Error),
    /// An origin is none.
    #[error("{0:?} is no origin: it looks like https://example.org, or *")]
    Origin(String),
    /// A host name is none.
    #[error("{0:?} is not a host name: it looks like scores.example.org or 192.0.2.1, without a port")]
    Host(String),
}

/// A server that is about to start.
#[derive(Debug)]
pub struct Server {
    view: Option<Arc<View>>,
    pipeline: Option<Arc<Status>>,
    counted: Option<Arc<Counted>>,
    supervisor: Supervisor,
    options: ServerOptions,
}

/// A server that runs. Dropping it ends it at once.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    ended: tokio::task::JoinHandle<()>,
    runtime: Runtime,
}

impl Server {
    /// A server that answers from a view.
    pub fn new(view: Arc<View>, options: ServerOptions) -> Server {
        Server { view: Some(view), pipeline: None, counted: None, supervisor: Supervisor::default(), options }
    }

    /// A server that tells only how a pipeline does: status, health, metrics.
    pub fn for_pipeline(status: Arc<Status>, options: ServerOptions) -> Server {
        Server { view: None, pipeline: Some(status), counted: None, supervisor: Supervisor::default(), options }
    }

    /// A server that tells only what was counted: health, metrics.
    pub fn for_route(counted: Arc<Counted>, options: ServerOptions) -> Server {
        Server { view: None, pipeline: None, counted: Some(counted), supervisor: Supervisor::default(), options }
    }

    /// Tells about the pipeline of this process as well.
    #[must_use]
    pub fn with_pipeline(mut self, status: Arc<Status>) -> Server {
        self.pipeline = Some(status);
        self
    }

    /// Health is what this one says, and hears of a server that ends by itself.
    #[must_use]
    pub fn watched_by(mut self, supervisor: &Supervisor) -> Server {
        self.supervisor = supervisor.clone();
        self
    }

    /// Listens, and serves from now on.
    pub fn start(self) -> Result<Running, ServeError> {
        self.check_origins()?;
        if let Some(name) = self.options.hosts.iter().find(|name| !host::is_name(name)) {
            return Err(ServeError::Host(name.clone()));
        }
        let bounds = Bounds::granted(&self.options);
        if bounds.connections() < self.options.connections_max {
            warn!(connections = bounds.connections(), "the system allows fewer open files than wanted");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("serve")
            .build()
            .map_err(ServeError::Threads)?;
        let listen = self.options.listen;
        let cannot = |source| ServeError::Listen { listen, source };
        let listener = runtime.block_on(TcpListener::bind(listen)).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (stop, stopped) = watch::channel(false);
        let ended = runtime.spawn(self.serve(listener, Doors::new(bounds), stopped));
        info!(%address, "serving");
        Ok(Running { address, stop, ended, runtime })
    }

    fn check_origins(&self) -> Result<(), ServeError> {
        let is_origin = |origin: &str| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            origin == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ']))
        };
        match self.options.cors_origins.iter().find(|origin| !is_origin(origin)) {
            Some(origin) => Err(ServeError::Origin(origin.clone())),
            None => Ok(()),
        }
    }

    async fn serve(self, listener: TcpListener, doors: Arc<Doors>, stop: watch::Receiver<bool>) {
        let Server { view, pipeline, counted, supervisor, options } = self;
        let mut app = App::new(view, pipeline, &options, Arc::clone(&doors), stop.clone());
        app.supervisor = supervisor.clone();
        app.counted = counted;
        let app = Arc::new(app);
        let router = routes::router(Arc::clone(&app), &options.cors_origins);
        let mut ticking = tokio::spawn(tick(app));
        let mut accepting = tokio::spawn(accept(listener, router, doors, stop.clone()));
        let (thread, ended) = tokio::select! {
            ended = &mut ticking => ("serve (changes)", ended),
            ended = &mut accepting => ("serve (connections)", ended),
        };
        ticking.abort();
        match ended {
            Err(error) if error.is_panic() => supervisor.fail(Fatal::panicked(thread, &*error.into_panic()).into()),
            _ if !*stop.borrow() => supervisor.fail(Fatal::Ended { thread: thread.to_owned() }.into()),
            _ => {}
        }
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new requests, ends the streams, waits for the answers that are under way, for ten seconds at most.
    pub fn stop(self) {
        self.stop.send_replace(true);
        if self.runtime.block_on(self.ended).is_err() {
            warn!("the server ended before it was told to");
        }
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

async fn tick(app: Arc<App>) {
    let mut ticks = interval(SHOW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        app.view.show_changes();
        app.metrics.tidy();
        if let Some(status) = &app.pipeline {
            app.rates.sample(status);
        }
    }
}

async fn accept(listener: TcpListener, router: Router, doors: Arc<Doors>, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let mut guests = Guests::new(doors.bounds().guests);
    let mut told_at = None;
    loop {
        let (stream, peer) = tokio::select! {
            next = next_connection(&listener) => next,
            _ = stop.changed() => break,
        };
        let pass = doors.enter(Thing::Connection, peer);
        let visitor = Visitor { peer, guest: pass.as_ref().err().copied() };
        let is_guest = pass.is_err();
        if let Some(full) = visitor.guest {
            if told_at.is_none_or(|at: Instant| at.elapsed() > TELL_EVERY) {
                told_at = Some(Instant::now());
                tell_full(full, peer);
            }
            guests.make_room().await;
        }
        let (head_timeout, stay) =
            if is_guest { (GUEST_HEAD_TIMEOUT, GUEST_STAY) } else { (HEAD_TIMEOUT, Duration::MAX) };
        let service = ServiceExt::<Request<Incoming>>::map_request(router.clone(), move |mut request: Request<_>| {
            request.extensions_mut().insert(visitor);
            request
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(head_timeout)
            .keep_alive(!is_guest)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(Unstalled::new(stream, WRITE_PATIENCE)), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        let task = tokio::spawn(async move {
            let mut connection = pin!(timeout(stay, connection));
            // A panic ends the connection that it is of, and nothing else; it is told where all panics are.
            let ended = poll_fn(|context| match contain(|| connection.as_mut().poll(context)) {
                Ok(polled) => polled.map(Some),
                Err(_) => Poll::Ready(None),
            });
            // Who hangs up, sends no HTTP, stalls or stays too long is cut: there is nobody to tell.
            if let Some(Ok(Err(error))) = ended.await {
                debug!(%error, "connection cut");
            }
            drop(pass);
        });
        if is_guest {
            guests.take(peer, task.abort_handle());
        }
    }
    drop(listener);
    if timeout(SHUTDOWN_PATIENCE, graceful.shutdown()).await.is_err() {
        warn!("connections were cut that did not end in time");
    }
}

fn tell_full(full: Full, peer: Peer) {
    match full {
        Full::All => warn!("there are as many connections as there may be: more get health and metrics only"),
        Full::Peer => warn!(
            %peer,
            "an address has as many connections as it may have: more get health and metrics only (--peer-connections)"
        ),
    }
}

async fn next_connection(listener: &TcpListener) -> (TcpStream, Peer) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Answers are written as a whole; small ones need not wait.
                let _ = stream.set_nodelay(true);
                return (stream, Peer::of(address.ip()));
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
