//! The networks that can be read live, and what each needs to be told.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use connect::{Endpoint, Part, Token};
use networks::Network;
use vocabulary::Timestamp;

use crate::connect::micros;
use crate::exit::ExitCode;

const BLUESKY: &str = "wss://jetstream2.us-east.bsky.network/subscribe";
const GITHUB: &str = "https://api.github.com";

/// A network with a live stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LiveNetwork {
    /// Bluesky's Jetstream
    Bluesky,
    /// The public stream of a Mastodon server
    Mastodon,
    /// GitHub's public events
    #[value(name = "github")]
    GitHub,
}

/// Where the stream is, and who reads it.
#[derive(Args, Clone, Debug)]
pub(crate) struct LiveArgs {
    /// The server: wss:// of a Jetstream, https:// of a Mastodon server or of GitHub's API [default: a public one of Bluesky and of
    /// GitHub]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The token of an account there: Mastodon wants one, GitHub allows more with one
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Of Mastodon only what is written on this server
    #[arg(long = "local")]
    pub(crate) is_local: bool,
    /// Of Mastodon, in place of the public stream, what this account is notified of: likes, boosts, follows and mentions; its token has
    /// the scope read:notifications. As in --notifications-of https://example.com/users/ana
    #[arg(long = "notifications-of", value_name = "ACCOUNT", conflicts_with = "is_local")]
    pub(crate) notifications_of: Option<String>,
}

/// Why a network is not read live, or not any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The server is not named.
    #[error("{0} is many servers: name one, as in --url https://example.com")]
    NoServer(&'static str),
    /// A token is needed.
    #[error("{0} shows its public stream to accounts alone: give the token of one, as in --token-file token.txt")]
    NoToken(&'static str),
    /// An account is named otherwise than it is scored.
    #[error("{0} is no account of a server: name it as in --notifications-of https://example.com/users/ana")]
    NotAnAccount(String),
    /// An option is not for this network.
    #[error("{option} is not for {network}")]
    NotFor {
        /// The option.
        option: &'static str,
        /// The network.
        network: &'static str,
    },
    /// An option of a network is given, and no network.
    #[error("{0} is for a network: say which, as in --connect bluesky")]
    NoNetwork(&'static str),
    /// The file of the token cannot be read.
    #[error("the token cannot be read from {}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file does not hold a token.
    #[error("{} does not hold a token: it is one word, on one line", .0.display())]
    NotAToken(PathBuf),
    /// The system has no room for a thread.
    #[error("cannot start a thread")]
    Threads(#[source] std::io::Error),
    /// The stream cannot be read.
    #[error(transparent)]
    Stream(#[from] connect::ConnectError),
}

impl LiveError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            LiveError::Stream(error) if error.was_connected => ExitCode::Stopped,
            LiveError::Stream(error) if error.is_unreachable => ExitCode::Unreachable,
            LiveError::Threads(_) => ExitCode::System,
            _ => ExitCode::Nothing,
        }
    }
}

impl LiveNetwork {
    pub(crate) fn network(self) -> Network {
        match self {
            LiveNetwork::Bluesky => Network::Bluesky,
            LiveNetwork::Mastodon => Network::Mastodon,
            LiveNetwork::GitHub => Network::GitHub,
        }
    }

    /// The position in a stream at a time, where a stream can be asked for one.
    pub(crate) fn position_at(self, at: Timestamp) -> Option<String> {
        (self == LiveNetwork::Bluesky).then(|| micros(at).to_string())
    }
}

impl LiveArgs {
    /// The stream to be followed.
    pub(crate) fn endpoint(&self, network: LiveNetwork) -> Result<Endpoint, LiveError> {
        let title = network.network().title();
        let refuse = |option, is_given: bool| match is_given {
            true => Err(LiveError::NotFor { option, network: title }),
            false => Ok(()),
        };
        refuse("--local", self.is_local && network != LiveNetwork::Mastodon)?;
        refuse("--token-file", self.token_file.is_some() && network == LiveNetwork::Bluesky)?;
        refuse("--notifications-of", self.notifications_of.is_some() && network != LiveNetwork::Mastodon)?;
        if let Some(owner) = self
            .notifications_of
            .as_ref()
            .filter(|owner| !owner.starts_with("https://") && !owner.starts_with("http://"))
        {
            return Err(LiveError::NotAnAccount(owner.clone()));
        }
        let url = |default: &str| self.url.clone().unwrap_or_else(|| default.to_owned());
        Ok(match network {
            LiveNetwork::Bluesky => Endpoint::Jetstream { url: url(BLUESKY) },
            LiveNetwork::GitHub => Endpoint::GitHub { url: url(GITHUB), token: self.token()? },
            LiveNetwork::Mastodon => Endpoint::Mastodon {
                url: self.url.clone().ok_or(LiveError::NoServer(title))?,
                token: self.token()?.ok_or(LiveError::NoToken(title))?,
                part: match (&self.notifications_of, self.is_local) {
                    (Some(_), _) => Part::Notifications,
                    (None, true) => Part::Local,
                    (None, false) => Part::Public,
                },
            },
        })
    }

    /// Refuses what only a network needs.
    pub(crate) fn check_unused(&self) -> Result<(), LiveError> {
        let options = [
            ("--url", self.url.is_some()),
            ("--token-file", self.token_file.is_some()),
            ("--local", self.is_local),
            ("--notifications-of", self.notifications_of.is_some()),
        ];
        match options.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => Err(LiveError::NoNetwork(option)),
            None => Ok(()),
        }
    }

    fn token(&self) -> Result<Option<Token>, LiveError> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let text =
            std::fs::read_to_string(path).map_err(|source| LiveError::TokenFile { path: path.clone(), source })?;
        Token::new(&text).map(Some).ok_or_else(|| LiveError::NotAToken(path.clone()))
    }

    /// Returns the stream's name, by which an application tells its streams apart: each server of Mastodon is a stream of its own, and so are
    /// the notifications of each account; Bluesky is one, whichever server tells it.
    pub(crate) fn stream_name(&self, network: LiveNetwork) -> String {
        let word = network.network().word();
        let host = self.url.as_deref().and_then(|url| url.split_once("://")?.1.split(['/', '?', '#']).next());
        let host = host.and_then(|host| host.rsplit('@').next()).map(str::to_ascii_lowercase);
        match (network, host, &self.notifications_of) {
            (LiveNetwork::Bluesky, ..) | (_, None, _) => word.to_owned(),
            (_, Some(host), None) => format!("{word}:{host}"),
            (_, Some(host), Some(owner)) => format!("{word}:{host}:{owner}"),
        }
    }
}

