//! Real Kafka brokers for tests: one that a test process shares, and ones of their own for tests that break them.
//!
//! A broker is a Java process that `deploy/test-broker/broker` starts. It lives as long as the pipe to its standard
//! input is open, so it ends with this process, however that ends; its data lie in a temporary folder that goes with it.
//! Where there is no Java or no Maven, tests are told so and skip themselves, unless `CLOUT_KAFKA_REQUIRED` is 1. All are of
//! the version that `CLOUT_KAFKA_VERSION` says, or else of the one that the script says.

mod acls;
mod cluster;
mod process;

use std::process::Output;
use std::sync::OnceLock;

pub use acls::Acl;
pub use cluster::Cluster;
use process::{Data, Life, Process};

/// A broker of ours, or somebody else's that the tests may use.
#[derive(Debug)]
pub struct Broker {
    brokers: String,
    own: Option<Own>,
}

// The process goes before its data.
#[derive(Debug)]
struct Own {
    /// `None` while it is killed.
    process: Option<Process>,
    data: Data,
    life: Life,
}

impl Broker {
    /// The one that all tests of this process use: that of `KAFKA_BROKERS`, or one that is started now. `None` if there
    /// can be none, which is told.
    pub fn shared() -> Option<&'static Broker> {
        static SHARED: OnceLock<Option<Broker>> = OnceLock::new();
        SHARED.get_or_init(|| Broker::given().or_else(|| Broker::own(&[]))).as_ref()
    }

    /// One to measure with, which is as fast as brokers become: that of `KAFKA_BROKERS`, or one that is started now. `None`
    /// if there can be none, which is told.
    pub fn measured() -> Option<Broker> {
        Broker::given().or_else(|| Broker::started(Life::Measured, &[], &[]))
    }

    fn given() -> Option<Broker> {
        let brokers = std::env::var("KAFKA_BROKERS").ok().filter(|brokers| !brokers.is_empty())?;
        Some(Broker { brokers, own: None })
    }

    /// One of the test's own, with these properties of the server over those of a test broker. `None` if there can be
    /// none, which is told.
    pub fn own(properties: &[(&str, &str)]) -> Option<Broker> {
        Broker::formatted(properties, &[])
    }

    /// The same, its data folder made with these arguments of Kafka's `format`, such as `--add-scram`.
    pub fn formatted(properties: &[(&str, &str)], format: &[&str]) -> Option<Broker> {
        Broker::started(Life::Minutes, properties, format)
    }

    fn started(life: Life, properties: &[(&str, &str)], format: &[&str]) -> Option<Broker> {
        let data = Data::new();
        let process = Process::start(data.folder(), life, properties, format).or_else(skipped)?;
        Some(Broker { brokers: process.brokers().to_owned(), own: Some(Own { process: Some(process), data, life }) })
    }

    /// Where clients find it.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The number of its process; `None` of somebody else's, or while it is killed.
    pub fn process_id(&self) -> Option<u32> {
        self.own.as_ref()?.process.as_ref()?.id()
    }

    /// What one of Kafka's own tools, by the name of its class, says of it.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Output {
        process::tool(&self.brokers, class, arguments)
    }

    /// Gives a permission, and waits until the broker goes by it. Between brokers everybody may do so.
    pub fn add_acl(&self, acl: &Acl<'_>) {
        acl.add(&self.between());
    }

    /// Takes one back, likewise.
    pub fn remove_acl(&self, acl: &Acl<'_>) {
        acl.remove(&self.between());
    }

    /// Where brokers talk to each other.
    fn between(&self) -> String {
        let own = self.own.as_ref().expect("the broker is this test's own");
        let properties = std::fs::read_to_string(own.data.folder().join("server.properties")).expect("its properties");
        let (_, address) = properties.split_once(",BROKER://").expect("it listens to brokers");
        address.split_once(',').expect("and to controllers").0.to_owned()
    }

    /// Kills it as a power cut does.
    pub fn kill(&mut self) {
        self.process();
        self.own_mut().process.take().into_iter().for_each(Process::kill);
    }

    /// Starts it again after [`Broker::kill`], with the same data at the same port.
    pub fn start_again(&mut self) {
        let own = self.own_mut();
        own.process = Process::start(own.data.folder(), own.life, &[], &[]);
    }

    /// Stops it where it is: it keeps its connections and says nothing.
    pub fn pause(&self) {
        self.process().signal("-STOP");
    }

    /// Lets it go on after [`Broker::pause`].
    pub fn go_on(&self) {
        self.process().signal("-CONT");
    }

    fn process(&self) -> &Process {
        self.own.as_ref().and_then(|own| own.process.as_ref()).expect("the broker is this test's own, and runs")
    }

    fn own_mut(&mut self) -> &mut Own {
        self.own.as_mut().expect("the broker is this test's own")
    }
}

/// Tells that a test is skipped, unless somebody insists.
fn skipped<T>() -> Option<T> {
    let is_required = std::env::var("CLOUT_KAFKA_REQUIRED").is_ok_and(|value| value == "1");
    assert!(!is_required, "CLOUT_KAFKA_REQUIRED is 1, and no broker can be started: the reason stands above");
    eprintln!("skipped: this test wants a Kafka broker: install Java 17 and Maven, or set KAFKA_BROKERS");
    None
}
