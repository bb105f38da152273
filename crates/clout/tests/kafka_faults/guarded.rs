//! What `clout run` tells at `--listen` is for those who have a token, under its own name; health is for probes.

use std::fs;
use std::time::Duration;

use testbroker::Broker;

use crate::cluster::{Member, Options, Scene, address, get_with};

const BEGUN: Duration = Duration::from_secs(60);
const TOKEN: &str = "a-long-token-for-tests";

fn status(address: &str, path: &str, headers: &str) -> Option<u16> {
    get_with(address, path, headers).map(|(status, _)| status)
}

#[test]
fn a_pipeline_shows_itself_to_those_who_have_a_token() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &Options::default());
    let tokens = scene.told("tokens");
    fs::write(&tokens, TOKEN).unwrap();
    let mut command = scene.command("a", 1);
    command.args(["--listen", "127.0.0.1:0", "--host", "scores.example.org", "--tokens-file"]).arg(&tokens);
    let mut member = Member::start(command, "a", scene.told("a"));
    let address = address(&mut member);
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    for path in ["/v1/status", "/metrics"] {
        assert_eq!(status(&address, path, "host: localhost\r\n"), Some(401), "{path}");
        assert_eq!(status(&address, path, &format!("host: localhost\r\n{token}")), Some(200), "{path}");
        assert_eq!(status(&address, path, &format!("host: scores.example.org\r\n{token}")), Some(200), "{path}");
        assert_eq!(status(&address, path, &format!("host: evil.example\r\n{token}")), Some(421), "{path}");
    }
    assert_eq!(status(&address, "/health/live", "host: 192.0.2.1\r\n"), Some(200));
    assert!(!member.told().contains(TOKEN), "{}", member.told());
    member.terminate(BEGUN);
}
