//! Processes that somebody has given one name.

use testbroker::Broker;

use super::{BEGUN, CLIENT, while_fed};
use crate::cluster::{Events, Options, Scene, wait_until};

#[test]
fn who_is_fenced_off_names_the_other_process() {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &Options { client: CLIENT, ..Options::default() });
    let events = Events::generated(60_000, 300);
    let acts = events.acts();
    let start = |folder| scene.start_in(folder, &["--instance", "twin"]);
    // Who has nothing to write does not see that it is fenced off.
    while_fed(&scene, &acts, 500, || {
        let first = start("one");
        wait_until("it works", BEGUN, || first.told().contains("is live: shards 0-3"));
        let second = start("two");
        let names = |told: &str, other: u32| {
            let fenced = format!("fenced off by process {other} of host ");
            told.lines().any(|line| line.contains(&fenced) && line.contains("which is the instance twin as well"))
        };
        wait_until("one of them says by whom it is fenced off", BEGUN, || {
            names(&first.told(), second.id()) || names(&second.told(), first.id())
        });
        let warned = "another process of this machine is the instance twin of";
        assert!(second.told().contains(warned), "the second one knows at once: {}", second.told());
    });
}
