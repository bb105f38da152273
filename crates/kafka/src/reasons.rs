//! Why clients cannot reach the brokers, in words. librdkafka says it in its log, often as text alone; a new text is a new
//! row of the table here, and every command then says the same.

/// What waiting does to a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heals {
    /// Nothing: somebody has to do something first.
    Never = 0,
    /// It is a wrong configuration, unless a broker just comes or goes.
    Rarely = 1,
    /// Brokers may be away.
    Often = 2,
}

/// A cause, with what to do and librdkafka's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// What to do, which is the same each time.
    pub(crate) advice: &'static str,
    pub(crate) text: String,
    pub(crate) heals: Heals,
    /// It is about an address that a broker has named.
    pub(crate) is_advertised: bool,
}

struct Kind {
    /// Texts of librdkafka, of OpenSSL or of brokers, any of which shows it; of those with ` & ` between, all together.
    signs: &'static [&'static str],
    heals: Heals,
    advice: &'static str,
    /// For an address that another broker has named, where that is another matter.
    advertised: Option<&'static str>,
}

const fn kind(heals: Heals, advice: &'static str, signs: &'static [&'static str]) -> Kind {
    Kind { signs, heals, advice, advertised: None }
}

/// The first row that fits holds.
const KINDS: &[Kind] = &[
    kind(
        Heals::Never,
        "the certificate of the brokers is not trusted: check ssl.ca.location, and that the certificate is valid and made \
         for the host names in kafka.bootstrap.servers",
        &["certificate verify failed", "could not be verified"],
    ),
    kind(
        Heals::Never,
        "the brokers do not accept the certificate of this client, or want one: check ssl.certificate.location and \
         ssl.key.location",
        &[
            "alert bad certificate",
            "alert certificate required",
            "certificate required",
            "alert certificate unknown",
            "alert certificate expired",
            "alert certificate revoked",
            "alert unsupported certificate",
            "alert unknown ca",
            "alert access denied",
            "SSL authentication might be required",
        ],
    ),
    kind(
        Heals::Never,
        "the brokers and this client have no version of TLS or no cipher in common: check ssl.cipher.suites and the \
         brokers' ssl.enabled.protocols",
        &[
            "alert protocol version",
            "alert handshake failure",
            "unsupported protocol",
            "no protocols available",
            "no shared cipher",
        ],
    ),
    kind(
        Heals::Rarely,
        "security.protocol speaks TLS, and the brokers listen for plain text here: check security.protocol, or the port",
        &[
            "connecting to a PLAINTEXT broker listener?",
            "closed by peer & in state SSL_HANDSHAKE",
            "wrong version number",
            "packet length too long",
            "http request",
        ],
    ),
    kind(
        Heals::Rarely,
        "security.protocol speaks plain text, and the brokers seem to listen for TLS here: set security.protocol to ssl or \
         sasl_ssl, or check the port",
        &[
            "connecting to a SSL listener?",
            "Disconnected & in state APIVERSION_QUERY",
            "reset by peer & in state APIVERSION_QUERY",
            "Broken pipe & in state APIVERSION_QUERY",
        ],
    ),
    kind(
        Heals::Never,
        "the brokers listen for clients that do not log in here: set security.protocol to plaintext or ssl, or check the port",
        &["Request not valid in current SASL state"],
    ),
    kind(
        Heals::Never,
        "the brokers do not offer this sasl.mechanism: set one that they do",
        &["Unsupported SASL mechanism"],
    ),
    kind(
        Heals::Often,
        "the connection broke while the client logged in: check that the brokers run, and have time",
        &["authentication error & Local: Broker transport failure", "authentication error & Local: Timed out"],
    ),
    kind(
        Heals::Never,
        "the brokers do not accept these credentials: check sasl.username, sasl.password and sasl.mechanism",
        &["Authentication failed", "authentication error", "Authentication failure", "invalid credentials"],
    ),
    Kind {
        signs: &["Failed to resolve"],
        heals: Heals::Often,
        advice: "a host name in kafka.bootstrap.servers cannot be resolved: check it, or this machine's name service",
        advertised: Some(
            "a broker names an address that cannot be resolved here: check its advertised.listeners, or this machine's name \
             service",
        ),
    },
    Kind {
        signs: &["Connection refused"],
        heals: Heals::Often,
        advice: "nobody listens there: check kafka.bootstrap.servers, and that the brokers run",
        advertised: Some(
            "a broker names an address where nobody listens: check that all brokers run, and its advertised.listeners",
        ),
    },
    Kind {
        signs: &["setup timed out", "timed out in state CONNECT", "No route to host", "Network is unreachable"],
        heals: Heals::Often,
        advice: "the address does not answer: check kafka.bootstrap.servers, firewalls, and that the brokers run",
        advertised: Some(
            "a broker names an address that does not answer: check its advertised.listeners, firewalls, and that all brokers \
             run",
        ),
    },
    kind(
        Heals::Rarely,
        "the brokers close the connection after the first request: they may want a log-in, check security.protocol and \
         sasl.*",
        &["Disconnected", "Broken pipe", "Connection reset by peer"],
    ),
];

/// What a client that is not made is told of beside librdkafka's own text.
const BUILT_IN: (&str, &str) = (
    "No provider for SASL mechanism",
    "this sasl.mechanism is not built in (GSSAPI, which is Kerberos, is the default of sasl_plaintext and sasl_ssl): set \
     sasl.mechanism to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
);

impl Reason {
    /// The cause that this text tells of, if it is a known one. A broker that `was_up` is another matter than one that nobody has
    /// ever reached at the address that it names.
    pub(crate) fn of(text: &str, was_up: impl Fn(&str) -> bool) -> Option<Reason> {
        let shows = |sign: &&str| sign.split(" & ").all(|part| text.contains(part));
        let kind = KINDS.iter().find(|kind| kind.signs.iter().any(&shows))?;
        let words = words(text);
        let is_good = broker(text).is_none_or(|broker| broker.ends_with("/bootstrap") || was_up(broker));
        let advertised = kind.advertised.filter(|_| !is_good);
        let (advice, is_advertised) = (advertised.unwrap_or(kind.advice), advertised.is_some());
        Some(Reason { advice, text: format!("{advice} ({words})"), heals: kind.heals, is_advertised })
    }
}

/// The broker that a text is about, as the client calls it: its address and its number, or `bootstrap`.
pub(crate) fn broker(text: &str) -> Option<&str> {
    Some(words(text).split_once(": ")?.0)
}

/// Librdkafka's words, without the thread before them and the milliseconds behind.
fn words(text: &str) -> &str {
    let text = match text.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")) {
        Some((_, rest)) => rest,
        None => text,
    };
    text.split_once(" (after ").map_or(text, |(words, _)| words)
}

