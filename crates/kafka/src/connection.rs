//! How to reach the brokers: librdkafka's own properties, under librdkafka's own names.

use std::collections::BTreeMap;
use std::fmt;

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

impl Connection {
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
