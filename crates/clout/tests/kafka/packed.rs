//! Batches that no reader can unpack, or that are vast when they are: whatever somebody packs into one, the application goes
//! on, within bounds, and tells.

use testbroker::Broker;

use crate::batch::{Codec, Records, lz4, produce};
use crate::common::{Record, done, header, read, topic};
use crate::scene::Scene;

const REASON: &str = "__connect.errors.exception.message";

/// A frame whose content has another checksum than it says: brokers do not look at it, and readers do.
fn spoilt() -> (Vec<u8>, i32) {
    let (content, count) = Records::plain().push(b"k", b"one").push(b"k", b"two").finish();
    (lz4(&content, 7), count)
}

/// Letters of one batch by their offsets: how many, how long key and value are, and why.
fn of_batch(letters: &[Record], first: i64, count: i64) -> Vec<(usize, Option<&str>, &str)> {
    let offset = |letter: &Record| header(letter, "__connect.errors.offset").and_then(|offset| offset.parse().ok());
    let mut found: Vec<(i64, _)> = letters
        .iter()
        .filter(|letter| letter.partition == 0)
        .map(|letter| {
            let why = header(letter, REASON).expect("a reason");
            (offset(letter).expect("an offset"), (letter.value.len(), header(letter, "clout.value.bytes"), why))
        })
        .filter(|(offset, _)| (first..first + count).contains(offset))
        .collect();
    found.sort();
    found.into_iter().map(|(_, letter)| letter).collect()
}

#[test]
fn whatever_is_packed_into_a_batch_the_application_goes_on_within_bounds() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "json", &[]);
    scene.start();
    scene.act(10, 0);
    scene.wait("it works", |scene| scene.metric("clout_events_total") == 10.0);
    let before = scene.process_kib("VmRSS");
    let send = |codec, records: &(Vec<u8>, i32)| produce(broker, &scene.input, codec, records).expect("it is stored");
    let spoilt = send(Codec::Lz4, &spoilt());
    // 4 GB, 900 MB, 800 MB in small records, and more records than anybody sends at once.
    let vast = send(Codec::Zstd, &Records::zstd().push_many(40, &[0; 1 << 20], 100).finish());
    let large = send(Codec::Gzip, &Records::gzip().push_many(9, &[0; 1 << 20], 100).finish());
    let packed = send(Codec::Zstd, &Records::zstd().push_many(1_600, &[b'x'; 500_000], 1).finish());
    let many = send(Codec::Zstd, &Records::zstd().push_many(300_000, b"", 1).finish());
    scene.act(10, 0);
    scene.wait("it goes on", |scene| scene.metric("clout_events_total") == 20.0);
    scene.wait("all are put aside", |scene| scene.metric("clout_dead_letters_total") == 1_612.0);
    let grown = scene.process_kib("VmHWM").saturating_sub(before) / 1_024;
    eprintln!("{grown} MiB more at most");
    assert!(grown < 190, "{grown} MiB more");
    let letters = read(broker, &scene.letters());
    let whole = "this record and all others of its batch cannot be unpacked";
    for (first, count, codec, why) in [
        (spoilt, 2, "lz4", "contentChecksum_invalid"),
        (vast, 40, "zstd", "it takes more than 64 MiB"),
        (many, 300_000, "zstd", "more than 262144 records"),
    ] {
        let [(0, None, told)] = of_batch(&letters, first, count)[..] else { panic!("one letter of {codec}: {why}") };
        assert!(told.starts_with(whole) && told.contains(codec) && told.contains(why), "{told}");
    }
    let begins = "its batch takes more than 64 MiB unpacked: of this record only the beginning was read";
    assert_eq!(of_batch(&letters, large, 9), vec![(65_536, Some("104857600"), begins); 9]);
    assert_eq!(of_batch(&letters, packed, 1_600), vec![(1_024, Some("500000"), begins); 1_600]);
    assert!(
        letters.iter().all(|letter| header(letter, "__connect.errors.exception.class.name") == Some("clout.Packed"))
    );
    // The same slices once more, and nothing comes twice.
    scene.kill();
    scene.start();
    scene.act(5, 0);
    scene.wait("it goes on", |scene| scene.metric("clout_events_total") == 5.0);
    assert_eq!(read(broker, &scene.letters()).len(), 1_612);
    // Who keys the topic anew puts them aside as well.
    let (to, id) = (topic(broker, "keyed", 1), scene.id.clone());
    let (from, letters) = (format!("{}:json", scene.input), topic(broker, "aside", 1));
    let route = ["route", "--application-id", &id, "--from", &from, "--to", &to, "--dead-letters", &letters, "--once"];
    let said = done(broker, &route).stderr;
    assert!(said.lines().any(|line| line.starts_with("routed 25 records from ")), "{said}");
    assert_eq!(read(broker, &letters).len(), 1_612);
}

/// Brokers do not look at what lies behind a frame, and nothing is lost for it.
#[test]
fn what_follows_behind_a_frame_is_left_alone() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "json", &[]);
    scene.start();
    let event = format!(r#"{{"actor":"{}","target":"bo","kind":"retweet","at":1700000000000}}"#, scene.actor_of(0));
    let records = |records: Records| records.push(b"k", event.as_bytes()).push(b"k", b"no event").finish();
    let (mut gzip, count) = records(Records::gzip());
    gzip.extend_from_slice(b"more");
    produce(broker, &scene.input, Codec::Gzip, &(gzip, count)).expect("it is stored");
    let (content, count) = records(Records::plain());
    // Bare Snappy: how long it is, and one literal.
    let mut snappy = vec![content.len() as u8 | 0x80, (content.len() >> 7) as u8, 61 << 2];
    snappy.extend_from_slice(&(content.len() as u16 - 1).to_le_bytes());
    snappy.extend_from_slice(&content);
    produce(broker, &scene.input, Codec::Snappy, &(snappy, count)).expect("it is stored");
    scene.wait("all are taken", |scene| scene.metric("clout_input_records_total") == 4.0);
    assert_eq!((scene.metric("clout_events_total"), scene.metric("clout_dead_letters_total")), (2.0, 2.0));
}
