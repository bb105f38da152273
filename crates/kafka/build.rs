//! Tells the linker which of librdkafka's functions are wrapped, and why: `src/native/leaders.rs`. The linker is told by
//! each package that has programs; all of them share this script.

fn main() {
    println!("cargo::rerun-if-env-changed=CARGO_CFG_TARGET_OS");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        for function in ["rd_kafkap_leader_discovery_set_topic", "rd_kafkap_leader_discovery_set_CurrentLeader"] {
            println!("cargo::rustc-link-arg=-Wl,--wrap={function}");
        }
    }
}
