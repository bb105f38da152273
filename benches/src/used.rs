//! These functions read from `/proc` how much of the machine a process has used.

use std::fs;
use std::io;

/// Seconds of processor time that a process has used, of all its threads, those of the system for it included. One that has
/// ended is still told of until somebody has waited for it.
///
/// # Errors
/// If there is no such process.
pub fn cpu_secs(process: u32) -> io::Result<f64> {
    let ticks = stat(process, ticks)?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Returns true if a process has ended and nobody has waited for it yet.
///
/// # Errors
/// If there is no such process.
pub fn has_ended(process: u32) -> io::Result<bool> {
    stat(process, |stat| Some(stat.rsplit_once(')')?.1.trim_start().starts_with('Z')))
}

/// The most memory that a process has had.
///
/// # Errors
/// If there is no such process, or it has ended.
pub fn peak_bytes(process: u32) -> io::Result<u64> {
    let path = format!("/proc/{process}/status");
    peak(&fs::read_to_string(&path)?).ok_or_else(|| unreadable(&path))
}

fn stat<T>(process: u32, of: impl Fn(&str) -> Option<T>) -> io::Result<T> {
    let path = format!("/proc/{process}/stat");
    of(&fs::read_to_string(&path)?).ok_or_else(|| unreadable(&path))
}

fn unreadable(path: &str) -> io::Error {
    io::Error::other(format!("{path} cannot be read"))
}

/// The fields 14 and 15, for the user and the system. The second one is a name in brackets, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_used_is_read() {
        let stat =
            "12 (a (b) c) S 1 12 12 0 -1 4194560 500 0 0 0 1234 66 0 0 20 0 9 0 100 1000 10 18446744073709551615";
        assert_eq!(ticks(stat), Some(1_300));
        assert_eq!(ticks("12 (a"), None);
        assert_eq!(peak("Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 7 kB\n"), Some(2 << 20));
        assert_eq!(peak("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let bytes = peak_bytes(std::process::id()).unwrap();
        assert!(bytes > 1 << 20, "{bytes}");
        assert!(cpu_secs(std::process::id()).unwrap() >= 0.0);
        assert!(!has_ended(std::process::id()).unwrap());
    }
}
