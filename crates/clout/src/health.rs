//! The command `health`: asks a process how it is, as a probe does, where there is no shell and no curl.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use clap::Args;

use crate::exit;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Examples:
  clout health
  clout health 127.0.0.1:8080 --live

It asks /health/ready, or /health/live, and says nothing if the answer is 200.";

/// For the connection, and for each piece of the answer.
const TIME: Duration = Duration::from_secs(5);
/// An answer is a sentence.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Ask a process of `clout run --listen` or `clout serve` whether it is ready: for containers' health checks
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::PROBES))]
pub struct HealthArgs {
    /// The address at which it listens: a host and a port, with a colon between
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:9464", value_parser = parse_address)]
    address: String,
    /// Ask whether it is alive, instead of ready
    #[arg(long)]
    live: bool,
}

/// Refuses what is no address: a probe that is mistyped must not look like a process that is down.
fn parse_address(text: &str) -> Result<String, String> {
    let is_host =
        |host: &str| !host.is_empty() && !host.contains(['/', ' ']) && host.contains(':') == host.starts_with('[');
    let parts = text.rsplit_once(':').filter(|(host, port)| is_host(host) && port.parse::<u16>().is_ok());
    parts.map(|_| text.to_owned()).ok_or_else(|| "expected HOST:PORT, as in 127.0.0.1:9464".to_owned())
}

/// Why a process is not as it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// It says so itself.
    #[error("{address}{path} answers {status}: {body}")]
    Unhealthy {
        /// Where it was asked.
        address: String,
        /// What it was asked.
        path: &'static str,
        /// The status of its answer.
        status: u16,
        /// The answer.
        body: String,
    },
    /// It does not answer, or not in HTTP.
    #[error("{address} does not answer: {reason}")]
    Silent {
        /// Where it was asked.
        address: String,
        /// What went wrong.
        reason: String,
    },
}

/// Asks.
///
/// # Errors
/// If the answer is not 200.
pub fn run(args: &HealthArgs) -> Result<(), Failure> {
    let (address, path) = (args.address.clone(), if args.live { "/health/live" } else { "/health/ready" });
    match ask(&address, path) {
        Ok((200, _)) => Ok(()),
        Ok((status, body)) => Err(HealthError::Unhealthy { address, path, status, body: sentence(body) }.into()),
        Err(reason) => Err(HealthError::Silent { address, reason }.into()),
    }
}

/// The sentence of an answer: of a problem document its detail, of anything else all of it.
fn sentence(body: String) -> String {
    let document = serde_json::from_str::<serde_json::Value>(&body).ok();
    let detail = document.as_ref().and_then(|document| document.get("detail")?.as_str());
    detail.map(str::to_owned).unwrap_or(body)
}

/// Status and body of the answer.
fn ask(address: &str, path: &str) -> Result<(u16, String), String> {
    let said = |error: std::io::Error| error.to_string();
    let mut refused = "the name has no address".to_owned();
    for place in address.to_socket_addrs().map_err(said)? {
        let mut stream = match TcpStream::connect_timeout(&place, TIME) {
            Ok(stream) => stream,
            Err(error) => {
                refused = error.to_string();
                continue;
            }
        };
        stream.set_read_timeout(Some(TIME)).and_then(|()| stream.set_write_timeout(Some(TIME))).map_err(said)?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).map_err(said)?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).map_err(said)?;
        let answer = String::from_utf8_lossy(&answer);
        let parts = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
            let status = head.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
            Some((status, body.trim().to_owned()))
        });
        return parts.ok_or_else(|| "what it says is not HTTP".to_owned());
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for address in ["127.0.0.1:9464", "localhost:80", "[::1]:9464", "scores.example.org:8080"] {
            assert_eq!(parse_address(address).as_deref(), Ok(address));
        }
        for other in [
            "",
            "9464",
            ":9464",
            "localhost",
            "localhost:http",
            "localhost:70000",
            "::1:9464",
            "http://127.0.0.1:9464",
            "localhost:9464/health",
        ] {
            assert!(parse_address(other).is_err(), "{other}");
        }
    }

    #[test]
    fn what_is_told_is_a_sentence() {
        let problem = r#"{"type":"about:blank","status":503,"detail":"an \"input\" is refused"}"#;
        assert_eq!(sentence(problem.to_owned()), "an \"input\" is refused");
        assert_eq!(sentence("no document".to_owned()), "no document");
    }
}
