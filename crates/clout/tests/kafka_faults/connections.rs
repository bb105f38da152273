//! Brokers that cannot be reached, or do not let the client in: every command says why, in the same words, soon.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use testbroker::Broker;

/// Within this time a person knows.
const TOLD: Duration = Duration::from_secs(10);
/// For processes that start beside each other on a busy machine: a wait ends as soon as the words are there.
const SLACK: Duration = Duration::from_secs(20);

/// Keys and certificates of this test, gone with it.
struct Certificates(PathBuf);

impl Certificates {
    /// `None` without openssl, which is told.
    fn new() -> Option<Certificates> {
        let folder = std::env::temp_dir().join(format!("clout-certificates-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let made = Certificates(folder);
        let steps = [
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
            "req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 2 -subj /CN=another",
            "req -newkey rsa:2048 -nodes -keyout broker.key -out broker.csr -subj /CN=broker",
            "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out broker.crt",
            "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile elsewhere -out elsewhere.crt",
        ];
        fs::write(made.path("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").expect("a file");
        fs::write(made.path("elsewhere"), "subjectAltName=DNS:broker.example").expect("a file");
        for step in steps {
            let ran = Command::new("openssl").args(step.split(' ')).current_dir(&made.0).output();
            let Ok(ran) = ran else {
                let is_required = std::env::var("CLOUT_TOOLS_REQUIRED").is_ok_and(|value| value == "1");
                assert!(!is_required, "openssl not found");
                eprintln!("skipped: openssl not found; on Debian: apt-get install openssl");
                return None;
            };
            assert!(ran.status.success(), "{step}: {}", String::from_utf8_lossy(&ran.stderr));
        }
        for name in ["broker", "elsewhere"] {
            let read = |file: &str| fs::read_to_string(made.path(file)).expect("it is made");
            let both = read("broker.key") + &read(&format!("{name}.crt"));
            fs::write(made.path(&format!("{name}.pem")), both).expect("a file");
        }
        Some(made)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// A broker that speaks TLS with this certificate.
    fn broker(&self, certificate: &str, client_auth: &str) -> Option<Broker> {
        Broker::own(&[
            ("listener.security.protocol.map", "CLIENT:SSL,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"),
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", &self.text(certificate)),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", &self.text("ca.pem")),
            ("ssl.client.auth", client_auth),
        ])
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The commands that speak with brokers.
fn commands(events: &Path) -> Vec<Vec<String>> {
    let events = events.to_str().expect("a path in UTF-8");
    [
        "topics create --application-id x --input xin".to_owned(),
        format!("feed --application-id x --input xin {events}"),
        "link add ana bo --person ana --application-id x --input xin".to_owned(),
        "forget ana --yes --application-id x --input xin:profiles".to_owned(),
        "export ana --application-id x --input xin".to_owned(),
        "diff x y".to_owned(),
        "reset --application-id x --input xin --yes".to_owned(),
        "route --application-id x --from xin --to xout --once".to_owned(),
        "run --application-id x --input xin".to_owned(),
        "serve --application-id x --listen 127.0.0.1:0".to_owned(),
        "state --application-id x --user ana".to_owned(),
        "journal --application-id x".to_owned(),
        "dead-letters count --application-id x".to_owned(),
        "dead-letters send --application-id x --input xin --yes".to_owned(),
    ]
    .iter()
    .map(|line| line.split(' ').map(str::to_owned).collect())
    .collect()
}

/// A process whose standard error is read until it says something, or for too long.
fn told(mut child: Child, parts: &[&str], ends: bool, within: Duration) -> Result<bool, String> {
    let mut stderr = child.stderr.take().expect("it is a pipe");
    let so_far = Arc::new(Mutex::new(Vec::new()));
    let text = || String::from_utf8_lossy(&so_far.lock().expect("nobody panics")).into_owned();
    let reader = thread::spawn({
        let so_far = Arc::clone(&so_far);
        move || {
            let mut piece = [0; 4096];
            while let Ok(bytes @ 1..) = stderr.read(&mut piece) {
                so_far.lock().expect("nobody panics").extend_from_slice(&piece[..bytes]);
            }
        }
    });
    let until = Instant::now() + within;
    let ended = loop {
        match child.try_wait().expect("it is ours") {
            Some(status) => break Some(status),
            // Whoever goes on has said it already.
            None if !ends && parts.iter().all(|part| text().contains(part)) => break None,
            None if Instant::now() >= until => break None,
            None => thread::sleep(Duration::from_millis(50)),
        }
    };
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    reader.join().expect("it reads");
    let text = text();
    if ended.is_some_and(|status| status.success()) {
        return Err(format!("it did not fail: {text}"));
    }
    match parts.iter().find(|part| !text.contains(*part)) {
        Some(part) => Err(format!("{part:?} is not in:\n{text}")),
        None => Ok(ended.is_some()),
    }
}

/// Runs every command, and expects the same words of each. What never heals ends each of them.
#[track_caller]
fn every_command_says(brokers: &str, properties: &[(&str, &str)], ends: bool, parts: &[&str]) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("clout-connections-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let events = folder.join("events.csv");
    fs::write(&events, "actor,target,kind,time\nana,bo,retweet,1700000000\n").expect("a file");
    let failures: Vec<String> = thread::scope(|scope| {
        let start = |arguments: Vec<String>| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
            command.args(&arguments).args(["--brokers", brokers]).current_dir(&folder);
            for (name, value) in properties {
                command.args(["--kafka", &format!("{name}={value}")]);
            }
            let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
            let line = arguments.join(" ");
            scope.spawn(move || match told(child, parts, ends, TOLD + SLACK) {
                Ok(has_ended) if ends && !has_ended => Some(format!("`{line}` goes on")),
                Ok(_) => None,
                Err(why) => Some(format!("`{line}`: {why}")),
            })
        };
        let running: Vec<_> = commands(&events).into_iter().map(start).collect();
        running.into_iter().filter_map(|running| running.join().expect("it watches")).collect()
    });
    let _ = fs::remove_dir_all(&folder);
    assert!(failures.is_empty(), "{properties:?}\n{}", failures.join("\n"));
}

#[test]
fn every_command_names_what_is_wrong_with_certificates() {
    let _room = crate::works();
    let Some(files) = Certificates::new() else { return };
    let Some(broker) = files.broker("broker.pem", "required") else { return };
    let (ca, other) = (files.text("ca.pem"), files.text("other.pem"));
    let secure = ("security.protocol", "ssl");
    let not_trusted: &[&str] = &["certificate of the brokers is not trusted: check ssl.ca.location", "verify failed"];
    every_command_says(broker.brokers(), &[secure], true, not_trusted);
    every_command_says(broker.brokers(), &[secure, ("ssl.ca.location", &other)], true, not_trusted);
    let wants_one: &[&str] = &["do not accept the certificate of this client, or want one", "ssl.certificate.location"];
    every_command_says(broker.brokers(), &[secure, ("ssl.ca.location", &ca)], true, wants_one);
    let stranger = [
        secure,
        ("ssl.ca.location", &ca),
        ("ssl.certificate.location", &other),
        ("ssl.key.location", &files.text("other.key")),
    ];
    every_command_says(broker.brokers(), &stranger, true, wants_one);
    every_command_says(broker.brokers(), &[], true, &["security.protocol speaks plain text", "listen for TLS here"]);
    drop(broker);
    let Some(broker) = files.broker("elsewhere.pem", "none") else { return };
    let elsewhere = ["made for other host names than those in kafka.bootstrap.servers", "127.0.0.1"];
    every_command_says(broker.brokers(), &[secure, ("ssl.ca.location", &ca)], true, &elsewhere);
}

#[test]
fn every_command_names_what_is_wrong_with_log_in_and_listeners() {
    let _room = crate::works();
    let Some(broker) = Broker::formatted(super::permissions::SERVER, super::permissions::FORMAT) else { return };
    let login = |mechanism: &'static str, protocol: &'static str| {
        [
            ("security.protocol", protocol),
            ("sasl.mechanism", mechanism),
            ("sasl.username", "clout"),
            ("sasl.password", "not-the-secret"),
        ]
    };
    let scram = login("SCRAM-SHA-256", "sasl_plaintext");
    every_command_says(broker.brokers(), &scram, true, &["do not accept these credentials", "sasl.password"]);
    let plain = login("PLAIN", "sasl_plaintext");
    every_command_says(broker.brokers(), &plain, true, &["do not offer this sasl.mechanism", "SCRAM-SHA-256"]);
    every_command_says(broker.brokers(), &login("GSSAPI", "sasl_plaintext"), true, &["not built in", "Kerberos"]);
    let secure = login("SCRAM-SHA-256", "sasl_ssl");
    every_command_says(broker.brokers(), &secure, true, &["security.protocol speaks TLS", "plain text here"]);
    every_command_says(broker.brokers(), &[], true, &["may want a log-in", "security.protocol"]);
    drop(broker);
    let Some(open) = Broker::shared() else { return };
    every_command_says(open.brokers(), &scram, true, &["listen for clients that do not log in here"]);
}

#[test]
fn every_command_names_an_address_that_is_of_no_use() {
    let _room = crate::works();
    let unknown = ["cannot be resolved", "nobody.invalid:9092"];
    every_command_says("nobody.invalid:9092", &[], false, &unknown);
    every_command_says("127.0.0.1:1", &[], false, &["nobody listens there", "127.0.0.1:1"]);
}

/// The first address is right, and those that the broker names are not.
#[test]
fn every_command_names_an_address_that_a_broker_names_and_that_is_of_no_use() {
    let _room = crate::works();
    for (address, told) in [("nobody.invalid:9092", "cannot be resolved here"), ("127.0.0.1:1", "where nobody listens")]
    {
        let advertised = format!("CLIENT://{address}");
        let properties = [("advertised.listeners", advertised.as_str()), ("inter.broker.listener.name", "CLIENT")];
        let Some(broker) = Broker::own(&properties) else { return };
        every_command_says(
            broker.brokers(),
            &[],
            false,
            &["a broker names an address", told, "advertised.listeners", address],
        );
    }
}