/// What this program calls itself.
pub(crate) fn agent() -> String {
    format!("clout/{}", env!("CARGO_PKG_VERSION"))
}

/// The machine's clock.
pub(crate) fn now_ms() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_millis()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: Option<&str>) -> LiveArgs {
        LiveArgs { url: url.map(str::to_owned), token_file: None, is_local: false, notifications_of: None }
    }

    #[test]
    fn a_stream_is_named_by_its_network_and_by_its_server_where_each_has_one() {
        use LiveNetwork::{Bluesky, GitHub, Mastodon};
        for (network, url, expected) in [
            (Bluesky, None, "bluesky"),
            (Bluesky, Some("ws://127.0.0.1:1/subscribe"), "bluesky"),
            (Mastodon, Some(concat!("https:", "//ana@Example.com/?a")), "mastodon:example.com"),
            (GitHub, None, "github"),
            (GitHub, Some("https://example.com:8/api/v3"), "github:example.com:8"),
        ] {
            assert_eq!(args(url).stream_name(network), expected);
        }
        let owner = Some("https://example.com/users/ana".to_owned());
        let args = LiveArgs { notifications_of: owner, ..args(Some("https://example.com")) };
        assert_eq!(args.stream_name(Mastodon), "mastodon:example.com:https://example.com/users/ana");
    }

    #[test]
    fn what_is_missing_is_told() {
        let told = |args: LiveArgs, network| args.endpoint(network).map(drop).map_err(|error| error.to_string());
        assert!(told(args(None), LiveNetwork::Bluesky).is_ok() && told(args(None), LiveNetwork::GitHub).is_ok());
        let refused = |args, network| told(args, network).unwrap_err();
        assert!(refused(args(None), LiveNetwork::Mastodon).starts_with("Mastodon is many servers"));
        assert!(refused(args(Some("https://example.com")), LiveNetwork::Mastodon).contains("--token-file"));
        let local = LiveArgs { is_local: true, ..args(None) };
        assert_eq!(refused(local, LiveNetwork::GitHub), "--local is not for GitHub");
        let owner = LiveArgs { notifications_of: Some("ana".to_owned()), ..args(Some("https://example.com")) };
        assert_eq!(refused(owner.clone(), LiveNetwork::GitHub), "--notifications-of is not for GitHub");
        assert!(refused(owner, LiveNetwork::Mastodon).starts_with("ana is no account of a server"));
        let token = LiveArgs { token_file: Some("/nowhere".into()), ..args(None) };
        assert_eq!(refused(token.clone(), LiveNetwork::Bluesky), "--token-file is not for Bluesky");
        assert_eq!(refused(token, LiveNetwork::GitHub), "the token cannot be read from /nowhere");
    }
}
