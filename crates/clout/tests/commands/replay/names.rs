//! One spelling for one person, names of nobody, and profiles that name nobody.

use serde_json::Value;

use crate::replay::program::Directory;

const NASA: &str = "\
actor,target,at
f1,NASA,1409144925
f2,nasa,1409144926
f3,@NASA,1409144927
f4,@nasa,1409144928
f5, NASA,1409144929
f6,NASA ,1409144930
f7,https://twitter.com/NASA,1409144931
@f7,nasa,1409144932
";

fn users(scores: &[Value]) -> Vec<&str> {
    scores.iter().map(|score| score["user"].as_str().unwrap()).collect()
}

#[test]
fn spellings_are_people_of_their_own_unless_they_are_folded() {
    let directory = Directory::new().with("log.csv", NASA).with("profiles", "{\"user\":\"Nasa\",\"opted_out\":true}\n");
    assert_eq!(directory.scores("log.csv").len(), 7);
    let folded = directory.scores("log.csv --names folded");
    assert_eq!(users(&folded), ["nasa"]);
    assert_eq!(folded[0]["mentions"], 8);
    // Asked for as it was written, opted out as it is meant.
    let document = directory.replay("log.csv --names folded -q --json --user @NASA").document();
    assert_eq!((&document["users"][0]["user"], &document["users"][0]["status"]), (&"nasa".into(), &"rated".into()));
    assert_eq!(document["users"][0]["fans"], 7, "f7 and @f7 are one fan");
    assert!(directory.scores("log.csv --names folded --profiles profiles").is_empty());
}

#[test]
fn two_spellings_are_told() {
    let directory = Directory::new().with("log.csv", NASA);
    let told = directory.replay("log.csv").stderr;
    let note = told.lines().find(|line| line.starts_with("note: ") && line.contains("are 7 people")).expect(&told);
    assert!(note.contains("\"NASA\"") && note.ends_with("--names folded makes them one"), "{note}");
    assert!(!directory.replay("log.csv --names folded").stderr.contains("note:"));
    assert!(!Directory::new().with("log", "a b 1409144925\n").replay("log").stderr.contains("note:"));
}

#[test]
fn names_of_nobody_are_told_and_left_out_when_asked() {
    let log = "source,target,created_at\n\
        a,NA,1409144925\nb,NA,1409144926\nc,nan,1409144927\nd,None,1409144928\ne,NULL,1409144928\n\
        f,[deleted],1409144928\n[deleted],i,1409144929\ng,-1,1409144929\nh,i,1409144931\n";
    let directory = Directory::new().with("log.csv", log).with("profiles", "{\"user\":\"NA\",\"trust\":1}\n");
    let told = directory.replay("log.csv").stderr;
    assert!(told.contains("note: NA, nan, None, NULL, [deleted] and -1 are among the people"), "{told}");
    assert!(told.contains("--ignore-user 'NA,nan,None,NULL,[deleted],-1'"), "{told}");
    let ignored = "--ignore-user NA,nan,None,NULL --ignore-user [deleted],-1";
    let ran = directory.replay(&format!("log.csv --profiles profiles {ignored}"));
    assert!(ran.stderr.contains("left out  8 events of ignored users"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("note:"), "{}", ran.stderr);
    let scores = directory.scores(&format!("log.csv {ignored}"));
    assert_eq!((users(&scores), &scores[0]["mentions"]), (vec!["i"], &1.into()));
    // As all names, they are spelled as is said.
    let folded = directory.scores("log.csv --names folded --ignore-user @na,none,null,NaN,[DELETED],-1");
    assert_eq!(users(&folded), ["i"]);
}

#[test]
fn profiles_that_name_nobody_are_told() {
    let profiles =
        "{\"user\":\"nasa\",\"opted_out\":true}\n{\"user\":\"bo\",\"trust\":0.5}\n{\"user\":\"zoe\",\"trust\":2}\n";
    let directory = Directory::new().with("log", "ana NASA 1409144925\ncy bo 1409144926\n").with("profiles", profiles);
    let told = directory.replay("log --profiles profiles").stderr;
    let note = "note: 2 profiles name nobody who acts or is acted upon: \"nasa\" (there is \"NASA\"), \"zoe\"; --names \
        folded takes such spellings for one person";
    assert!(told.contains(note), "{told}");
    let told = directory.replay("log --profiles profiles --names folded").stderr;
    assert!(told.contains("note: 1 profile names nobody who acts or is acted upon: \"zoe\"\n"), "{told}");
    let document = directory.replay("log --profiles profiles -q --json").document();
    assert_eq!(document["summary"]["notes"].as_array().unwrap().len(), 1, "{document}");
}

#[test]
fn a_mistyped_profile_is_a_bad_line() {
    let log = "88 2 1409144925\n1 88 1409144926\n";
    let good = "{\"user\":\"1\",\"trust\":1}\n";
    for (profile, reason) in [
        ("{\"user\":\"88\",\"opt_out\":true}", "unknown field `opt_out`, expected one of `user`, `opted_out`, `trust`"),
        ("{\"user\":\"88\",\"optedOut\":true}", "unknown field `optedOut`"),
        ("{\"user\":\"88\",\"opted_out\":true,\"source\":\"form\"}", "unknown field `source`"),
        ("{\"user\":\"88\"}", "says nothing: a profile has opted_out, trust, created_at, verified (true) or linked"),
        ("{\"user\":\"88\",\"trust\":null,\"opted_out\":null}", "says nothing"),
    ] {
        let directory = Directory::new().with("log", log).with("profiles", format!("{good}{profile}\n"));
        let told = directory.replay("log --profiles profiles --max-bad 1").stderr;
        assert!(told.contains("profiles:2: ") && told.contains(reason), "{told}");
        let alone = Directory::new().with("log", log).with("profiles", profile).replay("log --profiles profiles");
        assert_eq!(alone.code, 2, "{}", alone.stderr);
        assert!(alone.stderr.contains(reason), "{}", alone.stderr);
    }
}
