//! What `generate` writes is the world that was asked for, in every format and compression.

#![allow(clippy::unwrap_used)]

use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use clout::generate::{GenerateArgs, run};
use expect_test::{Expect, expect};
use flate2::read::GzDecoder;
use wire::{EventReader, Format};
use worlds::{Farm, World};

#[derive(Parser)]
#[command(name = "clout generate")]
struct Line {
    #[command(flatten)]
    args: GenerateArgs,
}

fn parse(options: &str) -> Result<GenerateArgs, clap::Error> {
    Ok(Line::try_parse_from(["clout generate"].into_iter().chain(options.split_whitespace()))?.args)
}

/// A file that no other test writes, and that is not there.
fn file(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

fn decompressed(path: &Path) -> Box<dyn Read> {
    let file = File::open(path).unwrap();
    match path.extension().unwrap().to_str().unwrap() {
        "gz" => Box::new(GzDecoder::new(file)),
        "zst" => Box::new(zstd::Decoder::new(file).unwrap()),
        _ => Box::new(file),
    }
}

/// Writes with these options, and expects the file to hold this world with a super-fan in it.
fn check(options: &str, name: &str, format: Format, world: &World) {
    let path = file(name);
    let start =
        if options.contains("--start") || options.contains("--until") { "" } else { "--start 2025-01-01T00:00:00Z" };
    run(parse(&format!("{options} {start} --quiet --farm super-fan:acts=50 --out {}", path.display())).unwrap())
        .unwrap();
    let during = world.start..world.start + world.span_ms;
    let attack = Farm::SuperFan { acts: 50 }.attack(0, during, world.seed).unwrap();
    let mut events = world.events_with(vec![attack]).unwrap();
    let mut reader = EventReader::new(decompressed(&path), format, None);
    while let Some(event) = events.next_event() {
        assert_eq!(reader.next().unwrap().unwrap().event, Ok(event), "{name}");
    }
    assert_eq!(reader.next().unwrap(), None);
    fs::remove_file(path).unwrap();
}

#[test]
fn every_format_and_compression_reads_back() {
    let world = World { seed: 7, users: 100, events: 2000, follows: 0.2, ..World::default() };
    let options = |format| format!("--seed 7 --users 100 --events 2000 --follows 0.2 --format {format}");
    for format in Format::ALL {
        for ending in ["log", "gz", "zst"] {
            check(&options(format), &format!("events-{format}.{ending}"), format, &world);
        }
    }
}

#[test]
fn without_an_option_the_name_says_the_format() {
    let world = World { events: 20, ..World::default() };
    let check = |name, format| check("--events 20", name, format, &world);
    check("named.txt", Format::Snap);
    check("named.csv", Format::Csv);
    check("named.csv.gz", Format::Csv);
    check("named.pb.zst", Format::Protobuf);
    check("named.json.zst", Format::Json);
    for name in ["named.gz", "named.log", "named"] {
        let error = run(parse(&format!("--events 20 --quiet --out {}", file(name).display())).unwrap()).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn every_option_reaches_the_world() {
    let world = World {
        seed: 3,
        users: 50,
        events: 500,
        start: 1_341_100_800_000,
        span_ms: 43_200_000,
        actor_exponent: 0.5,
        target_exponent: 0.6,
        mix: worlds::Mix::none().with(vocabulary::Kind::Retweet, 2.0).with(vocabulary::Kind::Reply, 1.0),
        conversations: 0.2,
        follows: 0.1,
        self_acts: 0.05,
        bursts: 2,
        out_of_order: 0.3,
        delay_ms_max: 90_000,
        name_prefix: "bluesky:".to_owned(),
    };
    let options = "--seed 3 --users 50 --events 500 --start 2012-07-01T00:00:00Z --span 12h --actor-exponent 0.5 \
        --target-exponent 0.6 --mix retweet=2,reply=1 --conversations 0.2 --follows 0.1 --self-acts 0.05 --bursts 2 \
        --out-of-order 0.3 --max-delay 90s --name-prefix bluesky:";
    check(options, "options.json", Format::Json, &world);
}

#[test]
fn no_options_but_the_time_give_the_default_world() {
    check("", "default.json", Format::Json, &World::default());
    check("--until 2025-01-31T00:00:00Z", "until.json", Format::Json, &World::default());
}

/// The times of all events of a log.
fn times(path: &Path) -> Vec<i64> {
    let mut reader = EventReader::new(decompressed(path), Format::Json, None);
    let mut times = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        times.push(record.event.unwrap().at);
    }
    times
}

#[test]
fn without_a_time_it_ends_now() {
    let now = || i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let (path, before) = (file("now.json"), now());
    for options in ["", "--out-of-order 0.5 --force"] {
        run(parse(&format!("--events 2000 --span 2000m {options} --quiet --out {}", path.display())).unwrap()).unwrap();
        let (first, last) = (times(&path).into_iter().min().unwrap(), times(&path).into_iter().max().unwrap());
        assert!(last <= now() && last > before - 300_000, "{last}, and it is {before}");
        assert!(first >= before - 2_000 * 60_000, "{first}");
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn what_somebody_has_collected_is_not_overwritten() {
    let path = file("collected.json");
    fs::write(&path, "").unwrap();
    let write = |more: &str| run(parse(&format!("--events 20 --quiet {more} --out {}", path.display())).unwrap());
    write("").expect("there is nothing in it");
    let written = fs::read(&path).unwrap();
    let refused = write("--seed 2").unwrap_err().to_string();
    assert!(refused.contains("collected.json: the file is there already") && refused.contains("--force"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), written);
    write("--seed 2 --force").unwrap();
    assert_ne!(fs::read(&path).unwrap(), written);
    fs::remove_file(path).unwrap();
}

#[test]
fn it_says_its_span() {
    let out = file("span.json");
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_clout"))
        .args(["generate", "--until", "2012-07-08T00:00:00Z", "--span", "7d", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stderr).unwrap().replace(out.to_str().unwrap(), "span.json");
    expect![[r#"
        wrote 100,000 events of 10,000 users, format json
        from 2012-07-01T00:00:00Z to 2012-07-08T00:00:00Z (7 days)
        next: clout replay span.json
    "#]]
    .assert_eq(&said);
    fs::remove_file(out).unwrap();
}

#[test]
fn beginning_and_end_say_its_span() {
    let of = |options: &str| {
        let out = file("ends.json");
        run(parse(&format!("--events 2000 --quiet --force {options} --out {}", out.display())).unwrap()).unwrap();
        times(&out)
    };
    let between = of("--start 2012-07-01T00:00:00Z --until 2012-07-08T00:00:00Z");
    assert_eq!(between, of("--start 2012-07-01T00:00:00Z --span 7d"));
    assert_eq!(between, of("--until 2012-07-08T00:00:00Z --span 7d"));
    refuse(
        "--start 2012-07-01T00:00:00Z --until 2012-07-08T00:00:00Z --span 1d",
        expect!["--start, --until and --span: give two of them"],
    );
    refuse("--start 2012-07-08T00:00:00Z --until 2012-07-01T00:00:00Z", expect!["--until must be later than --start"]);
}

/// The message of the refusal, its causes on the same line.
fn refuse(options: &str, message: Expect) {
    let told = match parse(options) {
        Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
        Ok(args) => {
            let error = run(args).unwrap_err();
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{error}{cause}")
        }
    };
    message.assert_eq(&told);
}

#[test]
fn bad_options_are_told_apart() {
    refuse("--users 1", expect!["users is 1: a world needs at least 2, one to act and one to be acted upon"]);
    refuse(
        "--users many",
        expect!["error: invalid value 'many' for '--users <NUMBER>': invalid digit found in string"],
    );
    refuse(
        "--follows 1.5",
        expect!["follows is 1.5: a share is a number from 0 to 1, 0.25 being a quarter of all events"],
    );
    refuse(
        "--follows 0.7 --conversations 0.7",
        expect![
            "conversations, follows and self-acts add up to 1.4: they are shares of all events, so lower them to 1"
        ],
    );
    refuse(
        "--actor-exponent -1",
        expect!["actor-exponent is -1: give a number from 0 (all alike) to 30; 0.8 to 1.2 is usual"],
    );
    refuse(
        "--span 0d",
        expect!["error: invalid value '0d' for '--span <DURATION>': a duration must be longer than zero"],
    );
    refuse(
        "--span 30",
        expect![
            "error: invalid value '30' for '--span <DURATION>': 30 what? add a unit, as in 30ms, 30s, 30m, 30h, 30d, 30w or 30y"
        ],
    );
    refuse(
        "--span 3000000d --start 2025-01-01T00:00:00Z",
        expect!["start and span reach beyond the year 9999: give a shorter --span, or an earlier --start or --until"],
    );
    refuse(
        "--span 30000d",
        expect!["the span begins before 1970: give a shorter --span, or a later --start or --until"],
    );
    refuse(
        "--start yesterday",
        expect![[
            r#"error: invalid value 'yesterday' for '--start <TIME>': time "yesterday" is neither RFC 3339 nor a number of seconds or milliseconds: write it as 2014-08-27 or 2014-08-27T13:08:45Z"#
        ]],
    );
    refuse(
        "--mix retweet",
        expect![[
            r#"error: invalid value 'retweet' for '--mix <KIND=WEIGHT,...>': "retweet" is not a kind and its weight, as in retweet=0.6"#
        ]],
    );
    refuse(
        "--mix love=1",
        expect![[
            r#"error: invalid value 'love=1' for '--mix <KIND=WEIGHT,...>': no kind to mix is called "love": there are retweet, mention, reply, quote and like"#
        ]],
    );
    refuse(
        "--mix follow=1",
        expect![
            "error: invalid value 'follow=1' for '--mix <KIND=WEIGHT,...>': follows are no part of the mix: ask for a share of them with --follows"
        ],
    );
    refuse(
        "--mix retweet=0",
        expect!["mix: the weights of retweet, mention, reply, quote and like must be at least 0 and one of them above"],
    );
    refuse(
        "--format xml",
        expect![[
            r#"error: invalid value 'xml' for '--format <FORMAT>': format "xml" is none of snap, csv, json, protobuf"#
        ]],
    );
    refuse(
        "--farm circle",
        expect![[
            r#"error: invalid value 'circle' for '--farm <KIND[:OPTION=NUMBER,...]>': no farm is called "circle": there are super-fan, pair-ring, clique, clique-with-boss, sybil-star, follower-farm, ring, tournament, random-clique, late-clique, layers"#
        ]],
    );
    refuse(
        "--farm clique:size=3",
        expect![[
            r#"error: invalid value 'clique:size=3' for '--farm <KIND[:OPTION=NUMBER,...]>': farm clique has no option "size": it takes members, acts, known, hours"#
        ]],
    );
    refuse(
        "--farm clique:members=100000",
        expect![
            "error: invalid value 'clique:members=100000' for '--farm <KIND[:OPTION=NUMBER,...]>': farm clique has 9999900000 acts: more than 10000000 do not fit, so lower its options"
        ],
    );
    refuse(
        "--out x.parquet",
        expect![
            "--out x.parquet: the name must end in .json, .csv, .txt or .pb, with or without .gz or .zst behind, or --format say how to write it"
        ],
    );
    refuse(
        "--out /nowhere/log.json",
        expect!["cannot write /nowhere/log.json: No such file or directory (os error 2)"],
    );
}

#[test]
fn the_help_lists_the_farms() {
    let help = parse("--help").unwrap_err().to_string();
    for farm in Farm::ALL {
        assert!(help.contains(&format!("\n  {}[:", farm.kind())), "{}", farm.kind());
    }
    assert!(help.contains("known=K") && help.contains("hours=H"), "what every farm takes");
}

/// A farm of a day at the end of a log of sixty, some of whose accounts are as old as the log.
#[test]
fn accounts_of_a_farm_can_be_older_than_its_work() {
    let path = file("aged.json");
    let options =
        "--events 10 --span 60d --quiet --farm sybil-star:members=20,known=3,hours=24 --start 2025-01-01T00:00:00Z";
    run(parse(&format!("{options} --out {}", path.display())).unwrap()).unwrap();
    let mut reader = EventReader::new(File::open(&path).unwrap(), Format::Json, None);
    let mut acts = std::collections::BTreeMap::<String, Vec<i64>>::new();
    while let Some(record) = reader.next().unwrap() {
        let event = record.event.unwrap();
        if event.actor.starts_with("farm:") {
            acts.entry(event.actor.to_owned()).or_default().push((event.at - World::default().start) / 86_400_000);
        }
    }
    fs::remove_file(path).unwrap();
    assert_eq!(acts.len(), 20);
    for (name, days) in acts {
        let is_known = ["sybil0", "sybil1", "sybil2"].iter().any(|known| name.ends_with(known));
        assert_eq!(days, if is_known { vec![0, 59] } else { vec![59] }, "{name}");
    }
}
