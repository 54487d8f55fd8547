//! How much memory a run can have at most.

use std::fs;

use super::options::Mode;
use super::plan::Plan;
use crate::config::{Diagnostics, DistributedSpec};

/// Notes an error at each value of a spec that takes more memory than this machine has, to train so many
/// sessions at a time as `plan`, where there is one, does in this mode with so many threads.
pub fn refuse_beyond_memory(
    plan: Option<&Plan>,
    mode: Mode,
    threads: usize,
    found: &mut Diagnostics,
) {
    let Some(memory) = machine_memory() else { return };
    let sessions = plan.map_or(1, |plan| plan.sessions_at_a_time(mode, threads));
    let are_workers = plan.is_some_and(|plan| plan.spec.meta.distributed != DistributedSpec::Off);
    found.refuse_beyond(memory, sessions, if are_workers { fewer_workers } else { fewer_sessions });
}

fn fewer_sessions(count: usize) -> String {
    format!("`--threads {count}` trains {count} at a time")
}

fn fewer_workers(_: usize) -> String {
    "`meta.max_session` says how many workers train, all of them at a time".to_owned()
}

/// Bytes of memory and swap that this process may use; none where the system does not tell.
fn machine_memory() -> Option<u64> {
    let group = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok();
    let limits = [group("memory.max"), group("memory.swap.max")];
    usable(&fs::read_to_string("/proc/meminfo").ok()?, limits)
}

/// Memory and swap of Linux's `/proc/meminfo`, which counts in units of 1024 bytes, each within the
/// limit of the control group, in bytes; one that is not there or "max" is none.
fn usable(meminfo: &str, limits: [Option<String>; 2]) -> Option<u64> {
    let value = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        let number = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
        number.checked_mul(1024)
    };
    let there = [value("MemTotal:")?, value("SwapTotal:").unwrap_or(0)];
    let limits = limits.map(|limit| limit.and_then(|text| text.trim().parse::<u64>().ok()));
    let [memory, swap] = [0, 1].map(|k| there[k].min(limits[k].unwrap_or(u64::MAX)));
    memory.checked_add(swap)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1000 kB and 24 kB are 1,024,000 and 24,576 bytes.
    #[test]
    fn memory_and_swap_are_added_up_within_the_limit_of_each() {
        let text = "MemTotal:       1000 kB\nMemFree:  7 kB\nSwapTotal:         24 kB\n";
        let within = |memory: &str, swap: &str| {
            let limits = [memory, swap].map(|limit| (!limit.is_empty()).then(|| limit.to_owned()));
            usable(text, limits)
        };
        assert_eq!(within("", ""), Some(1024 * 1024));
        assert_eq!(within("max\n", "max\n"), Some(1024 * 1024));
        assert_eq!(within("4096\n", "max\n"), Some(4096 + 24_576));
        assert_eq!(within("4096\n", "100\n"), Some(4196));
        assert_eq!(within("4096\n", ""), Some(4096 + 24_576));
        assert_eq!(within("99999999\n", "0\n"), Some(1_024_000));
        assert_eq!(usable("MemTotal: 3 kB\n", [None, None]), Some(3 * 1024));
        assert_eq!(usable("SwapTotal: 3 kB\n", [None, None]), None);
    }
}
