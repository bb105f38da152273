//! A broker that asks who is there and what they may do: what `docs/permissions.md` lists suffices, and what is missing is
//! named.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use oracle::{Act, Kind};
use rdkafka::topic_partition_list::Offset;
use testbroker::{Acl, Broker};

use crate::cluster::{Events, Expected, Options, Scene, verify, wait_until};

const TOLD: Duration = Duration::from_secs(60);
/// `clout serve` says when it shows all, and goes on for ever: it is looked at for so long.
const GOES_ON: Duration = Duration::from_secs(4);
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
    "--add-scram",
    "SCRAM-SHA-256=[name=feed,password=feed-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=serve,password=serve-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=diff,password=diff-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=route,password=route-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=create,password=create-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=check,password=check-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=reset,password=reset-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=state,password=state-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=journal,password=journal-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=count,password=count-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=send,password=send-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=add,password=add-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=export,password=export-secret]",
    "--add-scram",
    "SCRAM-SHA-256=[name=forget,password=forget-secret]",
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

const PAGE: &str = include_str!("../../../../docs/permissions.md");

/// The rules of `docs/permissions.md` for a command: operations on a resource; `APP` stands for the application's id, `INPUT` for
/// its input.
fn documented(command: &str) -> Vec<(String, Vec<String>)> {
    let section = PAGE.split("\n## ").find(|section| {
        let title = section.lines().next().unwrap_or_default();
        title.split(", ").any(|title| title.starts_with(&format!("`clout {command}")))
    });
    let section = section.unwrap_or_else(|| panic!("the page has no section of {command}"));
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `--")?.split_once("` | "));
    let rule = |(resource, rest): (&str, &str)| {
        let operations = rest.split(" |").next().expect("operations").split(", ");
        (format!("--{resource}"), operations.map(str::to_owned).collect())
    };
    rows.map(rule).collect()
}

/// Allows a user all of this.
fn allow(broker: &Broker, scene: &Scene, user: &str, resource: &str, operations: &[String]) {
    let (principal, resource) = (format!("User:{user}"), named(scene, resource));
    for operation in operations {
        broker.add_acl(&Acl { resource: &resource, operation, principal: &principal, is_denied: false });
    }
}

/// Denies a user one operation while something is done.
fn while_denied(
    (broker, scene): (&Broker, &Scene),
    user: &str,
    (resource, operation): (&str, &str),
    body: impl FnOnce(),
) {
    let (principal, resource) = (format!("User:{user}"), named(scene, resource));
    let acl = Acl { resource: &resource, operation, principal: &principal, is_denied: true };
    broker.add_acl(&acl);
    body();
    broker.remove_acl(&acl);
}

fn named(scene: &Scene, resource: &str) -> String {
    resource.replace("INPUT", &scene.names.input).replace("APP", &scene.id)
}

/// Kafka's own tool, as the administrator, is told to allow `clout` all of this.
fn allow_by_tool(broker: &Broker, scene: &Scene, resource: &str, operations: &[String]) {
    let admin = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-admin.properties", scene.id));
    let login = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"admin\" password=\"admin-secret\";";
    let text = format!("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config={login}\n");
    fs::write(&admin, text).expect("it can be written");
    let resource = named(scene, resource);
    let mut arguments = vec!["--command-config", admin.to_str().expect("a path in UTF-8")];
    arguments.extend(["--add", "--allow-principal", "User:clout"]);
    operations.iter().for_each(|operation| arguments.extend(["--operation", operation]));
    arguments.extend(resource.split_whitespace());
    let ran = broker.tool("org.apache.kafka.tools.AclCommand", &arguments);
    assert!(ran.status.success(), "{resource}: {}", String::from_utf8_lossy(&ran.stderr));
    fs::remove_file(admin).expect("it is there");
}

