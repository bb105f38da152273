//! What commands that serve HTTP have in common on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serve::{ServerOptions, Tokens, TokensError};

/// Who may ask, and how much.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct HttpArgs {
    /// Tokens, one a line: whoever asks has to send one of them, but for health
    #[arg(long, value_name = "FILE")]
    tokens_file: Option<PathBuf>,
    /// A name of this server, such as `scores.example.org`, without port; may be repeated. Requests for other names get 421.
    /// On a loopback address localhost, 127.0.0.1 and [::1] are known always
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Connections of one address at once, of IPv6 of one /64 [default: an eighth of all]. Behind a proxy all come from its
    /// address
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    peer_connections: Option<usize>,
    /// Streams of one address at once [default: an eighth of all]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    peer_streams: Option<usize>,
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
