//! Kafka's own tools see an ordinary application: a group with members and lag, and transactions that end.

use std::collections::BTreeMap;
use std::time::Duration;

use testbroker::Broker;

use crate::cluster::{Events, Options, Scene, wait_until};

const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const TRANSACTIONS: &str = "org.apache.kafka.tools.TransactionsCommand";
const TOLD: Duration = Duration::from_secs(60);

#[test]
fn a_group_with_lag_and_transactions_that_end() {
    let _room = crate::waits();
    let Some(broker) = Broker::own(&[]) else { return };
    let scene = Scene::new(broker.brokers(), &Options { partitions: 2, epoch: "20ms", ..Options::default() });
    let events = Events::generated(2_000, 100);
    let witness = scene.witness();
    let mut member = scene.start("a", 1);
    scene.feeder().feed(&events.acts(), usize::MAX);
    scene.drain(&witness, &mut [&mut member]);

    let state = told(&broker, GROUPS, &["--describe", "--state", "--group", &scene.id]);
    assert!(state.contains("Stable"), "{state}");
    // A group of its own for what is read beside it would be one more.
    let groups = told(&broker, GROUPS, &["--list"]);
    assert_eq!(groups.lines().filter(|group| group.starts_with(&scene.id)).collect::<Vec<_>>(), [scene.id.as_str()]);
    wait_until("it lags nowhere", TOLD, || {
        let described = told(&broker, GROUPS, &["--describe", "--group", &scene.id]);
        let rows = rows(&described);
        let input = rows.iter().filter(|row| row["TOPIC"] == scene.names.input);
        assert_eq!(input.clone().count(), 2, "{rows:#?}");
        // Shares are dealt by the exchange: shard n is partition n of every topic.
        let mut dealt = rows.iter().filter(|row| row["TOPIC"] == scene.names.exchange);
        assert!(dealt.all(|row| row["CONSUMER-ID"] != "-" && row["HOST"] == "/127.0.0.1"), "{rows:#?}");
        input.into_iter().all(|row| row["LAG"] == "0")
    });
    member.terminate(Duration::from_secs(15));

    wait_until("nobody is there any more", TOLD, || {
        let idle = told(&broker, GROUPS, &["--describe", "--group", &scene.id]);
        rows(&idle).iter().all(|row| row["CONSUMER-ID"] == "-")
    });
    let listed = told(&broker, TRANSACTIONS, &["list"]);
    let listed = rows(&listed);
    let own = listed.iter().filter(|row| row["TransactionalId"].starts_with(&scene.id));
    assert!(
        own.clone().count() == 1 && own.clone().all(|row| row["TransactionState"] == "CompleteCommit"),
        "{listed:#?}"
    );
    let hanging = told(&broker, TRANSACTIONS, &["find-hanging", "--broker-id", "1"]);
    assert_eq!(rows(&hanging).len(), 0, "{hanging}");
}

fn told(broker: &Broker, class: &str, arguments: &[&str]) -> String {
    let ran = broker.tool(class, arguments);
    let (told, complaint) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{class} {arguments:?}: {told}{complaint}");
    told.into_owned()
}

/// A table's rows, by the names of its columns.
fn rows(table: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let names = lines.by_ref().find(|words| words.len() > 3).unwrap_or_default();
    let rows = lines.filter(|words| words.len() >= names.len().max(1));
    rows.map(|words| names.iter().copied().zip(words).collect()).collect()
}
