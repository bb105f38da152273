//! What commands that serve HTTP have in common on the command line.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serve::{ServeError, ServerOptions, Tokens, TokensError, is_host_name};

use crate::failure::Failure;

/// Who may ask, and how much.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct HttpArgs {
    /// Tokens, one a line: whoever asks has to send one of them, but for health
    #[arg(long, value_name = "FILE")]
    tokens_file: Option<PathBuf>,
    /// A name of this server, such as `scores.example.org`, without port; may be repeated. Requests for other names get 421.
    /// On a loopback address localhost, 127.0.0.1 and [::1] are known always
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    host: Vec<String>,
    /// Connections of one address at once, of IPv6 of one /64 [default: an eighth of all]. Behind a proxy all come from its
    /// address
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    peer_connections: Option<usize>,
    /// Streams of one address at once [default: an eighth of all]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    peer_streams: Option<usize>,
}

/// A name of this server on the command line.
pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let advice = "not a host name: it looks like scores.example.org or 192.0.2.1, without a port";
    if is_host_name(text) { Ok(text.to_owned()) } else { Err(advice.to_owned()) }
}

/// What a server that does not start is told as. Where the address is the reason, it comes with the way out: `any_port` is the
/// option that takes a free port.
pub(crate) fn not_started(error: ServeError, any_port: &str) -> Failure {
    let ServeError::Listen { listen, source } = error else { return error.into() };
    let advice = match source.kind() {
        ErrorKind::AddrInUse => format!(
            "another process listens there; name another port, or say `{any_port}`, which takes a free one and tells which"
        ),
        ErrorKind::AddrNotAvailable => {
            "this machine does not have the address; 127.0.0.1 is for this machine alone, 0.0.0.0 is all of its addresses"
                .to_owned()
        }
        ErrorKind::PermissionDenied if listen.port() < 1024 => {
            "ports below 1024 are for privileged users; name one from 1024 on".to_owned()
        }
        _ => return ServeError::Listen { listen, source }.into(),
    };
    Failure::Listen { listen, reason: source, advice }
}

/// The same for commands that have `--listen`.
pub(crate) fn not_listening(error: ServeError) -> Failure {
    let any_port = match &error {
        ServeError::Listen { listen, .. } => format!("--listen {}", SocketAddr::new(listen.ip(), 0)),
        _ => String::new(),
    };
    not_started(error, &any_port)
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| "not a whole number from 1".to_owned())
}

impl HttpArgs {
    /// How to serve at this address.
    pub(crate) fn options(&self, listen: SocketAddr) -> Result<ServerOptions, TokensError> {
        Ok(ServerOptions {
            listen,
            tokens: self.tokens_file.as_deref().map(Tokens::read).transpose()?,
            hosts: self.host.clone(),
            peer_connections_max: self.peer_connections,
            peer_streams_max: self.peer_streams,
            ..ServerOptions::default()
        })
    }
}