/// Why no client was made, in librdkafka's words and ours.
pub(crate) fn not_made(text: &str) -> String {
    let (sign, advice) = BUILT_IN;
    if text.contains(sign) { format!("{advice} ({text})") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_text_of_the_client_becomes_a_cause_and_an_advice() {
        let told = |text: &str| match Reason::of(text, |broker| broker == "b:1/3") {
            Some(Reason { text, heals, is_advertised, .. }) => {
                format!("{heals:?}{}: {text}", if is_advertised { ", advertised" } else { "" })
            }
            None => "unknown".to_owned(),
        };
        let told: String = [
            "[thrd:ssl://b:1/bootstrap]: ssl://b:1/bootstrap: Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42 (after 3ms in state APIVERSION_QUERY)",
            "kafka.nowhere:9092/1: Failed to resolve 'kafka.nowhere:9092': Name or service not known (after 4ms in state CONNECT)",
            "kafka.nowhere:9092/bootstrap: Failed to resolve 'kafka.nowhere:9092': Name or service not known (after 4ms in state CONNECT)",
            "b:1/2: Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            "b:1/3: Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            "TxnCoordinator: SASL authentication error: SaslAuthenticateRequest failed: Local: Broker transport failure (after 53ms in state AUTH_REQ)",
            "b:1/3: SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256 (after 53ms in state AUTH_REQ)",
            "1/1 brokers are down",
        ]
        .map(|text| told(text) + "\n")
        .concat();
        expect![[r#"
            Never: the brokers do not accept the certificate of this client, or want one: check ssl.certificate.location and ssl.key.location (ssl://b:1/bootstrap: Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42)
            Often, advertised: a broker names an address that cannot be resolved here: check its advertised.listeners, or this machine's name service (kafka.nowhere:9092/1: Failed to resolve 'kafka.nowhere:9092': Name or service not known)
            Often: a host name in kafka.bootstrap.servers cannot be resolved: check it, or this machine's name service (kafka.nowhere:9092/bootstrap: Failed to resolve 'kafka.nowhere:9092': Name or service not known)
            Often, advertised: a broker names an address where nobody listens: check that all brokers run, and its advertised.listeners (b:1/2: Connect to ipv4#10.0.0.1:1 failed: Connection refused)
            Often: nobody listens there: check kafka.bootstrap.servers, and that the brokers run (b:1/3: Connect to ipv4#10.0.0.1:1 failed: Connection refused)
            Often: the connection broke while the client logged in: check that the brokers run, and have time (TxnCoordinator: SASL authentication error: SaslAuthenticateRequest failed: Local: Broker transport failure)
            Never: the brokers do not accept these credentials: check sasl.username, sasl.password and sasl.mechanism (b:1/3: SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256)
            unknown
        "#]]
        .assert_eq(&told);
    }
}
