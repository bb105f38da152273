//! A broker that asks who is there and what they may do: what `docs/permissions.md` lists suffices, and what is missing is
//! named.

use std::fs;
use std::path::Path;
use std::time::Duration;

use testbroker::Broker;

use crate::cluster::{Events, Expected, Options, Scene, verify};

const TOLD: Duration = Duration::from_secs(60);
/// Nobody waits long for a wrong password.
const REFUSED: Duration = Duration::from_secs(20);

pub(crate) const SERVER: &[(&str, &str)] = &[
    ("listener.security.protocol.map", "CLIENT:SASL_PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"),
    ("listener.name.client.sasl.enabled.mechanisms", "SCRAM-SHA-256"),
    (
        "listener.name.client.scram-sha-256.sasl.jaas.config",
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    ),
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
    ("super.users", "User:ANONYMOUS;User:admin"),
];
pub(crate) const FORMAT: &[&str] = &[
    "--add-scram",
    "SCRAM-SHA-256=[name=admin,password=admin-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=clout,password=clout-secret]",
];

const fn as_user(name: &'static str, password: &'static str) -> [(&'static str, &'static str); 4] {
    [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "SCRAM-SHA-256"),
        ("sasl.username", name),
        ("sasl.password", password),
    ]
}

const ADMIN: [(&str, &str); 4] = as_user("admin", "admin-secret");
const CLOUT: [(&str, &str); 4] = as_user("clout", "clout-secret");
const STRANGER: [(&str, &str); 4] = as_user("clout", "not-the-secret");

/// The rules of `docs/permissions.md`: operations on a resource; `APP` stands for the application's id.
fn documented() -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/permissions.md"));
    let page = page.expect("the page is there");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `--")?.split_once("` | "));
    let rule = |(resource, rest): (&str, &str)| {
        let operations = rest.split(" |").next().expect("operations").split(", ");
        (format!("--{resource}"), operations.map(str::to_owned).collect())
    };
    rows.map(rule).collect()
}

/// Kafka's own tool, as the administrator.
fn acls(broker: &Broker, scene: &Scene, change: &[&str], resource: &str, operations: &[&str]) {
    let admin = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-admin.properties", scene.id));
    let login = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"admin\" password=\"admin-secret\";";
    let text = format!("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config={login}\n");
    fs::write(&admin, text).expect("it can be written");
    let resource = resource.replace("APP", &scene.id);
    let mut arguments = vec!["--command-config", admin.to_str().expect("a path in UTF-8")];
    arguments.extend(change);
    operations.iter().for_each(|operation| arguments.extend(["--operation", operation]));
    arguments.extend(resource.split_whitespace());
    let ran = broker.tool("org.apache.kafka.tools.AclCommand", &arguments);
    assert!(ran.status.success(), "{resource}: {}", String::from_utf8_lossy(&ran.stderr));
    fs::remove_file(admin).expect("it is there");
}

#[test]
fn what_is_documented_suffices_and_what_is_missing_is_named() {
    let _alone = crate::alone();
    let Some(broker) = Broker::formatted(SERVER, FORMAT) else { return };
    let scene = Scene::new(
        broker.brokers(),
        &Options { client: &ADMIN, program: &CLOUT, epoch: "5ms", checkpoint_every: "500ms", ..Options::default() },
    );
    let allow = ["--add", "--allow-principal", "User:clout"];
    for (resource, operations) in documented() {
        acls(&broker, &scene, &allow, &resource, &operations.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let events = Events::generated(2_000, 100);
    let acts = events.acts();
    let witness = scene.witness();
    let mut member = scene.start("a", 1);
    scene.feeder().feed(&acts, usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    let told = member.told();
    assert!(!told.contains("not trimmed"), "it may not do what it should: {told}");
    member.terminate(Duration::from_secs(15));
    verify(&scene, &witness, &Expected { acts: &acts, refused: 0 });
    for (resource, operation, named) in [
        ("--topic APP-events", "Read", format!("{}-events", scene.id)),
        ("--topic APP-scores", "Write", format!("{}-scores", scene.id)),
        ("--group APP", "Read", scene.id.clone()),
        ("--transactional-id APP- --resource-pattern-type prefixed", "Write", format!("{}-", scene.id)),
    ] {
        let principal = "User:clout";
        acls(&broker, &scene, &["--add", "--deny-principal", principal], resource, &[operation]);
        // Without news there is nothing to write.
        scene.feeder().feed(&acts[..50], usize::MAX);
        let ran = scene.start("a", 1).wait(TOLD);
        let error = ran.stderr.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default();
        assert_eq!(ran.code, Some(1), "{resource}: {}", ran.stderr);
        assert!(error.contains(&named) && error.contains("grant"), "{resource}: {error}\n{}", ran.stderr);
        acls(&broker, &scene, &["--remove", "--force", "--deny-principal", principal], resource, &[operation]);
    }
    let stranger =
        Scene::without_topics(broker.brokers(), &Options { client: &ADMIN, program: &STRANGER, ..Options::default() });
    let ran = stranger.start("a", 1).wait(REFUSED);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("the brokers do not accept these credentials"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("not-the-secret"), "a secret is told: {}", ran.stderr);
}
