//! One application on a broker: an input, a process, and what is asked of it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use testbroker::Broker;

use crate::common::{clout, connection, done, unique};
use crate::web;

pub(crate) const PARTITIONS: usize = 2;

/// Makes a topic for profiles, with as many partitions as a scene has, and returns its name.
pub(crate) fn topic_of_profiles(broker: &Broker) -> String {
    let topic = unique("accounts");
    let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
    admin.create(&topic, PARTITIONS, None, &[]).expect("a topic");
    topic
}
/// For what takes some seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// An application, and a process of it.
pub(crate) struct Scene<'a> {
    pub(crate) broker: &'a Broker,
    pub(crate) id: String,
    pub(crate) input: String,
    pub(crate) encoding: &'static str,
    /// What it is started with beside what every test wants.
    more: Vec<String>,
    folder: PathBuf,
    /// Bytes that earlier processes have told.
    told_before: usize,
    process: Option<Child>,
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.told());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl<'a> Scene<'a> {
    /// With topics at the broker's defaults, but for the input.
    pub(crate) fn new(broker: &'a Broker, encoding: &'static str, of_input: &[(&str, &str)]) -> Scene<'a> {
        let (id, input) = (unique("app"), unique("acts"));
        let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
        admin.create(&input, PARTITIONS, None, of_input).expect("a topic");
        done(broker, &["topics", "create", "--application-id", &id, "--input", &input]);
        let folder = std::env::temp_dir().join(&id);
        std::fs::create_dir(&folder).expect("a folder");
        Scene { broker, id, input, encoding, more: Vec::new(), folder, told_before: 0, process: None }
    }

    /// The same, started with these arguments as well.
    pub(crate) fn with(mut self, more: &[&str]) -> Scene<'a> {
        self.more = more.iter().map(|&argument| argument.to_owned()).collect();
        self
    }

    pub(crate) fn letters(&self) -> String {
        format!("{}-dead-letters", self.id)
    }

    pub(crate) fn start(&mut self) {
        let input = format!("{}:{}", self.input, self.encoding);
        let arguments =
            ["run", "--application-id", &self.id, "--input", &input, "--listen", "127.0.0.1:0", "--lag", "52w"];
        self.told_before = self.told().len();
        let told = File::options().create(true).append(true).open(self.folder.join("told")).expect("a file");
        let mut command = clout(self.broker, &arguments);
        let process = command.args(&self.more).current_dir(&self.folder).stderr(told).stdout(Stdio::null()).spawn();
        self.process = Some(process.expect("the program starts"));
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Ends it in good order: it writes checkpoints.
    pub(crate) fn stop(&mut self) {
        let number = self.process.as_ref().expect("a process").id().to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &number]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the process is not there");
        let ended = self.process.take().and_then(|mut process| process.wait().ok());
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    }

    pub(crate) fn told(&self) -> String {
        std::fs::read_to_string(self.folder.join("told")).unwrap_or_default()
    }

    /// The status and the body of the answer to a request; `None` as long as nobody answers.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        web::get(&self.address()?, path)
    }

    pub(crate) fn metric(&self, name: &str) -> f64 {
        self.address().map_or(0.0, |address| web::metric(&address, name))
    }

    /// Where the process listens, once it has said so.
    fn address(&self) -> Option<String> {
        web::address_in(self.told().get(self.told_before..)?).map(str::to_owned)
    }

    /// Until it holds; the process must live all the time.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, holds: impl Fn(&Scene<'_>) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(self) {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().expect("a process"));
            assert!(ended.is_none(), "the program ended: {ended:?}");
            assert!(Instant::now() < until, "it does not come to this: {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Records of the input.
    pub(crate) fn produce(&self, properties: &[(&str, &str)], records: &[(&str, &[u8])]) {
        let records: Vec<_> = records.iter().map(|&(key, value)| (key, Some(value))).collect();
        self.produce_to(&self.input, properties, &records);
    }

    /// Records of another topic; one without a value is a tombstone.
    pub(crate) fn produce_to(&self, topic: &str, properties: &[(&str, &str)], records: &[(&str, Option<&[u8]>)]) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.broker.brokers()).set("message.max.bytes", "200000000");
        // As the workers want it.
        config.set("partitioner", "murmur2_random");
        properties.iter().for_each(|(name, value)| _ = config.set(*name, *value));
        let producer: BaseProducer = config.create().expect("a producer");
        for (key, value) in records {
            let mut record = BaseRecord::to(topic).key(*key);
            record.payload = *value;
            while let Err((_, back)) = producer.send(record) {
                producer.poll(Duration::from_millis(10));
                record = back;
            }
        }
        producer.flush(PATIENCE).expect("it arrives");
    }

    /// So many people act, that much later than now, and their records say so.
    pub(crate) fn act_at(&self, count: usize, ahead_ms: i64) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis() as i64 + ahead_ms;
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.broker.brokers()).set("partitioner", "murmur2_random");
        let producer: BaseProducer = config.create().expect("a producer");
        for n in 0..count {
            let (key, value) =
                (format!("u{n}"), format!(r#"{{"actor":"u{n}","target":"bo","kind":"retweet","at":{at}}}"#));
            let record = BaseRecord::to(&self.input).key(&key).payload(&value).timestamp(at);
            producer.send(record).map_err(|(error, _)| error).expect("there is room");
        }
        producer.flush(PATIENCE).expect("it arrives");
    }

    /// So many people act.
    pub(crate) fn act(&self, count: usize, ahead_ms: i64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis() as i64 + ahead_ms;
        let acts: Vec<(String, String)> = (0..count)
            .map(|n| (format!("u{n}"), format!(r#"{{"actor":"u{n}","target":"bo","kind":"retweet","at":{now}}}"#)))
            .collect();
        let records: Vec<(&str, &[u8])> = acts.iter().map(|(key, value)| (&key[..], value.as_bytes())).collect();
        self.produce(&[], &records);
    }

    /// Somebody who belongs to this partition.
    pub(crate) fn actor_of(&self, partition: u16) -> String {
        let is_there =
            |name: &String| influence::Partitioner::default().partition(name, PARTITIONS as u16) == partition;
        (0..).map(|n| format!("u{n}")).find(is_there).expect("names for all partitions")
    }

    pub(crate) fn process_kib(&self, what: &str) -> u64 {
        let number = self.process.as_ref().expect("a process").id();
        let status = std::fs::read_to_string(format!("/proc/{number}/status")).expect("the system tells");
        let line = status.lines().find(|line| line.starts_with(what)).expect("a line");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }
}
