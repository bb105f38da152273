//! What commands that serve HTTP have in common on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serve::{ServerOptions, Tokens, TokensError, is_host_name};

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