/// The example grants what the table of `clout run` lists, for the names that hold unless something else is said.
#[test]
fn the_example_is_the_table_with_the_default_names() {
    let block =
        PAGE.split("<!-- for run -->\n```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let mut granted: Vec<(String, Vec<&str>)> = Vec::new();
    for line in block.lines().filter_map(|line| line.strip_prefix("$allow ")) {
        let (operations, resources) = line
            .rsplit_once("--operation ")
            .map(|(before, rest)| {
                let (last, resources) = rest.split_once(' ').expect("a resource");
                let operations =
                    before.split("--operation ").map(str::trim).filter(|word| !word.is_empty()).chain([last]);
                (operations.collect::<Vec<_>>(), resources)
            })
            .expect("operations");
        match resources.strip_prefix("--topic ") {
            Some(topics) => topics
                .split(" --topic ")
                .for_each(|topic| granted.push((format!("--topic {topic}"), operations.clone()))),
            None => granted.push((resources.to_owned(), operations)),
        }
    }
    let rules = documented("run");
    let named = |resource: &str| resource.replace("INPUT", "events").replace("APP", "clout");
    let listed: Vec<(String, Vec<&str>)> = rules
        .iter()
        .map(|(resource, operations)| (named(resource), operations.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(granted, listed);
}

#[test]
fn what_is_documented_suffices_and_what_is_missing_is_named() {
    let _room = crate::waits();
    let Some(broker) = Broker::formatted(SERVER, FORMAT) else { return };
    let scene = Scene::new(
        broker.brokers(),
        &Options { client: &ADMIN, program: &CLOUT, epoch: "5ms", checkpoint_every: "500ms", ..Options::default() },
    );
    // As the page says, whose first column is what the tool wants to be told.
    for (resource, operations) in documented("run") {
        allow_by_tool(&broker, &scene, &resource, &operations);
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
        ("--topic INPUT", "Read", scene.names.input.clone()),
        ("--topic APP-scores", "Write", format!("{}-scores", scene.id)),
        ("--group APP", "Read", scene.id.clone()),
        ("--transactional-id APP- --resource-pattern-type prefixed", "Write", format!("{}-", scene.id)),
    ] {
        while_denied((&broker, &scene), "clout", (resource, operation), || {
            if operation == "Write" && resource.starts_with("--transactional-id") {
                let told = super::doctor::doctor(&scene, &[]);
                let told = String::from_utf8_lossy(&told.stdout).into_owned();
                let fault = told.lines().find(|line| line.starts_with("FAULT")).unwrap_or_default();
                assert!(fault.contains("transaction") && fault.contains("grant"), "{told}");
            }
            // Without news there is nothing to write.
            scene.feeder().feed(&acts[..50], usize::MAX);
            let ran = scene.start("a", 1).wait(TOLD);
            let error = ran.stderr.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default();
            assert_eq!(ran.code, Some(1), "{resource}: {}", ran.stderr);
            assert!(error.contains(&named) && error.contains("grant"), "{resource}: {error}\n{}", ran.stderr);
        });
    }
    // With closes it needs one topic more.
    let (history, closes) = (format!("{}-history", scene.id), ["--history-closes", "true"]);
    scene.create(&history);
    let ran = scene.start_with("a", 1, &closes).wait(TOLD);
    assert!(ran.code != Some(0) && ran.stderr.contains(&history) && ran.stderr.contains("grant"), "{}", ran.stderr);
    for (resource, operations) in documented("run --history-closes") {
        allow_by_tool(&broker, &scene, &resource, &operations);
    }
    // With credits one more.
    let (credits, told) = (format!("{}-credits", scene.id), ["--history-closes", "true", "--output-credits", "true"]);
    scene.create(&credits);
    let ran = scene.start_with("a", 1, &told).wait(TOLD);
    assert!(ran.code != Some(0) && ran.stderr.contains(&credits) && ran.stderr.contains("grant"), "{}", ran.stderr);
    for (resource, operations) in documented("run --output-credits") {
        allow_by_tool(&broker, &scene, &resource, &operations);
    }
    let mut member = scene.start_with("a", 1, &told);
    scene.feeder().feed(&acts[..50], usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    member.terminate(Duration::from_secs(15));
    let stranger =
        Scene::without_topics(broker.brokers(), &Options { client: &ADMIN, program: &STRANGER, ..Options::default() });
    let ran = stranger.start("a", 1).wait(REFUSED);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("the brokers do not accept these credentials"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("not-the-secret"), "a secret is told: {}", ran.stderr);
}

/// What a command came to.
#[derive(Debug)]
enum Outcome {
    /// It did what it is for.
    Done,
    /// The error that it ended with.
    Failed(String),
}

/// A topic whose name does not begin as those of the application do.
fn input(scene: &Scene) -> String {
    format!("events-{}", scene.id)
}

/// Runs a command as the user of this name, until it has done what it is for.
fn outcome(broker: &Broker, scene: &Scene, user: &str, arguments: &[&str]) -> Outcome {
    let told = scene.told(user);
    let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
    command.args(arguments.iter().map(|argument| argument.replace("INPUT", &input(scene)).replace("APP", &scene.id)));
    command.args(["--application-id", &scene.id, "--brokers", broker.brokers()]);
    command.args(["--input", &input(scene)]);
    command.env("CLOUT_KAFKA_SECURITY_PROTOCOL", "sasl_plaintext").env("CLOUT_KAFKA_SASL_MECHANISM", "SCRAM-SHA-256");
    command.env("CLOUT_KAFKA_SASL_USERNAME", user).env("CLOUT_KAFKA_SASL_PASSWORD", format!("{user}-secret"));
    command.current_dir(told.parent().expect("a folder")).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(File::create(&told).expect("a file")).spawn().expect("it starts");
    let (until, mut shows_since) = (Instant::now() + TOLD, None);
    loop {
        let ended = child.try_wait().expect("a child");
        let text = fs::read_to_string(&told).expect("text");
        let error = text.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default();
        match ended {
            Some(status) if status.success() => return Outcome::Done,
            Some(_) => return Outcome::Failed(error.to_owned()),
            None if shows_since.is_some_and(|since: Instant| since.elapsed() > GOES_ON) || Instant::now() > until => {
                child.kill().expect("it runs");
                child.wait().expect("it ends");
                assert!(shows_since.is_some(), "{arguments:?} goes on for ever: {text}");
                return Outcome::Done;
            }
            None => {
                if text.contains("caught up") {
                    shows_since.get_or_insert_with(Instant::now);
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Each command as a user of its own, to whom the rows of its table are granted one after the other.
#[test]
fn each_command_needs_what_is_documented_and_no_more() {
    let _room = crate::waits();
    let Some(broker) = Broker::formatted(SERVER, FORMAT) else { return };
    let options = Options { partitions: 2, client: &ADMIN, ..Options::default() };
    let scene = Scene::without_topics(broker.brokers(), &options);
    let folder = scene.told("log").with_file_name("acts.txt");
    fs::write(&folder, "ana bo 1577836800 RT\ncy bo 1577836801 MT\n").expect("it can be written");
    let log = folder.to_str().expect("a path in UTF-8");
    let other = format!("raw-{}", scene.id);
    let people = format!("people-{}", scene.id);
    let commands: [(&str, &[&str]); 14] = [
        ("topics create", &["topics", "create", "--inputs", "--partitions", "2"]),
        ("topics check", &["topics", "check"]),
        ("feed", &["feed", log]),
        ("serve", &["serve", "--listen", "127.0.0.1:0"]),
        ("link add", &["link", "add", "ana", "cy", "--person", "ana"]),
        ("export", &["export", "ana"]),
        ("forget", &["forget", "ana", "--yes", "--input", "people-APP:profiles"]),
        ("diff", &["diff", "APP", "APP"]),
        ("route", &["route", "--from", "INPUT", "--to", "raw-APP", "--once"]),
        // Of the scene's own input, with its configuration.
        ("state", &["state", "--user", "ana", "--half-life", "48h", "--clock", "event"]),
        ("journal", &["journal"]),
        ("dead-letters count", &["dead-letters", "count"]),
        ("dead-letters send", &["dead-letters", "send", "--yes"]),
        ("reset", &["reset", "--yes"]),
    ];
    for (name, arguments) in commands {
        match name {
            "route" => scene.admin().create_topics(&[(&other, &[])], 2),
            "forget" => scene.admin().create_topics(&[(&people, &[])], 2),
            "state" => works_once(&scene),
            "dead-letters send" => puts_one_aside(&scene),
            _ => {}
        }
        let user = name.rsplit(' ').next().expect("a word");
        for (resource, operations) in documented(name) {
            let resource = resource.replace("FROM", "INPUT").replace("TO", &other).replace("PROFILES", &people);
            let resource = resource.replace("INPUT", &input(&scene));
            match outcome(&broker, &scene, user, arguments) {
                Outcome::Failed(error) => assert!(error.contains(&scene.id), "{name} without {resource}: {error}"),
                Outcome::Done => panic!("{name} does not need {resource}"),
            }
            allow(&broker, &scene, user, &resource, &operations);
        }
        match outcome(&broker, &scene, user, arguments) {
            Outcome::Done => {}
            Outcome::Failed(error) => panic!("{name} needs more than is documented: {error}"),
        }
    }
}

/// A scorer takes some events of the scene's own input, and leaves a checkpoint.
fn works_once(scene: &Scene) {
    scene.create(&scene.names.input);
    let events = Events::generated(200, 20);
    let witness = scene.witness();
    let mut member = scene.start("a", 1);
    scene.feeder().feed(&events.acts(), usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    member.terminate(TOLD);
}

/// A dead letter that can be sent again.
fn puts_one_aside(scene: &Scene) {
    let mut value = Vec::new();
    let act = Act { actor: "ana", target: "bo", kind: Kind::Retweet, at_ms: 1_577_836_800_000 };
    wire::encode_event(&crate::cluster::event(&act), &mut value);
    scene.admin().put_letter(&scene.names.dead_letters, &input(scene), &value);
}

/// Runs a command with one operation after the other denied, of all that are documented for it. Each time the error names
/// what to grant, and `is_untouched` says whether all is as it was.
fn each_denial_is_named(
    (broker, scene): (&Broker, &Scene),
    (user, arguments): (&str, &[&str]),
    denials: &[(&str, &str, &str)],
    is_untouched: impl Fn() -> bool,
) {
    for (resource, operation, named) in denials {
        let named = named.replace("APP", &scene.id);
        while_denied((broker, scene), user, (resource, operation), || {
            match outcome(broker, scene, user, arguments) {
                Outcome::Failed(error) => assert!(
                    error.contains(&named) && error.contains("grant"),
                    "{arguments:?} without {operation} of {resource}: {error}"
                ),
                Outcome::Done => panic!("{arguments:?} does not need {operation} of {resource}"),
            }
            assert!(is_untouched(), "{arguments:?} without {operation} of {resource} has begun");
        });
    }
    match outcome(broker, scene, user, arguments) {
        Outcome::Done => {}
        Outcome::Failed(error) => panic!("{arguments:?} needs more than is documented: {error}"),
    }
}

/// Brokers tell whoever may not see a group of no members, and leave out topics that one may not see.
#[test]
fn reset_removes_nothing_while_a_permission_is_missing() {
    let _room = crate::waits();
    let Some(broker) = Broker::formatted(SERVER, FORMAT) else { return };
    let scene = Scene::new(broker.brokers(), &Options { client: &ADMIN, ..Options::default() });
    let events = Events::generated(500, 50);
    let acts = events.acts();
    let witness = scene.witness();
    let mut member = scene.start("a", 1);
    scene.feeder().feed(&acts, usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    let arguments = ["reset", "--yes"];
    let own = [&scene.names.exchange, &scene.names.journal, &scene.names.scores, &scene.names.dead_letters];
    let ends = || own.map(|topic| scene.admin().ends(topic, scene.partitions, false));
    let committed = || scene.admin().committed(&scene.id, &scene.names.exchange, scene.partitions);

    let rules = documented("reset");
    let (of_group, of_topics): (Vec<_>, Vec<_>) = rules.iter().partition(|(resource, _)| resource.contains("--group"));
    let allow_all = |rules: &[&(String, Vec<String>)]| {
        rules.iter().for_each(|(resource, operations)| allow(&broker, &scene, "reset", resource, operations));
    };
    allow_all(&of_topics);
    let before = ends();
    match outcome(&broker, &scene, "reset", &arguments) {
        Outcome::Failed(error) => assert!(
            error.contains(&format!("the group {}", scene.id)) && error.contains("grant"),
            "a group that may not be seen: {error}"
        ),
        Outcome::Done => panic!("the group may have members"),
    }
    // Epochs without news are written as well.
    let is_kept = || ends().iter().flatten().zip(before.iter().flatten()).all(|(now, before)| now >= before);
    assert!(is_kept(), "topics are emptied while a member runs: {before:?}, now {:?}", ends());
    member.check();
    allow_all(&of_group);
    match outcome(&broker, &scene, "reset", &arguments) {
        Outcome::Failed(error) => assert!(error.contains("is alive"), "{error}"),
        Outcome::Done => panic!("a member runs"),
    }
    member.terminate(TOLD);
    // Its consumers have said that they leave; the coordinator may hear it later.
    wait_until("nobody is in the group", TOLD, || {
        let outcome = outcome(&broker, &scene, "reset", &["reset"]);
        !matches!(outcome, Outcome::Failed(error) if error.contains("is alive"))
    });

    let (before, offsets) = (ends(), committed());
    assert!(offsets.iter().all(Option::is_some), "{offsets:?}");
    each_denial_is_named(
        (&broker, &scene),
        ("reset", &arguments),
        &[
            ("--group APP", "Describe", "the group APP"),
            ("--group APP", "Delete", "the group APP"),
            ("--topic APP-journal", "Describe", "APP-journal"),
            ("--topic APP-journal", "DescribeConfigs", "APP-journal"),
            ("--topic APP-journal", "Delete", "APP-journal"),
            ("--topic APP-journal", "Create", "APP-journal"),
        ],
        || ends() == before && committed() == offsets,
    );
    assert!(ends().iter().flatten().all(|&end| end == 0), "{:?}", ends());
    assert!(committed().iter().all(Option::is_none), "{:?}", committed());
}

#[test]
fn route_names_what_it_may_not_use() {
    let _room = crate::waits();
    let Some(broker) = Broker::formatted(SERVER, FORMAT) else { return };
    let scene = Scene::new(broker.brokers(), &Options { client: &ADMIN, ..Options::default() });
    let routed = format!("routed-{}", scene.id);
    scene.create(&routed);
    // What is denied stays to be read; the last one is a dead letter.
    let (feeder, events) = (scene.feeder(), Events::generated(50, 10));
    feeder.feed(&events.acts(), usize::MAX);
    feeder.send_raw(0, None, Some(b"\xff\xffno event"));
    feeder.flush();
    for (resource, operations) in documented("route") {
        let resource = resource.replace("FROM", "INPUT").replace("TO", &routed);
        allow(&broker, &scene, "route", &resource, &operations);
    }
    // Those of transactions that were committed.
    let records = |topic: &str| {
        let mut records = 0;
        scene.admin().read(topic, &[Offset::Beginning; 4], |_| records += 1);
        records
    };
    let (to, name) = (format!("--topic {routed}"), format!("APP-route-APP-events-{routed}"));
    let (group, id) = (format!("--group {name}"), format!("--transactional-id {name}-0"));
    each_denial_is_named(
        (&broker, &scene),
        ("route", &["route", "--from", "APP-events", "--to", &routed, "--once"]),
        &[
            ("--topic APP-events", "Describe", "APP-events"),
            ("--topic APP-events", "Read", "APP-events"),
            (&to, "Describe", &routed),
            (&to, "Write", &routed),
            ("--topic APP-dead-letters", "Describe", "APP-dead-letters"),
            ("--topic APP-dead-letters", "Write", "APP-dead-letters"),
            (&group, "Read", &format!("group {name}")),
            (&id, "Write", &format!("transactional id {name}-0")),
        ],
        || records(&routed) + records(&scene.names.dead_letters) == 0,
    );
    assert_eq!((records(&routed), records(&scene.names.dead_letters)), (50, 1));
}
