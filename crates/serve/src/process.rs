//! What the system knows about this process, under the names that ready-made dashboards use. Read from /proc: on other
//! systems there is nothing.

use std::fs;

/// The numbers that there are, by the name of their metric.
pub(crate) fn numbers() -> Vec<(&'static str, f64)> {
    [
        ("process_resident_memory_bytes", status("VmRSS:").map(|kilobytes| kilobytes * 1_024.0)),
        ("process_threads", status("Threads:")),
        ("process_cpu_seconds_total", cpu_seconds()),
        ("process_start_time_seconds", start_time()),
        ("process_open_fds", fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as f64)),
        ("process_max_fds", max_fds()),
    ]
    .into_iter()
    .filter_map(|(name, number)| Some((name, number?)))
    .collect()
}

/// A number of the process' status.
fn status(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// A field of `stat`, counted from 1 as its manual does. The second one is the name, which may hold anything.
fn stat(field: usize) -> Option<f64> {
    const FIRST_BEHIND_THE_NAME: usize = 3;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(field - FIRST_BEHIND_THE_NAME)?.parse().ok()
}

fn cpu_seconds() -> Option<f64> {
    Some((stat(14)? + stat(15)?) / ticks_a_second())
}

fn start_time() -> Option<f64> {
    let system = fs::read_to_string("/proc/stat").ok()?;
    let booted: f64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(booted + stat(22)? / ticks_a_second())
}

fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    limit.split_whitespace().next()?.parse().ok()
}

#[cfg(unix)]
fn ticks_a_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

#[cfg(not(unix))]
fn ticks_a_second() -> f64 {
    100.0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn the_numbers_are_of_this_process() {
        let of = |name: &str| numbers().into_iter().find(|(found, _)| *found == name).expect(name).1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let started = of("process_start_time_seconds");
        assert!(now - 3_600.0 < started && started <= now + 2.0, "{started} {now}");
        let (cpu, open) = (of("process_cpu_seconds_total"), of("process_open_fds"));
        let files: Vec<_> = (0..10).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        assert!(of("process_open_fds") >= open + files.len() as f64 - 5.0);
        assert!(of("process_max_fds") > of("process_open_fds"));
        let until = cpu + 0.05;
        while of("process_cpu_seconds_total") < until {
            std::hint::black_box((0..100_000u64).sum::<u64>());
        }
        assert!(of("process_threads") >= 1.0 && of("process_resident_memory_bytes") > 1e6);
    }
}
