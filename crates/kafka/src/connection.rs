//! How to reach the brokers: librdkafka's own properties, under librdkafka's own names.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

/// Words in the names of properties whose values are never shown.
const SECRET: [&str; 5] = ["password", "secret", "token", "key.pem", "jaas"];

/// Properties of every client, as the configuration gives them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Connection {
    properties: BTreeMap<String, String>,
}

/// Properties that people set, as what is mistyped is most like one of them. librdkafka does not list its own.
const USUAL: &[&str] = &[
    "bootstrap.servers",
    "metadata.broker.list",
    "client.id",
    "client.rack",
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "sasl.kerberos.service.name",
    "sasl.kerberos.principal",
    "sasl.kerberos.keytab",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.key.location",
    "ssl.key.pem",
    "ssl.key.password",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.cipher.suites",
    "ssl.endpoint.identification.algorithm",
    "enable.ssl.certificate.verification",
    "broker.address.family",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "max.poll.interval.ms",
    "socket.timeout.ms",
    "socket.keepalive.enable",
    "socket.connection.setup.timeout.ms",
    "connections.max.idle.ms",
    "reconnect.backoff.ms",
    "reconnect.backoff.max.ms",
    "retry.backoff.ms",
    "metadata.max.age.ms",
    "message.max.bytes",
    "fetch.message.max.bytes",
    "max.partition.fetch.bytes",
    "fetch.min.bytes",
    "fetch.max.bytes",
    "fetch.wait.max.ms",
    "queued.min.messages",
    "queued.max.messages.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.ms",
    "linger.ms",
    "batch.size",
    "batch.num.messages",
    "compression.type",
    "compression.codec",
    "compression.level",
    "delivery.timeout.ms",
    "message.timeout.ms",
    "transaction.timeout.ms",
    "acks",
    "debug",
    "log_level",
];

/// What whoever sends offsets with a transaction sets. librdkafka (up to 2.14 at least; its issues 5456 and 5511) waits for the
/// coordinator of the group without a limit, whatever time it is given: it asks for the coordinator again only if a
/// connection comes or goes, and none does once all brokers are back. One that has nothing to do goes after this time, and the
/// question is asked again.
pub(crate) const ASKS_AGAIN: (&str, &str) = ("connections.max.idle.ms", "2000");
/// The time after which a request may have been sent twice. librdkafka closes a connection that was silent for as long, even while it waits
/// for an answer, and sends the request again by another one. A broker may read the first one later, in the middle of the next
/// transaction, and end that: so the next transaction begins with a new epoch of the producer.
pub(crate) const ASKED_TWICE: Duration = Duration::from_secs(2);

impl Connection {
    /// The usual names of properties.
    pub fn usual() -> impl Iterator<Item = &'static str> {
        USUAL.iter().copied()
    }

    /// Whether librdkafka takes this value for a property of this name that it has.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(property: &str, value: &str) -> Result<(), String> {
        match ClientConfig::new().set(property, value).create_native_config() {
            Err(KafkaError::ClientConfig(_, reason, ..)) => Err(reason),
            _ => Ok(()),
        }
    }

    /// Of these properties, such as `bootstrap.servers`.
    pub fn new(properties: impl IntoIterator<Item = (String, String)>) -> Connection {
        Connection { properties: properties.into_iter().collect() }
    }

    /// Whether librdkafka has a property of this name.
    pub fn knows(property: &str) -> bool {
        let unknown = |error| matches!(error, KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..));
        !ClientConfig::new().set(property, "").create_native_config().is_err_and(unknown)
    }

    /// The brokers' addresses, for messages.
    pub fn brokers(&self) -> &str {
        self.properties.get("bootstrap.servers").map_or("", String::as_str)
    }

    /// A number that somebody has set.
    pub fn number(&self, property: &str) -> Option<usize> {
        self.properties.get(property)?.parse().ok()
    }

    /// A client that shows whether the brokers' certificate is trusted whatever its host name, and sends no secret; `None`
    /// where no host name is looked at.
    pub(crate) fn without_host_name(&self) -> Option<Connection> {
        let value = |name: &str| self.properties.get(name).map_or("", String::as_str);
        let is_secure = value("security.protocol").to_ascii_lowercase().ends_with("ssl");
        (is_secure && value("ssl.endpoint.identification.algorithm") != "none").then(|| {
            let mut properties = self.properties.clone();
            properties.retain(|name, _| !name.starts_with("sasl."));
            for (name, value) in [("security.protocol", "ssl"), ("ssl.endpoint.identification.algorithm", "none")] {
                properties.insert(name.to_owned(), value.to_owned());
            }
            Connection { properties }
        })
    }

    /// A client's configuration: ours first, so that what somebody sets is what holds.
    pub fn client<'a>(&self, ours: impl IntoIterator<Item = (&'a str, String)>) -> ClientConfig {
        let mut config = ClientConfig::new();
        // Whoever waited for brokers is back soon after they are; librdkafka's own are 10 seconds.
        config.set("reconnect.backoff.max.ms", "1000");
        // A broker that takes requests and says nothing is given up after this time, not after a minute.
        config.set("socket.timeout.ms", "10000");
        // Why a connection failed is said at the lowest level; `Troubles` takes what it needs of it.
        config.set_log_level(RDKafkaLogLevel::Debug);
        ours.into_iter().for_each(|(name, value)| _ = config.set(name, value));
        self.properties.iter().for_each(|(name, value)| _ = config.set(name, value));
        config
    }

    /// A client's configuration in which some properties are not for anybody to set.
    pub fn client_with<'a>(
        &self,
        ours: impl IntoIterator<Item = (&'a str, String)>,
        fixed: impl IntoIterator<Item = (&'a str, String)>,
    ) -> ClientConfig {
        let mut config = self.client(ours);
        fixed.into_iter().for_each(|(name, value)| _ = config.set(name, value));
        config
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_secret = |name: &str| SECRET.iter().any(|word| name.contains(word));
        let shown =
            self.properties.iter().map(|(name, value)| (name, if is_secret(name) { "(hidden)" } else { value }));
        f.debug_map().entries(shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_known() {
        let unknown: Vec<_> = Connection::usual().filter(|name| !Connection::knows(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
