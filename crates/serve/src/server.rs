//! The server: a listener, connections, and a good end. It has threads of its own, so that whoever starts it need not be
//! asynchronous.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use pipeline::Status;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};

use crate::descriptors;
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
/// How often the stream shows what has changed.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Origins of pages that may ask, such as `https://example.org`; `*` lets all in.
    pub cors_origins: Vec<String>,
    /// Who may ask; everybody if there are none.
    pub tokens: Option<Tokens>,
    /// Connections at once; more have to wait.
    pub connections_max: usize,
    /// Streams at once.
    pub streams_max: usize,
    /// How long a request may take to arrive and to be answered.
    pub request_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            cors_origins: Vec::new(),
            tokens: None,
            connections_max: 8_192,
            streams_max: 2_048,
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
}

/// A server that is about to start.
#[derive(Debug)]
pub struct Server {
    view: Option<Arc<View>>,
    pipeline: Option<Arc<Status>>,
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
        Server { view: Some(view), pipeline: None, options }
    }

    /// A server that tells only how a pipeline does: status, health, metrics.
    pub fn for_pipeline(status: Arc<Status>, options: ServerOptions) -> Server {
        Server { view: None, pipeline: Some(status), options }
    }

    /// Tells about the pipeline of this process as well.
    #[must_use]
    pub fn with_pipeline(mut self, status: Arc<Status>) -> Server {
        self.pipeline = Some(status);
        self
    }

    /// Listens, and serves from now on.
    pub fn start(mut self) -> Result<Running, ServeError> {
        self.check_origins()?;
        let wanted = self.options.connections_max;
        self.options.connections_max = descriptors::connections(wanted);
        if self.options.connections_max < wanted {
            warn!(connections = self.options.connections_max, "the system allows fewer open files than wanted");
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
        let ended = runtime.spawn(self.serve(listener, stopped));
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

    async fn serve(self, listener: TcpListener, stop: watch::Receiver<bool>) {
        let Server { view, pipeline, options } = self;
        let connections = Arc::new(Semaphore::new(options.connections_max));
        let app = Arc::new(App::new(view, pipeline, &options, Arc::clone(&connections), stop.clone()));
        let router = routes::router(Arc::clone(&app), &options.cors_origins);
        let ticking = tokio::spawn(tick(app));
        accept(listener, router, connections, stop).await;
        ticking.abort();
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
    }
}

async fn accept(listener: TcpListener, router: Router, connections: Arc<Semaphore>, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            let permit = Arc::clone(&connections).acquire_owned().await.ok()?;
            Some((permit, next_connection(&listener).await))
        };
        let (permit, stream) = tokio::select! {
            Some(next) = next => next,
            _ = stop.changed() => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(Unstalled::new(stream, WRITE_PATIENCE)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // Who hangs up, sends no HTTP or stalls is cut: there is nobody to tell.
            if let Err(error) = connection.await {
                debug!(%error, "connection cut");
            }
            drop(permit);
        });
    }
    drop(listener);
    if timeout(SHUTDOWN_PATIENCE, graceful.shutdown()).await.is_err() {
        warn!("connections were cut that did not end in time");
    }
}

async fn next_connection(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written as a whole; small ones need not wait.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
