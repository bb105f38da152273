//! Tells the linker which of librdkafka's functions are wrapped, and why: `src/native/leaders.rs` and `unpack.rs`. The
//! linker is told by each package that has programs; all of them share this script.

const WRAPPED: [&str; 8] = [
    "rd_kafkap_leader_discovery_set_topic",
    "rd_kafkap_leader_discovery_set_CurrentLeader",
    "rd_gz_decompress",
    "rd_kafka_lz4_decompress",
    "rd_kafka_snappy_java_uncompress",
    "rd_kafka_snappy_uncompress",
    "rd_kafka_snappy_uncompressed_length",
    "rd_kafka_zstd_decompress",
];

fn main() {
    println!("cargo::rerun-if-env-changed=CARGO_CFG_TARGET_OS");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        WRAPPED.iter().for_each(|function| println!("cargo::rustc-link-arg=-Wl,--wrap={function}"));
    }
}
