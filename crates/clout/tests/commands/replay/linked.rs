//! `--links`: people with several accounts, ranked by what their accounts add up to.

use crate::replay::program::Directory;

const LOG: &str = "\
source,target,created_at,kind
x:1,x:ana,1409144925,retweet
x:2,x:ana,1409144926,retweet
bluesky:did:plc:3,bluesky:did:plc:ana,1409144927,retweet
x:4,x:bo,1409144928,retweet
x:5,x:bo,1409144929,retweet
x:ana,bluesky:did:plc:ana,1409144930,retweet
bluesky:did:plc:ana,x:ana,1409144931,mention
";
const LINKS: &str = "account,person\nx:ana,ana\nbluesky:did:plc:ana,ana\n";

#[test]
fn accounts_of_one_person_are_added_up_and_gain_nothing_from_each_other() {
    let directory = Directory::new().with("log.csv", LOG).with("links.csv", LINKS);
    let document = directory.replay("log.csv -q --json --links links.csv --people-out people.csv").document();
    let people = document["people"].as_array().unwrap();
    assert_eq!(people.iter().map(|person| person["user"].as_str().unwrap()).collect::<Vec<_>>(), ["ana", "x:bo"]);
    assert_eq!((&people[0]["rank"], &people[0]["retweets"]), (&1.into(), &3.into()));
    assert_eq!(document["summary"]["left_out"]["own_accounts"], 2);
    let of_account = |user: &str| {
        let top = document["top"].as_array().unwrap();
        top.iter().find(|score| score["user"] == user).unwrap()["influence"].as_f64().unwrap()
    };
    let sum = of_account("x:ana") + of_account("bluesky:did:plc:ana");
    assert!((people[0]["influence"].as_f64().unwrap() - sum).abs() < 1e-6, "{people:?}");
    let table = directory.read("people.csv");
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.lines().nth(1).unwrap().contains("ana"), "{table}");
    let told = directory.replay("log.csv --links links.csv");
    assert!(told.stdout.contains("Top 2 of 2 people, whoever has several accounts once"), "{}", told.stdout);
    assert!(told.stderr.contains("2 acts on other accounts of one's own"), "{}", told.stderr);
    // Without the links they are as many people as there are accounts.
    let plain = directory.replay("log.csv -q --json").document();
    assert_eq!((plain.get("people"), &plain["summary"]["left_out"]["own_accounts"]), (None, &0.into()));
}

#[test]
fn a_table_that_is_none_is_refused_before_anything_is_read() {
    let directory = Directory::new().with("log.csv", LOG).with("links.csv", "who,account\nana,x:ana\n");
    let ran = directory.replay("log.csv --links links.csv");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("links.csv: it has no column person"), "{}", ran.stderr);
}
