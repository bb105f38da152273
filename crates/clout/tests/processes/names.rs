//! Processes that somebody has given one name.

use testbroker::Broker;

use super::{BEGUN, CLIENT, ENDING};
use crate::cluster::{Options, Scene, wait_until};

#[test]
fn a_name_that_a_process_of_this_machine_has_is_refused_to_another_one() {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &Options { client: CLIENT, ..Options::default() });
    let start = |folder| scene.start_in(folder, &["--instance", "twin"]);
    let mut first = start("one");
    wait_until("it works", BEGUN, || first.told().contains("is live: shards 0-3"));
    let ran = start("two").gives_up(BEGUN, &["the instance twin of", "fence each other off", "--instance of its own"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    first.check();
    assert_eq!(first.told().matches(" has shards ").count(), 1, "nobody has taken any: {}", first.told());
    // Whatever ends a process gives its name back.
    first.kill();
    let third = start("one");
    wait_until("it works again", BEGUN, || third.told_itself().contains("is live: shards 0-3"));
    third.terminate(ENDING);
}
