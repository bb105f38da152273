//! The names that a server answers to. A page of another site can have its own name point here and then read what it likes
//! (DNS rebinding): a browser tells in `host` whom it believes to talk to.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{StatusCode, Version, header};

use crate::problem::Problem;

/// What a server on this machine alone is called, beside its address.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The names that a server answers to.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// `None`: all of them.
    names: Option<Vec<String>>,
}

impl Hosts {
    /// On this machine alone its usual names, and those that are given; elsewhere those that are given, or all.
    pub(crate) fn new(listen: IpAddr, given: &[String]) -> Hosts {
        let is_loopback = listen.to_canonical().is_loopback();
        let own = LOOPBACK.into_iter().map(canonical).chain([listen.to_canonical().to_string()]);
        let own = own.filter(|_| is_loopback);
        let names: Vec<String> = own.chain(given.iter().map(|name| canonical(name))).collect();
        Hosts { names: (!names.is_empty()).then_some(names) }
    }

    /// The same, and one more name.
    pub(crate) fn and(mut self, name: &str) -> Hosts {
        // One that answers to all answers to this one as well.
        self.names.iter_mut().for_each(|names| names.push(canonical(name)));
        self
    }

    /// Whether a request is for this server; it must say so once and only once, as RFC 9112 has it.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Problem> {
        let mut told = request.headers().get_all(header::HOST).iter();
        let host = match (told.next(), told.next()) {
            (Some(_), Some(_)) => return Err(Problem::bad_request("there is more than one header host")),
            (None, _) if request.version() >= Version::HTTP_11 => {
                return Err(Problem::bad_request("the header host is missing"));
            }
            (told, _) => told,
        };
        let host = host.map(|value| {
            let authority = value.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
            authority.filter(is_host).ok_or_else(|| Problem::bad_request("the header host is not a name and a port"))
        });
        self.knows(host.transpose()?.as_ref())?;
        // Who names a server in the address as well means that one.
        self.knows(request.uri().authority())
    }

    fn knows(&self, host: Option<&Authority>) -> Result<(), Problem> {
        let (Some(names), Some(host)) = (&self.names, host) else { return Ok(()) };
        let name = canonical(host.host());
        if names.contains(&name) {
            return Ok(());
        }
        let detail = format!("this server is not known as {name:?}; the option --host lets it answer to a name");
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
    }
}

/// Whether this can be a server's name, as options have it: without a port.
pub fn is_name(name: &str) -> bool {
    name.parse::<Authority>().is_ok_and(|authority| is_host(&authority) && authority.host() == name)
        || name.parse::<IpAddr>().is_ok()
}

fn is_host(authority: &Authority) -> bool {
    let text = authority.as_str();
    let port = text.strip_prefix(authority.host()).map(|port| port.strip_prefix(':').unwrap_or(port));
    !text.contains('@') && port.is_some_and(|port| port.bytes().all(|digit| digit.is_ascii_digit()))
}

/// One spelling for each: addresses as the system writes them, names in small letters.
fn canonical(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => name.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn status(hosts: &Hosts, version: Version, address: &str, told: &[&str]) -> u16 {
        let request = Request::builder().version(version).uri(address);
        let request = told.iter().fold(request, |request, host| request.header("host", *host));
        hosts.check(&request.body(Body::empty()).unwrap()).map_or_else(|problem| problem.status(), |()| 200)
    }

    #[test]
    fn a_server_answers_to_its_names() {
        let alone = Hosts::new([127, 0, 0, 1].into(), &["Scores.example.org".into()]);
        let elsewhere = Hosts::new([0, 0, 0, 0].into(), &[]);
        let named = Hosts::new([0, 0, 0, 0].into(), &["scores.example.org".into()]);
        for (host, expected) in [
            ("localhost", [200, 200, 421]),
            ("LOCALHOST:8080", [200, 200, 421]),
            ("localhost.", [200, 200, 421]),
            ("127.0.0.1:1", [200, 200, 421]),
            ("[::1]:8080", [200, 200, 421]),
            ("[0:0:0:0:0:0:0:1]", [200, 200, 421]),
            ("scores.EXAMPLE.org", [200, 200, 200]),
            ("evil.example", [421, 200, 421]),
            ("localhost.evil.example", [421, 200, 421]),
            ("127.0.0.1.evil.example:80", [421, 200, 421]),
            ("192.0.2.1", [421, 200, 421]),
            ("", [400, 400, 400]),
            ("evil.example@localhost", [400, 400, 400]),
            ("localhost:8080:1", [400, 400, 400]),
            ("localhost:x", [400, 400, 400]),
            ("local host", [400, 400, 400]),
        ] {
            let found = [&alone, &elsewhere, &named].map(|hosts| status(hosts, Version::HTTP_11, "/", &[host]));
            assert_eq!(found, expected, "{host:?}");
        }
    }

    #[test]
    fn a_request_says_once_whom_it_is_for() {
        let alone = Hosts::new([127, 0, 0, 1].into(), &[]);
        for (version, address, told, expected) in [
            (Version::HTTP_11, "/", &[][..], 400),
            (Version::HTTP_11, "/", &["localhost", "localhost"][..], 400),
            (Version::HTTP_10, "/", &["localhost", "evil.example"][..], 400),
            // As old programs ask; browsers do not.
            (Version::HTTP_10, "/", &[][..], 200),
            (Version::HTTP_11, "http://example.com/", &["localhost"][..], 421),
            (Version::HTTP_11, "http://127.0.0.1/", &["evil.example"][..], 421),
            (Version::HTTP_11, "http://127.0.0.1/", &["localhost"][..], 200),
        ] {
            assert_eq!(status(&alone, version, address, told), expected, "{version:?} {address} {told:?}");
        }
    }

    #[test]
    fn names_have_no_port() {
        for name in ["example.org", "[::1]", "::1", "192.0.2.1", "localhost"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "example.org:80", "https://example.org", "a b", "a/b", "a@b", "*:1"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
